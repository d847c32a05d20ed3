//! Benchmarks: the same reading over SSH by fabric's client, by OpenSSH and by a bare russh loop, side by side in one run.
//!
//! `fabric-bench [--rounds N] [-- COMMAND...]`; the command, if given, is a `fabric` that runs a no-op script. It is timed against
//! the start of `/bin/true`. `docs/benchmarks.md` says how to read the table.

mod bare;
mod client;
mod fleet;
mod measure;
mod openssh;

use std::process::ExitCode;

use crate::fleet::Fleet;
use crate::measure::{Row, Sample, in_process, processes};

/// Rounds of each measurement unless told otherwise; odd, so that the median is one of them.
const ROUNDS: usize = 9;

/// Hosts of the fan-out, and commands of the sequence.
const HOSTS: usize = 50;
const COMMANDS: usize = 200;

/// What all of them run: the command of `ReadCommand::Clock`.
const COMMAND: &str = "/usr/bin/date --utc +%s.%N";

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    match measure_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fabric-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut rounds, mut no_op) = (ROUNDS, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().ok_or("--rounds needs a number")?.parse()?,
            "--" => no_op.extend(arguments.by_ref()),
            other => return Err(format!("unknown argument `{other}`; see docs/benchmarks.md").into()),
        }
    }
    if !no_op.is_empty() {
        cold_start(rounds, &no_op)?;
    }
    let fleet = Fleet::start(HOSTS)?;
    fan_out(rounds, &fleet)?;
    sequence(rounds, &fleet)?;
    jump(rounds, &fleet)
}

/// The rows of one table. Each closure is one contestant's whole run, from a standing start.
type Contestants<'a> = Vec<(&'static str, Box<dyn Fn() -> Outcome<Sample> + 'a>)>;

/// Runs the contestants in turn, round after round, so that whatever else the machine does hits all alike.
fn compare(title: &str, rounds: usize, contestants: Contestants<'_>) -> Outcome<()> {
    let mut rows: Vec<Row> = contestants.iter().map(|(name, _)| Row::new(name)).collect();
    for _ in 0..rounds {
        for (row, (_, run)) in rows.iter_mut().zip(&contestants) {
            row.add(run()?);
        }
    }
    measure::print(title, &rows);
    Ok(())
}

fn cold_start(rounds: usize, no_op: &[String]) -> Outcome<()> {
    let program = |argv: &[String]| -> Outcome<Sample> {
        let (program, arguments) = argv.split_first().ok_or("no command")?;
        let mut command = std::process::Command::new(program);
        command.args(arguments).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        processes(move || match command.status()?.success() {
            true => Ok(()),
            false => Err("the no-op command failed; run it by hand to see why".into()),
        })
    };
    let contestants: Contestants<'_> = vec![
        ("a process (true)", Box::new(move || program(&["/bin/true".to_owned()]))),
        ("fabric", Box::new(move || program(no_op))),
    ];
    compare("Cold start of a no-op script", rounds, contestants)
}

fn fan_out(rounds: usize, fleet: &Fleet) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("bare russh", Box::new(|| in_process(|| bare::fan_out(fleet)))),
        ("fabric client", Box::new(|| in_process(|| client::fan_out(fleet)))),
        ("OpenSSH, fresh", Box::new(|| processes(|| openssh::fan_out(fleet)))),
    ];
    compare(&format!("One fact from {HOSTS} hosts, fresh connections"), rounds, contestants)
}

fn sequence(rounds: usize, fleet: &Fleet) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("bare russh", Box::new(|| in_process(|| bare::sequence(fleet, COMMANDS)))),
        ("fabric client", Box::new(|| in_process(|| client::sequence(fleet, COMMANDS)))),
        ("fabric client, 8 at a time", Box::new(|| in_process(|| client::concurrent(fleet, COMMANDS)))),
        ("OpenSSH, ControlMaster", Box::new(|| processes(|| openssh::sequence(fleet, COMMANDS)))),
    ];
    compare(&format!("{COMMANDS} facts from one host, one after the other"), rounds, contestants)
}

fn jump(rounds: usize, fleet: &Fleet) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("bare russh", Box::new(|| in_process(|| bare::jump(fleet)))),
        ("fabric client", Box::new(|| in_process(|| client::jump(fleet)))),
        ("OpenSSH, ssh -J", Box::new(|| processes(|| openssh::jump(fleet)))),
    ];
    compare("One fact through a jump host", rounds, contestants)
}
