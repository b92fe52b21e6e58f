//! Saved paths, played again by a graded test: they hold, or break an invariant, or no longer can be followed.

use super::{Hand, Scene};
use crate::explore::Choice;
use crate::grade::Test;
use crate::regress::{Regression, Regressions};
use node::Node;

/// On the learner's code: plays every saved path of the lab, or the one that `LAB_PATH` names. A path that cannot be followed any more is said
/// and counts as held: other code sends other messages.
///
/// Every scene is looked at as well, so that a scene whose nodes do not even start is noticed.
#[track_caller]
pub fn saved<N: Node>(t: &mut Test, lab: &str, scenes: &[Scene<N>]) {
    let only = std::env::var("LAB_PATH").ok();
    if only.is_none() {
        for scene in scenes {
            let hand = Hand::new(scene);
            play(t, lab, &hand, None);
            let offers = hand.look(0).offers.len();
            t.check(
                offers > 0,
                format!("scene {}: something can happen", scene.name),
            );
        }
    }
    let paths = Regressions::paths(lab);
    let wanted = |one: &&Regression| only.as_ref().is_none_or(|only| one.test == *only);
    for one in paths.iter().filter(wanted) {
        let Some(scene) = scenes.iter().find(|s| Some(s.name) == one.scene.as_deref()) else {
            println!("{}: its scene is gone; delete it", one.test);
            continue;
        };
        let steps = one.steps.iter().flatten().map(|step| step.parse());
        match steps.collect::<Result<Vec<Choice>, _>>() {
            Ok(path) => play(t, lab, &Hand::on(scene, path), Some(&one.test)),
            Err(why) => println!("{}: {why}", one.test),
        }
    }
}

#[track_caller]
fn play<N: Node>(t: &mut Test, lab: &str, hand: &Hand<'_, N>, name: Option<&str>) {
    let walk = hand.walk(0);
    let frame = hand.look(0);
    if let (Some(name), Some(parted)) = (name, &frame.parted) {
        println!(
            "{name}: holds as far as it can be followed, {} of {} steps; then `{}`: {}",
            parted.after,
            hand.path().len(),
            parted.step,
            parted.why
        );
    }
    let failure = walk.played.failure.filter(|_| frame.broken.is_some());
    let replay = name.map(|name| format!("cargo lab replay {lab} {name}"));
    t.account(walk.played.checks, &frame.trace, failure, replay.as_deref());
}
