//! Why events about changes cannot have happened as the journal says.

use fabric_model::Slug;

use crate::event::Act;

/// An order of events that no run of fabric leaves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disorder {
    /// The event does not belong into a run that may do no more than this.
    #[error("no `{event}` stands in a run that may `{}`", .act.as_str())]
    Act {
        /// The kind of event.
        event: &'static str,
        /// What the run may do.
        act: Act,
    },
    /// An intent before the guards let anything through.
    #[error("a change is intended before the guards were met")]
    Unguarded,
    /// An intent after its operation came to its end.
    #[error("a change is intended after everything was committed")]
    AfterCommit,
    /// The numbers of planned or intended changes do not ascend.
    #[error("change {got} stands after change {last}")]
    Number {
        /// The number before.
        last: u32,
        /// The number.
        got: u32,
    },
    /// An intent of another run.
    #[error("the intent is that of run {0}")]
    Intent(Slug),
    /// Something happens to a change that was never intended.
    #[error("change {0} was never intended")]
    NotIntended(u32),
    /// Something is said to be made of a change that is being taken back.
    #[error("change {0} is already being taken back")]
    TakenBack(u32),
    /// A change of another run is taken back in a run that does not follow its recovery.
    #[error("the changes of run {0} are not this run's to take back")]
    OtherRun(Slug),
    /// Taking back ends without having begun.
    #[error("taking change {0} back did not begin")]
    UndoNotBegun(u32),
    /// An intent in a scope that is not open, or whose end has come.
    #[error("a change is intended in scope {0}, which is not open")]
    ScopeNotOpen(u64),
    /// A scope ends that did not begin, or is undone before the script came to its end.
    #[error("scope {0} ends before it should")]
    ScopeOrder(u64),
    /// A scope is said to be restored although one of its changes is not.
    #[error("scope {scope} is said to be restored, and change {change} is not")]
    ScopeNotRestored {
        /// The scope.
        scope: u64,
        /// The change.
        change: u32,
    },
    /// The changes of a GameDay stay.
    #[error("the changes of a script of kind `{0}` cannot stay")]
    Kind(String),
    /// Not as many changes are committed as were intended.
    #[error("{committed} changes are committed, and {intended} were intended")]
    Committed {
        /// As the event says.
        committed: u32,
        /// As the journal says.
        intended: u32,
    },
    /// A second plan.
    #[error("a run has one plan")]
    SecondPlan,
}
