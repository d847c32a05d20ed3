//! Benchmarks: the start of a script, and the same reading over SSH, by fabric, by OpenSSH and by the least that is possible, side by
//! side in one run.
//!
//! `fabric-bench [--rounds N] [--fabric PROGRAM] [--only evidence]`; the program is the `fabric` beside this one unless told otherwise.
//! `docs/benchmarks.md` says how to read the tables.

mod bare;
mod change;
mod client;
mod door;
mod evidence;
mod fleet;
mod jitter;
mod language;
mod measure;
mod memory;
mod openssh;
mod project;
mod whole;

use std::process::{Command, ExitCode};

use crate::fleet::Fleet;
use crate::measure::{Row, Sample, in_process, processes};
use crate::project::Project;

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
    let (mut rounds, mut fabric) = (ROUNDS, std::env::current_exe()?.with_file_name("fabric"));
    let mut only = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().ok_or("--rounds needs a number")?.parse()?,
            "--only" => only = arguments.next(),
            "--fabric" => fabric = arguments.next().ok_or("--fabric needs a program")?.into(),
            floor @ (whole::HELLO | whole::HELLO_ENGINE) => return whole::be_floor(floor),
            worker @ (door::LOCKED | door::UNLOCKED) => return door::be_worker(worker),
            evidence::SEAL => {
                return evidence::be_sealer(arguments.next().ok_or("--seal needs a folder")?.as_ref());
            }
            engine @ (language::RHAI | language::LUAU) => return language::be_engine(engine),
            other => return Err(format!("unknown argument `{other}`; see docs/benchmarks.md").into()),
        }
    }
    let program = std::path::absolute(fabric)?;
    if only.as_deref() == Some("evidence") {
        return evidence::print(rounds, &program.with_file_name("fabric-verify"));
    }
    let fleet = Fleet::start(HOSTS)?;
    let project = Project::write(program.clone(), &fleet)?;
    cold_start(rounds, &project)?;
    workers(rounds)?;
    loops(rounds, &project)?;
    calls(rounds, &project)?;
    many_hosts(rounds, &project)?;
    fan_out(rounds, &fleet, &project)?;
    sequence(rounds, &fleet, &project)?;
    jump(rounds, &fleet, &project)?;
    changes(rounds)?;
    jitter::print(&program)?;
    evidence::print(rounds, &program.with_file_name("fabric-verify"))?;
    println!("\nThe most memory of each process\n");
    println!("| {:<14} | {:<7} | {:>8} |\n|:{:-<14}-|:{:-<7}-|{:->9}:|", "", "", "MiB", "", "", "");
    for script in ["noop.rhai", "noop.luau", "fanout.rhai", "sequence.rhai"] {
        memory::print(script, project.command(&["run", script]))?;
    }
    for script in ["calls.rhai", "calls.luau", "many.rhai", "many.luau"] {
        memory::print(script, project.rehearsal(script))?;
    }
    Ok(())
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

fn cold_start(rounds: usize, project: &Project) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("a process (true)", Box::new(|| whole::program(Command::new("/bin/true")))),
        ("bare Rust", Box::new(|| whole::floor(whole::HELLO))),
        ("bare Rust, Rhai engine", Box::new(|| whole::floor(whole::HELLO_ENGINE))),
        ("fabric run", Box::new(|| whole::fabric(project, &["noop.rhai"]))),
        ("fabric run --output json", Box::new(|| whole::fabric(project, &["noop.rhai", "--output", "json"]))),
    ];
    compare("Start of a script that does nothing", rounds, contestants)
}

fn workers(rounds: usize) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("a process (true)", Box::new(|| whole::program(Command::new("/bin/true")))),
        ("worker, not locked down", Box::new(|| door::begin(door::UNLOCKED))),
        ("worker, locked down", Box::new(|| door::begin(door::LOCKED))),
    ];
    compare("Start of a worker until its first frame", rounds, contestants)
}

fn loops(rounds: usize, project: &Project) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("bare Rhai engine", Box::new(|| whole::floor(language::RHAI))),
        ("fabric run, Rhai", Box::new(|| whole::fabric(project, &["loop.rhai"]))),
        ("bare Luau", Box::new(|| whole::floor(language::LUAU))),
        ("fabric run, Luau", Box::new(|| whole::fabric(project, &["loop.luau"]))),
    ];
    compare(&format!("{} rounds of a loop", language::ROUNDS), rounds, contestants)
}

fn calls(rounds: usize, project: &Project) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("bare frames", Box::new(door::bare)),
        ("one after the other, Rhai", Box::new(|| whole::program(project.rehearsal("calls.rhai")))),
        ("one after the other, Luau", Box::new(|| whole::program(project.rehearsal("calls.luau")))),
        ("by `par`, Rhai", Box::new(|| whole::program(project.rehearsal("parallel.rhai")))),
        ("by `par`, Luau", Box::new(|| whole::program(project.rehearsal("parallel.luau")))),
    ];
    compare(&format!("{} calls over the door, answered by the twin", door::CALLS), rounds, contestants)
}

fn many_hosts(rounds: usize, project: &Project) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("a loop, Rhai", Box::new(|| whole::program(project.rehearsal("one-by-one.rhai")))),
        ("`par`, Rhai", Box::new(|| whole::program(project.rehearsal("many.rhai")))),
        ("`par`, Luau", Box::new(|| whole::program(project.rehearsal("many.luau")))),
    ];
    compare(&format!("One fact from {} hosts of the twin", project::MANY), rounds, contestants)
}

fn fan_out(rounds: usize, fleet: &Fleet, project: &Project) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("bare russh", Box::new(|| in_process(|| bare::fan_out(fleet)))),
        ("fabric client", Box::new(|| in_process(|| client::fan_out(fleet)))),
        ("fabric run", Box::new(|| whole::fabric(project, &["fanout.rhai"]))),
        ("OpenSSH, fresh", Box::new(|| processes(|| openssh::fan_out(fleet)))),
    ];
    compare(&format!("One fact from {HOSTS} hosts, fresh connections"), rounds, contestants)
}

fn sequence(rounds: usize, fleet: &Fleet, project: &Project) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("bare russh", Box::new(|| in_process(|| bare::sequence(fleet, COMMANDS)))),
        ("fabric client", Box::new(|| in_process(|| client::sequence(fleet, COMMANDS)))),
        ("fabric client, 8 at a time", Box::new(|| in_process(|| client::concurrent(fleet, COMMANDS)))),
        ("fabric run", Box::new(|| whole::fabric(project, &["sequence.rhai"]))),
        ("OpenSSH, ControlMaster", Box::new(|| processes(|| openssh::sequence(fleet, COMMANDS)))),
    ];
    compare(&format!("{COMMANDS} facts from one host, one after the other"), rounds, contestants)
}

fn changes(rounds: usize) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("bare write and fdatasync", Box::new(change::bare)),
        ("gate, intent, seal, journal", Box::new(change::recorded)),
    ];
    compare(&format!("The record of {} changes", change::CHANGES), rounds, contestants)?;
    let contestants: Contestants<'_> =
        vec![("bare JSON", Box::new(change::written)), ("plan digest", Box::new(change::digested))];
    compare(&format!("The digest of a plan of {} changes", change::PLANNED), rounds, contestants)
}

fn jump(rounds: usize, fleet: &Fleet, project: &Project) -> Outcome<()> {
    let contestants: Contestants<'_> = vec![
        ("bare russh", Box::new(|| in_process(|| bare::jump(fleet)))),
        ("fabric client", Box::new(|| in_process(|| client::jump(fleet)))),
        ("fabric run", Box::new(|| whole::fabric(project, &["jump.rhai", "--site", "behind.toml"]))),
        ("OpenSSH, ssh -J", Box::new(|| processes(|| openssh::jump(fleet)))),
    ];
    compare("One fact through a jump host", rounds, contestants)
}
