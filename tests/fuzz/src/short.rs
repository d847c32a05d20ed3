//! The short run: every seed as it is, and a fixed number of mutations.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::mutation::{Dice, mutate};
use crate::target::Target;

/// An input that a target does not bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The target's name.
    pub target: &'static str,
    /// The seed, and which mutation of it.
    pub origin: String,
    /// The bytes.
    pub input: Vec<u8>,
}

/// Runs a target over its seeds and over mutations of them, and returns how many inputs that were.
///
/// # Errors
/// The first input on which it panics; the panic's own message is on standard error.
pub fn replay(target: &Target, seeds: &[(String, Vec<u8>)]) -> Result<u32, Finding> {
    let bear = |origin: String, input: Vec<u8>| {
        // Nothing that the target holds is used again after a panic.
        let run = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
        run.map_err(|_| Finding { target: target.name, origin, input })
    };
    let mut inputs = 0;
    for (name, seed) in seeds {
        bear(name.clone(), seed.clone())?;
        inputs += 1;
    }
    for number in 0..target.mutations {
        let mut dice = Dice::new(number.into());
        let picked = (dice.pick(seeds), dice.pick(seeds));
        let (Some((name, seed)), Some((_, other))) = picked else { break };
        bear(format!("{name}, mutation {number}"), mutate(seed, other, &mut dice))?;
        inputs += 1;
    }
    Ok(inputs)
}
