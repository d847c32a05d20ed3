//! Programs of the machine: run to their end, with what they printed.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::error::LabError;

/// How much of a failed program's last words are kept, in bytes: enough for apt's final lines.
const LAST_WORDS: usize = 2000;

/// Runs `argv` and returns what it printed on standard output.
pub(crate) fn run<S: AsRef<OsStr>>(argv: &[S]) -> Result<String, LabError> {
    run_with_input(argv, "")
}

/// Runs `argv` with `input` on its standard input.
pub(crate) fn run_with_input<S: AsRef<OsStr>>(argv: &[S], input: &str) -> Result<String, LabError> {
    let output = output(argv, input)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failure(argv, &output))
}

/// Whether `argv` ended with success; its output is dropped.
pub(crate) fn succeeds<S: AsRef<OsStr>>(argv: &[S]) -> bool {
    output(argv, "").is_ok_and(|output| output.status.success())
}

/// Runs `argv` to its end, however it ends.
pub(crate) fn output<S: AsRef<OsStr>>(argv: &[S], input: &str) -> Result<Output, LabError> {
    let (program, arguments) =
        argv.split_first().ok_or_else(|| LabError::Usage("no command was given".to_owned()))?;
    let not_started = |source: std::io::Error| LabError::Program {
        program: line(argv),
        status: "not started".to_owned(),
        stderr: source.to_string(),
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(not_started)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input closes the pipe; its exit status tells whether that mattered.
        let _closed_early = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output().map_err(not_started)
}

fn failure<S: AsRef<OsStr>>(argv: &[S], output: &Output) -> LabError {
    let words = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    let from = words.len().saturating_sub(LAST_WORDS);
    let tail = String::from_utf8_lossy(words.get(from..).unwrap_or_default());
    LabError::Program {
        program: line(argv),
        status: output.status.to_string(),
        stderr: tail.trim().to_owned(),
    }
}

fn line<S: AsRef<OsStr>>(argv: &[S]) -> String {
    argv.iter().map(|word| word.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The words of a command line that needs no quoting.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
