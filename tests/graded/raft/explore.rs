//! What `cargo lab explore raft` offers: the scenes of the stages, and the paths that were saved in them.

mod support;

use dist_raft::{Change, Op, Raft};
use node::Addr;
use sim::hand::{self, Scene};
use sim::{Checker, Event, Step, Violation, grade, ms};
use support::*;

/// Each of `ops`, asked of each of `servers`.
fn each(servers: &[Addr], ops: &[Op]) -> Vec<(Addr, Op)> {
    let of = |server: &Addr| {
        let server = *server;
        ops.iter().map(move |op| (server, op.clone()))
    };
    servers.iter().flat_map(of).collect()
}

/// Before stage 3 there is no disk: who crashes has forgotten its vote and its log, and no code of
/// that stage can help it. What comes after a crash is not judged.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct UntilACrash {
    safety: Safety,
    over: bool,
}

impl Checker<Raft> for UntilACrash {
    fn watches_messages(&self) -> bool {
        Checker::<Raft>::watches_messages(&self.safety)
    }
    fn after(&mut self, step: &Step<'_, Raft>) -> Result<(), Violation> {
        self.over |= matches!(step.event, Event::Crash);
        match self.over {
            true => Ok(()),
            false => self.safety.after(step),
        }
    }
}

const ELECTED: [&str; 2] = ["G-I1 ElectionSafety", "G-I6 Monotonic"];
const REPLICATED: [&str; 4] = [
    "G-I2 LeaderAppendOnly",
    "G-I3 LogMatching",
    "G-I4 LeaderCompleteness",
    "G-I5 StateMachineSafety",
];

fn scenes() -> Vec<Scene<Raft>> {
    let propose = |text: &str| Op::Propose(text.into());
    let writes = [propose("a"), propose("b")];
    let compact = |index| Op::Compact {
        index: dist_raft::Index(index),
        image: format!("the state after entry {index}").as_str().into(),
    };
    let snapshots = [Op::Watch, propose("a"), compact(2), compact(3)];
    let safety = Safety::default;
    let spare = |change: fn(Addr) -> Change| [S4, S5].map(|s| Op::Change(change(s)));
    let removals = THREE.map(|s| Op::Change(Change::Remove(s)));
    let changes =
        [&spare(Change::AddLearner)[..], &spare(Change::Promote)[..], &removals[..], &writes[..1]]
            .concat();
    let configs = (safety(), UsableConfigs::default());
    let leased = (safety(), FreshReads::default());
    let transfers = THREE.map(Op::Transfer);
    let asks = [&writes[..], &[Op::Read], &transfers[..]].concat();
    vec![
        Scene::new("election", manual(1, &THREE), UntilACrash::default()).watching(ELECTED),
        Scene::new("five", manual(1, &FIVE), UntilACrash::default()).watching(ELECTED),
        Scene::new("logs", manual(2, &THREE), UntilACrash::default())
            .watching(ELECTED)
            .watching(REPLICATED)
            .asking(each(&THREE, &writes)),
        Scene::new("disks", manual(3, &THREE), safety())
            .watching(ELECTED)
            .watching(REPLICATED)
            .watching(["G-I7 DurableVote"])
            .asking(each(&THREE, &writes)),
        Scene::new("reads", manual(4, &THREE), (safety(), FreshReads::default()))
            .watching(ELECTED)
            .watching(REPLICATED)
            .watching(["G-I7 DurableVote", "G-I8 FreshReads"])
            .asking(each(&THREE, &[propose("a"), Op::Read])),
        Scene::new("snapshots", manual(5, &THREE), safety())
            .watching(ELECTED)
            .watching(REPLICATED)
            .watching(["G-I7 DurableVote"])
            .asking(each(&THREE, &snapshots)),
        Scene::new("members", members(&THREE, &[S4, S5]), configs)
            .watching(ELECTED)
            .watching(REPLICATED)
            .watching(["G-I7 DurableVote", "G-I11 UsableConfigs"])
            .asking(each(&THREE, &changes)),
        Scene::new("clocks", cluster(6, &THREE), leased)
            .watching(ELECTED)
            .watching(REPLICATED)
            .watching(["G-I7 DurableVote", "G-I8 FreshReads"])
            .asking(each(&THREE, &asks))
            .timed(ms(50)),
    ]
}

#[test]
#[ignore = "answers the page of `cargo lab explore raft`"]
fn by_hand() {
    hand::serve(&scenes());
}

#[test]
fn saved_paths() {
    grade("saved paths", |t| hand::saved(t, "raft", &scenes()));
}
