//! Cases of scripts: what a script must find on the twin when that and that is wrong with it.

mod compare;
mod file;
pub(crate) mod output;

pub(crate) use compare::{Difference, differences};
pub(crate) use file::{Case, CaseFile, ENDING};
