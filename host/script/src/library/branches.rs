//! `par`: one function over the items of a list, several at a time. How a branch runs is the language's; how many there may be,
//! and where each stands, is said here.

use std::sync::Arc;

use fabric_model::check::Place;

use super::branch::{Branch, Run};
use super::raised::{Raised, argument};
use super::{Arguments, Caller, Language};
use crate::link::held;

/// `par` within `par`.
const PAR_DEPTH: u32 = 3;

pub(super) async fn par<L: Language, C: Caller<L>>(
    caller: &C,
    arguments: &Arguments<'_, L, C>,
) -> Result<L::Value, L::Error> {
    caller.par(arguments.items(0), arguments.function(1)?).await
}

/// Counts the branches of one `par` and says where they stand.
///
/// # Errors
/// When they are too many, or nest too deep.
pub(crate) fn begin_branches<L: Language>(branch: &Branch<L>, count: usize) -> Result<Place, Raised> {
    if branch.depth >= PAR_DEPTH {
        return Err(argument(format!("`par` nests deeper than {PAR_DEPTH}")));
    }
    branch.run.begin_branches(count)?;
    Ok(branch.next_place())
}

/// The right to run one more branch beside the others.
pub(crate) struct Slot(Arc<Run>);

impl Slot {
    /// As many as are free, at most `wanted`.
    pub(crate) fn take(run: &Arc<Run>, wanted: usize) -> Vec<Self> {
        let mut free = held(&run.free_slots);
        let taken = u32::try_from(wanted).unwrap_or(u32::MAX).min(*free);
        *free -= taken;
        (0..taken).map(|_| Self(Arc::clone(run))).collect()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *held(&self.0.free_slots) += 1;
    }
}
