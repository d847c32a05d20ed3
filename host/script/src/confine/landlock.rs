//! Landlock: everything that it knows is handled, and nothing is allowed.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, LandlockStatus, RestrictionStatus,
    Ruleset, RulesetAttr as _, RulesetError, RulesetStatus, Scope,
};

/// The newest version that this build knows. What the kernel has of it is used.
const NEWEST: ABI = ABI::V9;

/// The version from which nothing is missing that a worker could use: files, devices, TCP, signals and abstract sockets. What came
/// later governs several threads and the kernel's log.
const WHOLE: ABI = ABI::V6;

/// Restricts this process, and every thread that it begins.
///
/// # Errors
/// What the kernel lacks, in words.
pub(super) fn restrict() -> Result<(), String> {
    let status = apply().map_err(|error| error.to_string())?;
    match status.landlock {
        LandlockStatus::NotImplemented => Err("the kernel has none".to_owned()),
        LandlockStatus::NotEnabled => Err("it is not enabled at boot".to_owned()),
        LandlockStatus::Available { .. } if status.ruleset == RulesetStatus::NotEnforced => {
            Err("the kernel enforces nothing of it".to_owned())
        }
        LandlockStatus::Available { effective_abi, .. } if effective_abi < WHOLE => Err(format!(
            "the kernel has version {} of it; from version {} on it is whole",
            effective_abi as u32, WHOLE as u32
        )),
        LandlockStatus::Available { .. } => Ok(()),
    }
}

fn apply() -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .restrict_self()
}
