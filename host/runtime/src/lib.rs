//! A run of fabric: load, gate, observe, record, seal; and what is left to do when the host was killed.

mod boundary;
mod call;
mod change;
mod conduct;
mod door;
pub mod gameday;
pub mod guard;
pub mod home;
mod lab_guard;
mod ledger;
mod probe;
mod recorder;
pub mod recording;
pub mod recover;
mod redacted;
mod refusal;
mod resolve;
pub mod run;
mod run_id;
pub mod script;
pub mod site;
mod started;
mod wall;
mod watch;
mod watching;
mod worker;
mod world;

pub use home::Home;
pub use ledger::{EndedCheck, status};
pub use refusal::Refusal;
pub use run::{Execution, Finished, Run, run, run_with};
pub use script::Script;
pub use started::Started;
pub use watch::{Unwatched, Watch};
pub use worker::{WORKER_SUBCOMMAND, Worker};
pub use world::World;
