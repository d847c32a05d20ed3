//! A program that is given bytes and answers with bytes, within a time and a size.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fabric_model::exit::Exit;

use crate::boundary;
use crate::refusal::Refusal;

/// The most that is read of an answer, in bytes: a certificate with many certifications; a signature has under 2 KiB.
const ANSWER_LIMIT: u64 = 1 << 20;

/// The most that is read of what it complains about, in bytes.
const COMPLAINT_LIMIT: u64 = 4 << 10;

/// How often it is looked whether the program has ended.
const LOOK: Duration = Duration::from_millis(5);

/// A program and how long it may take.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<String>,
    patience: Duration,
}

impl Program {
    /// # Errors
    /// When the path is not absolute, leads to no file, or others can write that.
    pub(super) fn at(path: &Path, patience: Duration) -> Result<Self, Refusal> {
        let shown = path.display();
        if !path.is_absolute() {
            let message = format!("the signing program `{shown}` is not named by its whole path");
            return Err(Refusal::new(Exit::Configuration, message));
        }
        if !path.is_file() {
            let message = format!("there is no signing program {shown}");
            return Err(Refusal::new(Exit::Configuration, message)
                .hint("Install it, or name the right one in `signer.toml`."));
        }
        boundary::of_one_writer(path)?;
        Ok(Self { path: path.to_owned(), arguments: Vec::new(), patience })
    }

    /// Runs it on `input` and brings its standard output.
    ///
    /// # Errors
    /// When it cannot be started, fails, takes too long or says too much; in a few words without a period.
    pub(super) fn run(
        &self,
        arguments: &[&str],
        environment: BTreeMap<OsString, OsString>,
        input: &[u8],
    ) -> Result<Vec<u8>, String> {
        let mut child = Command::new(&self.path)
            .args(arguments)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("it cannot be started: {error}"))?;
        let answer = child.stdout.take().map(|pipe| read(pipe, ANSWER_LIMIT));
        let complaint = child.stderr.take().map(|pipe| read(pipe, COMPLAINT_LIMIT));
        let input = input.to_owned();
        let stdin = child.stdin.take();
        // It may answer before it has read everything, or never read at all.
        let fed = thread::spawn(move || stdin.map_or(Ok(()), |mut pipe| pipe.write_all(&input)));
        let ended = self.ended(&mut child);
        let answer = joined(answer);
        let complaint = joined(complaint).unwrap_or_default();
        let fed = fed.join();
        let status = ended?;
        if !status.success() {
            return Err(format!("it ended with {status}{}", quoted(&complaint)));
        }
        match fed {
            Ok(Ok(())) => {}
            _ => return Err("it did not read what it was to sign".to_owned()),
        }
        let answer = answer.map_err(|error| format!("its answer cannot be read: {error}"))?;
        if answer.len() as u64 > ANSWER_LIMIT {
            return Err(format!("its answer is longer than {ANSWER_LIMIT} bytes"));
        }
        Ok(answer)
    }

    fn ended(&self, child: &mut Child) -> Result<std::process::ExitStatus, String> {
        let began = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if began.elapsed() < self.patience => thread::sleep(LOOK),
                Ok(None) => {
                    let gone = child.kill().and_then(|()| child.wait());
                    gone.map_err(|error| format!("it cannot be ended: {error}"))?;
                    return Err(format!("it took longer than {} s", self.patience.as_secs()));
                }
                Err(error) => return Err(format!("it cannot be waited for: {error}")),
            }
        }
    }
}

/// Reads a pipe to its end and keeps one byte more than `limit` of it.
fn read(mut pipe: impl Read + Send + 'static, limit: u64) -> JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        (&mut pipe).take(limit + 1).read_to_end(&mut kept)?;
        io::copy(&mut pipe, &mut io::sink())?;
        Ok(kept)
    })
}

fn joined(reading: Option<JoinHandle<io::Result<Vec<u8>>>>) -> io::Result<Vec<u8>> {
    let lost = || io::Error::other("nobody read it");
    reading.ok_or_else(lost)?.join().map_err(|_| lost())?
}

/// The last line of what it complained about, without anything that a terminal would obey.
fn quoted(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let shown: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
    if shown.is_empty() { shown } else { format!(": {}", shown.trim()) }
}
