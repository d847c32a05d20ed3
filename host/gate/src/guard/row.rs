//! The rows of the policy: `[[guard]]` and `[[authority]]`.

use std::fmt;
use std::str::FromStr;

use fabric_model::{Class, PrimitiveName, Slug};

use super::situation::Touch;
use crate::pattern::Pattern;
use crate::policy::{Entry, Names, Primitives};

/// How long an approval counts where its row does not say, in minutes: a day. Whoever approves may make it shorter.
pub(crate) const APPROVAL_MINUTES: u32 = 24 * 60;

/// A `[[guard]]`.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) environments: Names,
    pub(crate) roles: Names,
    pub(crate) entries: Vec<Entry>,
    pub(crate) requires: Requirements,
}

/// A requirement and the line on which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Required<T> {
    pub(crate) value: T,
    pub(crate) line: usize,
}

/// What a row requires. What it does not name, it does not require; CI is refused unless it is let in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requirements {
    /// The fewest characters of a reason.
    pub(crate) reason_min: Option<Required<u32>>,
    /// The longest window, in minutes.
    pub(crate) window: Option<Required<u32>>,
    /// Who must have approved.
    pub(crate) approvals: Option<Required<ApprovalRule>>,
    /// Whether CI is let in.
    pub(crate) ci_allowed: bool,
    /// The line of `ci`, where it stands.
    pub(crate) ci_line: Option<usize>,
    /// The line of `boundary = "enforced"`.
    pub(crate) enforced: Option<usize>,
    /// The line of `confinement = "full"`.
    pub(crate) confined: Option<usize>,
    /// The oldest plan, in minutes.
    pub(crate) plan_age: Option<Required<u32>>,
    /// What may be changed at most.
    pub(crate) budget: Option<Required<Budget>>,
    /// The kinds of script that may change anything here.
    pub(crate) kinds: Option<Required<Vec<ScriptKind>>>,
}

/// Who must have approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApprovalRule {
    /// By how many principals.
    pub(crate) count: u32,
    /// In which roles.
    pub(crate) roles: Vec<Slug>,
    /// How long one counts, in minutes from when it was made.
    pub(crate) max_minutes: u32,
}

/// What may be changed at most. Each change counts once for every target that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    /// By one run, in the environments of the row.
    pub(crate) changes_per_run: Option<u32>,
    /// By all runs, in each of its environments.
    pub(crate) changes_per_hour: Option<u32>,
    /// Distinct targets of one run, in the environments of the row.
    pub(crate) targets_per_run: Option<u32>,
}

/// The kinds of script that can change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScriptKind {
    Gameday,
    Dr,
    Operation,
}

/// An `[[authority]]`: where freezes, approvals, used nonces and budgets of environments are kept.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) environments: Vec<(Slug, usize)>,
    /// Relative to the policy file, or absolute.
    pub(crate) folder: String,
    /// In which roles a freeze is lifted; none where every principal may.
    pub(crate) thaw_roles: Vec<Slug>,
}

impl Guard {
    /// Whether the row is about a change. Naming a thing names every part of it, as in a denial: a guard must not be passed by
    /// naming a part.
    pub(crate) fn is_about(&self, touch: &Touch, roles: &[Slug]) -> bool {
        self.environments.have(&touch.environment)
            && self.roles.have_any(roles)
            && self.entry_of(touch).is_some()
    }

    /// Whether the row opens the environment to such a change at all. What destroys is let in by names alone, as with grants:
    /// a `*` does not stand for it.
    pub(crate) fn admits(&self, touch: &Touch, roles: &[Slug]) -> bool {
        let spelled_out = || {
            self.environments != Names::All
                && self.entries.iter().any(|entry| {
                    entry.primitives == Primitives::One(touch.primitive.clone())
                        && entry.patterns.iter().any(|(p, _)| p.permits(Class::Destroy, &touch.resource))
                })
        };
        self.is_about(touch, roles) && (touch.class < Class::Destroy || spelled_out())
    }

    /// Whether the row is about some change that a declared need can be.
    pub(crate) fn may_be_about(
        &self,
        primitive: &PrimitiveName,
        need: &Pattern,
        environment: &Slug,
        roles: &[Slug],
    ) -> bool {
        let about = |pattern: &Pattern| pattern.meets(need) || pattern.forbids_all_of(need);
        self.environments.have(environment)
            && self.roles.have_any(roles)
            && self.entries.iter().any(|entry| {
                entry.primitives.have(primitive) && entry.patterns.iter().any(|(pattern, _)| about(pattern))
            })
    }

    fn entry_of(&self, touch: &Touch) -> Option<&Entry> {
        self.entries.iter().find(|entry| {
            entry.primitives.have(&touch.primitive)
                && entry.patterns.iter().any(|(pattern, _)| pattern.forbids(&touch.resource))
        })
    }
}

impl ScriptKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Gameday => "gameday",
            Self::Dr => "dr",
            Self::Operation => "operation",
        }
    }
}

/// Why a text is not a [`ScriptKind`].
#[derive(Debug)]
pub(crate) struct NotAKind(String);

impl fmt::Display for NotAKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a kind of script that changes anything: gameday, dr, operation", self.0)
    }
}

impl FromStr for ScriptKind {
    type Err = NotAKind;

    fn from_str(text: &str) -> Result<Self, NotAKind> {
        let kinds = [Self::Gameday, Self::Dr, Self::Operation];
        kinds.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| NotAKind(text.to_owned()))
    }
}
