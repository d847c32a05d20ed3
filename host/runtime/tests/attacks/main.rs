//! Workers that are wholly malicious: each runs in a process of its own, started by a real host, and says and does what no sound
//! worker would. Whatever it is, its run ends as it should, its packet verifies, and nobody was contacted but whom script and policy allow.
//!
//! The host is this program, started again under the name of the attack (a link to it), and so is its worker: that is how a worker,
//! which has neither environment nor arguments of its own, knows what to do.

mod attacks;
mod door;
mod host;
#[path = "../denials/watched.rs"]
mod watched;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex, PoisonError};

use attacks::{ATTACKS, Attack};
use fabric_runtime::WORKER_SUBCOMMAND;
use host::Outcome;
use libtest_mimic::{Arguments, Failed, Trial};

/// The first argument of this program when it is the host of an attack.
const HOST: &str = "host";

/// What each attack came to, for the table.
type Table = Arc<Mutex<BTreeMap<&'static str, String>>>;

fn main() -> ExitCode {
    let program = std::env::current_exe().expect("a program has a path");
    let attack = program.file_name().and_then(|name| name.to_str()).and_then(attacks::find);
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), attack) {
        (Some(WORKER_SUBCOMMAND), Some(attack)) => door::attack(attack),
        (Some(HOST), Some(attack)) => host::meet(attack),
        _ => run_all(&program),
    }
}

fn run_all(program: &Path) -> ExitCode {
    // Beside the program itself, because a link cannot lead to another file system.
    let folder = program.parent().expect("a program lies somewhere");
    let folder = Arc::new(tempfile::tempdir_in(folder).expect("the build can be written"));
    let table = Table::default();
    let trials = ATTACKS.iter().map(|attack| {
        let (link, table) = (folder.path().join(attack.name), Arc::clone(&table));
        std::fs::hard_link(program, &link).expect("the folder is new");
        Trial::test(attack.name, move || judge(attack, &link, &table))
    });
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials.collect());
    for (attack, came_to) in table.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        eprintln!("{attack:48} -> {came_to}");
    }
    conclusion.exit_code()
}

fn judge(attack: &Attack, link: &PathBuf, table: &Table) -> Result<(), Failed> {
    let met = Command::new(link).arg(HOST).output()?;
    let said = String::from_utf8_lossy(&met.stdout);
    let outcome: Outcome = serde_json::from_str(&said)
        .map_err(|_| format!("the host ended as {}: {}", met.status, String::from_utf8_lossy(&met.stderr)))?;
    let shown = format!("exit {} ({})", outcome.code, outcome.how);
    table
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(attack.name, shown.chars().take(160).collect());
    match attack.against(&outcome) {
        None => Ok(()),
        Some(through) => Err(format!("it got through: {through}: {outcome:?}").into()),
    }
}
