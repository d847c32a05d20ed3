//! The exemptions of `tests/ratchets/registry.txt`.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fabric_primitives::registry::REGISTRY;
use libtest_mimic::Failed;

use crate::properties_of;

/// How many there are. It goes down with the list and never up.
const COUNT: usize = 0;

pub(crate) fn exemptions() -> BTreeSet<String> {
    listed(include_str!("../../../../tests/ratchets/registry.txt"))
}

fn listed(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// An exempt property must fail, or its line is to go.
pub(crate) fn still_needed(holds: impl FnOnce()) -> Result<(), Failed> {
    match catch_unwind(AssertUnwindSafe(holds)) {
        Err(_) => Ok(()),
        Ok(()) => Err("it holds: take its line out of tests/ratchets/registry.txt".into()),
    }
}

pub(crate) fn names_what_exists() -> Result<(), Failed> {
    let exempt = exemptions();
    let known: BTreeSet<String> = REGISTRY
        .iter()
        .flat_map(|primitive| {
            properties_of(*primitive).map(|(property, _)| format!("{}::{property}", primitive.name()))
        })
        .collect();
    assert_eq!(exempt.len(), COUNT, "the list and its number shrink together, and neither grows");
    assert_eq!(exempt.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "no such property");
    // Planted: a comment is no exemption, and one that is not needed is refused.
    assert_eq!(listed("# a::b\n\n c::d \n"), BTreeSet::from(["c::d".to_owned()]));
    assert!(still_needed(|| {}).is_err());
    Ok(())
}
