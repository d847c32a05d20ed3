//! The hostile corpus, `tests/hostile/scripts`: each script is rehearsed by the whole program, on a twin whose every request is counted.
//!
//! Whatever a script tries, it ends as its `expect.toml` says, its packet verifies, nobody was asked anything that it may not ask, the twin
//! is as it was, and what people see obeys no script. Prints a table of what came of each.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a trial fails by panicking, and the counter stands between the program and its twin"
)]

mod attack;
#[cfg(not(fabric_removable_protections))]
mod corpus;
mod counter;
#[path = "../../../../tests/hostile/experiments.rs"]
mod experiments;
mod judge;
mod project;
#[cfg(fabric_removable_protections)]
mod without;

use std::process::ExitCode;

#[cfg(not(fabric_removable_protections))]
use corpus::trials;
use libtest_mimic::Arguments;
#[cfg(fabric_removable_protections)]
use without::trials;

fn main() -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), trials()).exit_code()
}
