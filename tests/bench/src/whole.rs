//! Whole programs, from `exec` to the end: fabric itself, and the floors of its start.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use rhai::Engine;

use crate::Outcome;
use crate::measure::{Sample, children_cpu};
use crate::project::{FIRST, LAST, Project};

/// Arguments that make this program one of the floors.
pub(crate) const HELLO: &str = "--hello";
pub(crate) const HELLO_ENGINE: &str = "--hello-engine";

/// Runs a script of the project with the whole of fabric, its worker included.
pub(crate) fn fabric(project: &Project, arguments: &[&str]) -> Outcome<Sample> {
    let mut all = vec!["run"];
    all.extend(arguments);
    program(project.command(&all))
}

/// Runs this program as one of its floors.
pub(crate) fn floor(argument: &str) -> Outcome<Sample> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(argument);
    program(command)
}

/// What [`floor`] starts: a program that says its line and ends, with an engine or without.
pub(crate) fn be_floor(argument: &str) -> Outcome<()> {
    if argument == HELLO_ENGINE {
        let mut engine = Engine::new();
        engine.on_print(|text| println!("{text}"));
        engine.run(&format!("print(\"{FIRST}\");"))?;
    } else {
        println!("{FIRST}");
    }
    Ok(())
}

/// Times a program that must succeed, its children included where it waits for them.
pub(crate) fn program(mut command: Command) -> Outcome<Sample> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let cpu_before = children_cpu()?;
    let start = Instant::now();
    let mut child = command.spawn()?;
    let (mut first, mut last) = (None, None);
    for line in BufReader::new(child.stdout.take().ok_or("no output")?).lines() {
        match line? {
            line if line.contains(FIRST) => first = Some(start.elapsed()),
            line if line.contains(LAST) => last = Some(start.elapsed()),
            _ => {}
        }
    }
    let ended = child.wait_with_output()?;
    let wall = start.elapsed();
    if !ended.status.success() {
        return Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&ended.stderr)).into());
    }
    let script = first.zip(last).map(|(first, last)| last.saturating_sub(first));
    Ok(Sample { first, script, wall, cpu: children_cpu()?.saturating_sub(cpu_before) })
}
