//! Workers that are wholly malicious: each runs in a process of its own, started by a real host, and says and does what no sound
//! worker would. Whatever it is, its run ends as it should, its packet verifies, and nobody was contacted but whom script and policy allow.
//!
//! The host is this program, started again under the name of the attack (a link to it), and so is its worker: that is how a worker,
//! which has neither environment nor arguments of its own, knows what to do.

mod attacks;
mod door;
#[path = "../../../../tests/hostile/experiments.rs"]
mod experiments;
mod host;
#[path = "../denials/watched.rs"]
mod watched;

use std::path::Path;
use std::process::{Command, ExitCode};

use attacks::{ATTACKS, Attack};
use experiments::Kind;
use fabric_runtime::WORKER_SUBCOMMAND;
use host::Outcome;
use libtest_mimic::{Arguments, Failed, Trial};

/// The first argument of this program when it is the host of an attack.
const HOST: &str = "host";

/// Seconds until a host is given up: what gets through may never end.
const PATIENCE: &str = if cfg!(fabric_removable_protections) { "30" } else { "600" };

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
    let folder = tempfile::tempdir_in(folder).expect("the build can be written");
    for attack in ATTACKS {
        std::fs::hard_link(program, folder.path().join(attack.name)).expect("the folder is new");
    }
    libtest_mimic::run(&Arguments::from_args(), trials(folder.path())).exit_code()
}

/// Each attack is stopped.
#[cfg(not(fabric_removable_protections))]
fn trials(folder: &Path) -> Vec<Trial> {
    for experiments::Experiment { protection, attack, .. } in experiments::all(Kind::Workers) {
        assert!(attacks::find(&attack).is_some(), "{protection}: there is no attack `{attack}`");
    }
    let trial = |attack: &'static Attack| {
        let link = folder.join(attack.name);
        Trial::test(attack.name, move || match met(attack, &link, "")? {
            (shown, None) => {
                println!("{:<48} -> {shown}", attack.name);
                Ok(())
            }
            (shown, Some(through)) => Err(format!("it got through: {through}: {shown}").into()),
        })
    };
    ATTACKS.iter().map(trial).collect()
}

/// Each attack gets through where the protection is taken away that it would not get past.
#[cfg(fabric_removable_protections)]
fn trials(folder: &Path) -> Vec<Trial> {
    let trial = |experiment: experiments::Experiment| {
        let attack = attacks::find(&experiment.attack).expect("the table names attacks");
        let link = folder.join(attack.name);
        Trial::test(experiment.name(), move || {
            let how = experiment.play(|without| match met(attack, &link, without) {
                Ok((_, through)) => through,
                Err(failed) => failed.message().map(str::to_owned),
            })?;
            println!("{experiment} {how}");
            Ok(())
        })
    };
    experiments::all(Kind::Workers).into_iter().map(trial).collect()
}

/// What an attack came to, and how it got through, if it did.
fn met(attack: &Attack, link: &Path, without: &str) -> Result<(String, Option<String>), Failed> {
    let mut host = Command::new("timeout");
    host.args(["--kill-after=1", PATIENCE]).arg(link).arg(HOST).env("FABRIC_WITHOUT", without);
    let met = host.output()?;
    let said = String::from_utf8_lossy(&met.stdout);
    let outcome: Outcome = serde_json::from_str(&said)
        .map_err(|_| format!("the host ended as {}: {}", met.status, String::from_utf8_lossy(&met.stderr)))?;
    let shown = format!("exit {} ({})", outcome.code, outcome.how);
    Ok((shown.chars().take(160).collect(), attack.against(&outcome)))
}
