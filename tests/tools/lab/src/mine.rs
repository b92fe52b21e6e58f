//! The learner's own tests, judged on the reference and on the bugs of the ✎ stages.

use crate::error::Error;
use crate::manifest::{Lab, Stage};
use crate::points::Points;
use crate::verdict::StageResult;
use crate::workbook::Workbook;

/// What each bug of a ✎ stage is worth.
pub fn shares(stage: &Stage, bugs: usize) -> Vec<Points> {
    stage
        .own_points()
        .split(&vec![Points::from_thousandths(1); bugs])
}

/// Adds the bugs of each ✎ stage to its result.
pub fn grade(_workbook: &Workbook, _lab: &Lab, _results: &mut [StageResult]) -> Result<(), Error> {
    Ok(())
}

/// The names of the tests that stand for the bugs of a ✎ stage.
pub fn names(_workbook: &Workbook, _lab: &Lab, _stage: &Stage) -> Vec<String> {
    Vec::new()
}
