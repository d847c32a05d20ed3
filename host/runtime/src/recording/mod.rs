//! Recordings: keeping what a site answers to a run, and running the same script again on what was kept, without the site.

mod answers;
mod asked;
mod difference;
mod file;
mod keeping;
mod replay;
mod sealed;

pub(crate) use answers::Answers;
pub(crate) use asked::Asked;
pub(crate) use difference::difference;
pub use file::{Recorded, check_place, load, save};
pub(crate) use sealed::{seams, writing};

/// Where the answers to the calls of a run come from.
#[derive(Clone, Debug, Default)]
pub enum Source {
    /// From the site.
    #[default]
    Site,
    /// From the site, and they are kept for a recording.
    Kept,
    /// From a recording; there is no site.
    Recording(std::sync::Arc<Recorded>),
}
