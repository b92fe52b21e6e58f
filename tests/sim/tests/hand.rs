//! A run by hand: each choice leads where the simulator says, and the way back is the shorter path.

#[path = "toys/commit.rs"]
mod commit;
#[path = "toys/election.rs"]
mod election;
#[path = "toys/lease.rs"]
mod lease;
#[path = "toys/stage.rs"]
mod stage;

use commit::Process;
use election::{Bug, Raft};
use lease::Lease;
use sim::explore::{Budget, Choice, Scope, explore, replay};
use sim::hand::{Deed, Frame, Hand, Scene, Topic, retrace};
use sim::ms;
use stage::{OneHolder, OneLeader, OneOutcome, committers, lenders, voters};

fn election(bug: Bug) -> Scene<Raft> {
    Scene::new("election", voters(bug), OneLeader::default()).watching(["Election safety"])
}

fn lending(from_reply: bool) -> Scene<Lease> {
    Scene::new("lending", lenders(from_reply), OneHolder).timed(ms(10))
}

/// The deed that `word` names on the card of that topic, node and text.
fn deed(frame: &Frame, topic: Topic, node: u32, word: &str) -> Deed {
    let mut cards = frame
        .offers
        .iter()
        .filter(|o| o.topic == topic && o.node == node);
    let found = cards.find_map(|o| o.deeds.iter().find(|d| d.word == word));
    found
        .unwrap_or_else(|| panic!("no {word} for {topic:?} of {node} in {:#?}", frame.offers))
        .clone()
}

fn choose(hand: &mut Hand<'_, Raft>, topic: Topic, node: u32, word: &str) -> Frame {
    for step in deed(&hand.look(1), topic, node, word).steps {
        hand.take(&step).expect("an offer's step is a choice");
    }
    hand.look(1)
}

#[test]
fn a_leader_is_elected_by_hand_and_each_step_has_words() {
    let scene = election(Bug::None);
    let mut hand = Hand::new(&scene);
    choose(&mut hand, Topic::Timer, 1, "Fire");
    choose(&mut hand, Topic::Message, 2, "Deliver");
    let frame = choose(&mut hand, Topic::Message, 1, "Deliver");
    let view = frame.nodes[0].view.as_ref().expect("it is up");
    assert_eq!(view["role"], "Leader");
    let before = frame.nodes[0].before.as_ref().expect("it was up");
    assert_eq!(before["role"], "Candidate", "what changed is told");
    assert_eq!(frame.said.len(), 3);
    assert!(
        frame.said[1].starts_with("voter 2 receives “RequestVote"),
        "{}",
        frame.said[1]
    );
    assert_eq!((frame.broken, frame.parted), (None, None));
    assert!(frame.trace.violation.is_none() && frame.figure.contains("receives"));
}

#[test]
fn the_same_path_leads_to_the_same_state_and_back_is_the_shorter_path() {
    let scene = election(Bug::None);
    let mut hand = Hand::new(&scene);
    let mut hashes = vec![hand.look(1).hash];
    for (topic, node, word) in [
        (Topic::Timer, 1, "Fire"),
        (Topic::Message, 2, "Drop"),
        (Topic::Message, 3, "Deliver, keep a copy"),
        (Topic::Node, 3, "Crash"),
        (Topic::Node, 3, "Restart"),
        (Topic::Node, 2, "Pause"),
        (Topic::Node, 1, "Cut off"),
    ] {
        hashes.push(choose(&mut hand, topic, node, word).hash);
    }
    let text: Vec<String> = hand.path().iter().map(Choice::to_string).collect();
    let parsed = text
        .iter()
        .map(|step| step.parse().expect("it is a choice"));
    assert_eq!(Hand::on(&scene, parsed.collect()).look(1).hash, hashes[7]);
    while let Some(hash) = hashes.pop() {
        assert_eq!(hand.look(1).hash, hash);
        assert_eq!(hand.back(), !hashes.is_empty());
    }
}

#[test]
fn a_violation_has_its_name_and_nothing_comes_after_it() {
    let scene = election(Bug::NoSync);
    let mut hand = Hand::new(&scene);
    for node in [1, 3] {
        choose(&mut hand, Topic::Timer, node, "Fire");
    }
    let votes = |hand: &mut Hand<'_, Raft>, candidate: u32| {
        let asks = hand.look(1).offers.into_iter();
        let mut asks = asks.filter(|o| (o.from, o.node) == (Some(candidate), 2));
        let step = asks.next().expect("it asks node 2").deeds[0].steps[0].clone();
        hand.take(&step).expect("a choice");
        choose(hand, Topic::Message, candidate, "Deliver")
    };
    // To begin with, nobody hears the other candidate.
    for (from, to) in [(1, 3), (3, 1)] {
        let lost = format!("lose {from}>{to} RequestVote {{ term: 1 }}");
        hand.take(&lost).expect("a choice");
    }
    assert_eq!(votes(&mut hand, 1).broken, None);
    choose(&mut hand, Topic::Node, 2, "Crash");
    choose(&mut hand, Topic::Node, 2, "Restart");
    let frame = votes(&mut hand, 3);
    let broken = frame.broken.expect("voter 2 voted twice");
    assert_eq!(broken.invariant, "Election safety");
    assert!(frame.offers.is_empty() && frame.trace.violation.is_some());
    assert_eq!(frame.path.len(), hand.path().len());
    // The unsynced vote might as well have been kept.
    let kept = frame
        .path
        .iter()
        .map(|s| s.replace("crash 2", "crash 2 | keep vote=1"));
    let kept = kept.map(|s| s.parse().expect("a choice")).collect();
    let frame = Hand::on(&scene, kept).look(1);
    assert_eq!(frame.broken, None);
    let parted = frame.parted.expect("there is no second vote to deliver");
    assert_eq!(parted.after, frame.path.len());
    assert!(
        parted.why.contains("no message of that kind"),
        "{}",
        parted.why
    );
}

#[test]
fn what_cannot_be_taken_is_said_and_the_rest_stands() {
    let scene = election(Bug::None);
    for (step, why) in [
        ("fire 9 Election", "no node"),
        ("ask 0@1 Anything", "do not ask"),
        ("deliver 1>2 Vote", "no message of that kind"),
        ("restart 1", "is up"),
        ("cancel 3", "asked nothing"),
    ] {
        let path = ["fire 1 Election", step, "crash 1"].map(|s| s.parse().expect("a choice"));
        let frame = Hand::on(&scene, path.to_vec()).look(1);
        let parted = frame.parted.unwrap_or_else(|| panic!("{step} was taken"));
        assert_eq!((parted.after, parted.step.as_str()), (1, step));
        assert!(parted.why.contains(why), "{}", parted.why);
        assert_eq!((frame.path.len(), frame.said.len()), (1, 1));
        assert!(frame.broken.is_none() && !frame.offers.is_empty());
        assert!(frame.trace.violation.is_none());
    }
}

#[test]
fn time_passes_when_it_is_chosen_and_a_timer_waits_until_it_is_due() {
    let scene = lending(false);
    let hand = Hand::new(&scene);
    let frame = hand.look(1);
    let due = frame.offers.iter().find(|o| o.topic == Topic::Timer);
    let due = due.and_then(|o| o.due).expect("a timer with its time");
    let client = frame
        .offers
        .iter()
        .find(|o| o.topic == Topic::Timer)
        .map(|o| o.node);
    let fire = deed(
        &frame,
        Topic::Timer,
        client.unwrap_or_default(),
        "Wait, then fire",
    );
    assert_eq!(fire.steps.len(), 2);
    let path = fire.steps.iter().map(|s| s.parse().expect("a choice"));
    let after = Hand::on(&scene, path.collect()).look(2);
    assert_eq!(i64::try_from(after.now), Ok(due));
    assert!(after.offers.iter().any(|o| o.topic == Topic::Message));
    let path = vec!["wait 3ms".parse().expect("a choice")];
    assert_eq!(Hand::on(&scene, path).look(1).now, 3_000);
}

#[test]
fn a_schedule_of_the_explorer_is_a_path() {
    let scope = Scope::new().budget(Budget {
        fires: 2,
        crashes: 1,
        ..Budget::default()
    });
    let seen = explore(&voters(Bug::NoSync), OneLeader::default(), &scope).expect("no prefix");
    let found = seen.counterexample().expect("two leaders").clone();
    let scene = election(Bug::NoSync);
    let frame = Hand::on(&scene, found.schedule).look(1);
    assert_eq!(
        frame.broken.map(|b| b.invariant),
        Some("Election safety".into())
    );
}

#[test]
fn a_recorded_run_is_taken_up_until_it_breaks_the_same() {
    let scope = Scope::new().budget(Budget {
        fires: 2,
        crashes: 1,
        ..Budget::default()
    });
    let scenario = voters(Bug::NoSync);
    let seen = explore(&scenario, OneLeader::default(), &scope).expect("no prefix");
    let found = seen.counterexample().expect("two leaders");
    let trace = replay(&scenario, OneLeader::default(), &scope, &found.schedule).trace;
    let scenes = [election(Bug::NoSync)];
    let (at, path, left_out) = retrace(&scenes, &trace).expect("the nodes are the scene's");
    assert_eq!((at, left_out), (0, Vec::<String>::new()));
    let frame = Hand::on(&scenes[0], path.clone()).look(1);
    assert_eq!(
        frame.broken.map(|b| b.invariant),
        Some("Election safety".into())
    );
    // Other code: the same run, and all is well.
    let right = election(Bug::None);
    assert_eq!(Hand::on(&right, path).look(1).broken, None);
}

#[test]
fn a_task_that_is_still_to_do_and_a_panic_are_told_apart() {
    let scene: Scene<Process> = Scene::new("commit", committers(true), OneOutcome::default());
    assert_eq!(Hand::new(&scene).look(1).broken, None);
    let todo = Scene::new("unfinished", unfinished::scenario(false), ());
    let broken = Hand::new(&todo)
        .look(1)
        .broken
        .expect("it does not even boot");
    assert_eq!(broken.todo.as_deref(), Some("task 1.1"));
    let panics = Scene::new("unfinished", unfinished::scenario(true), ());
    let broken = Hand::new(&panics).look(1).broken.expect("it panics");
    assert_eq!(
        (broken.todo, broken.message.as_str()),
        (None, "no such luck")
    );
    assert!(broken.place.is_some_and(|p| p.contains("hand.rs")));
}

/// A node whose boot is not written yet, or wrong.
mod unfinished {
    use node::{Addr, Ctx, LocalTime, Node, OpId};
    use sim::Scenario;

    #[derive(Clone, PartialEq, Eq, Hash)]
    pub struct Unfinished;

    pub fn scenario(panics: bool) -> Scenario<Unfinished> {
        Scenario::new("toy").node(Addr(1), "one", "one", panics)
    }

    impl Node for Unfinished {
        type Config = bool;
        type Msg = ();
        type Timer = ();
        type Op = ();
        type Ret = ();
        type View = ();
        fn boot(cx: &mut Ctx<'_, Self>) -> Self {
            match cx.cfg() {
                true => panic!("no such luck"),
                false => todo!("task 1.1"),
            }
        }
        fn on_message(&mut self, _: &mut Ctx<'_, Self>, _: Addr, (): ()) {}
        fn on_timer(&mut self, _: &mut Ctx<'_, Self>, (): ()) {}
        fn on_op(&mut self, _: &mut Ctx<'_, Self>, _: OpId, (): ()) {}
        fn view(&self, _: LocalTime) {}
    }
}
