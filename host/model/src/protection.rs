//! The protections that stand between a script and everything else, by name.
//!
//! In every build that anybody uses, all of them stand, and [`stands`] is a constant. Only a build with
//! `--cfg fabric_removable_protections`, which the tests make for themselves, can take one away, to show which attacks then get
//! through. Such a build carries [`MARKER`], and a release build refuses that `cfg`.

use std::fmt;
use std::str::FromStr;

#[cfg(all(fabric_removable_protections, not(debug_assertions)))]
compile_error!("a release build has all protections: build without `--cfg fabric_removable_protections`");

/// What stands in each build whose protections can be taken away, and in no other.
pub const MARKER: Option<&str> =
    if cfg!(fabric_removable_protections) { Some("fabric-protections-are-removable") } else { None };

macro_rules! protections {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// One protection.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Protection {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Protection {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

protections! {
    /// The worker closes every descriptor that it inherited past the standard ones.
    ClosedDescriptors = "closed-descriptors",
    /// The worker dies with the host.
    DeathSignal = "death-signal",
    /// The worker's memory cannot be read by others of the account, nor dumped.
    Undumpable = "undumpable",
    /// The worker takes a limited amount of memory.
    MemoryLimit = "memory-limit",
    /// The worker takes a limited time of the processor.
    ProcessorLimit = "processor-limit",
    /// The worker writes no file and holds few.
    FileLimits = "file-limits",
    /// Nothing that the worker executes gains privileges.
    NoNewPrivileges = "no-new-privileges",
    /// The worker reaches no file, no port and no other process.
    Landlock = "landlock",
    /// The worker makes the listed system calls alone.
    Seccomp = "seccomp",
    /// The host looks for itself whether the worker is confined as it says.
    Witness = "witness",
    /// A script makes a limited number of operations.
    OperationLimit = "operation-limit",
    /// Functions of a script call each other to a limited depth.
    CallDepth = "call-depth",
    /// Expressions of a script nest to a limited depth.
    ExpressionDepth = "expression-depth",
    /// Values of a script have a limited size.
    ValueSizes = "value-sizes",
    /// No script runs text.
    NoEval = "no-eval",
    /// A script in Luau has the listed globals alone.
    Globals = "globals",
    /// No script in Luau changes what others see.
    ReadOnlyGlobals = "read-only-globals",
    /// A script prints a limited amount.
    OutputLimit = "output-limit",
    /// A script begins a limited number of branches.
    BranchLimit = "branch-limit",
    /// The title of a check is one short line.
    Titles = "titles",
    /// The path of a module is words below the project's root.
    ModulePaths = "module-paths",
    /// Modules lie within the project, wherever a link leads.
    ProjectBounds = "project-bounds",
    /// A script calls what its declared reach allows.
    Reach = "reach",
    /// A script calls what it declares.
    Declaration = "declaration",
    /// A script calls what the policy's allow rules grant, and on that alone.
    Grants = "grants",
    /// What a deny rule of the policy names is called by nobody.
    DenyRules = "deny-rules",
    /// No address that the policy denies is contacted.
    DeniedAddresses = "denied-addresses",
    /// An address in the form of the other family is the address that it means.
    CanonicalAddresses = "canonical-addresses",
    /// What a name or an address leads to is judged under every name that the site has for it.
    Aliases = "aliases",
    /// A run with a denial is a denied run, whatever its script made of it.
    DenialLatch = "denial-latch",
    /// No check passes over a call that failed.
    FailedCalls = "failed-calls",
    /// A frame has a limited size.
    FrameLimit = "frame-limit",
    /// No key stands twice in the arguments of a call.
    UniqueKeys = "unique-keys",
    /// A worker says nothing that a sound one would not.
    Conduct = "conduct",
    /// A run makes a limited number of calls.
    CallLimit = "call-limit",
    /// A run takes a limited time.
    TimeLimit = "time-limit",
    /// What scripts and peers say moves no cursor and ends no line on the terminal.
    PlainOutput = "plain-output",
    /// The same in reports.
    PlainReports = "plain-reports",
}

/// Whether a protection stands.
#[cfg(not(fabric_removable_protections))]
pub const fn stands(_protection: Protection) -> bool {
    true
}

#[cfg(fabric_removable_protections)]
pub use removable::{remove, removed, stands};

#[cfg(fabric_removable_protections)]
mod removable {
    use std::collections::BTreeSet;
    use std::sync::OnceLock;

    use super::{NoProtection, Protection};

    static REMOVED: OnceLock<BTreeSet<Protection>> = OnceLock::new();

    /// Takes protections away, named with commas between them, until the process ends. Only the first call counts.
    ///
    /// # Errors
    /// When a name is none.
    pub fn remove(names: &str) -> Result<(), NoProtection> {
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let removed = names.map(str::parse).collect::<Result<BTreeSet<Protection>, _>>()?;
        REMOVED.get_or_init(|| removed);
        Ok(())
    }

    /// What was taken away, as [`remove`] reads it.
    pub fn removed() -> String {
        let names = REMOVED.get().into_iter().flatten().map(|protection| protection.as_str());
        names.collect::<Vec<_>>().join(",")
    }

    /// Whether a protection stands.
    pub fn stands(protection: Protection) -> bool {
        REMOVED.get().is_none_or(|removed| !removed.contains(&protection))
    }
}

/// A name that no protection has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no protection `{0}`")]
pub struct NoProtection(String);

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Protection {
    type Err = NoProtection;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|protection| protection.as_str() == name);
        found.ok_or_else(|| NoProtection(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protection_stands_and_has_a_name_of_its_own() {
        for protection in Protection::ALL {
            assert!(stands(*protection), "{protection}");
            assert_eq!(protection.as_str().parse(), Ok(*protection));
        }
        assert_eq!("none".parse::<Protection>(), Err(NoProtection("none".to_owned())));
    }
}
