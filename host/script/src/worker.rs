//! The worker program: a child process that gets a script over its standard input, runs it, and asks the host for every effect.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use fabric_model::door::{self, Broken, FromWorker, Outcome, Start};

use crate::confine::{Unconfined, close_inherited, confine};
use crate::language::Language;
use crate::link::Link;
use crate::{luau, rhai};

/// The stack of the main branch, in bytes. The engine recurses over values, and a script can nest them faster than a limit
/// on operations ends it; what still overflows kills this process, which the host sees.
const SCRIPT_STACK: usize = 64 << 20;

/// Why the worker ended without an [`FromWorker::End`] frame.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The stream did not begin with a [`Start`] frame, or took none.
    #[error("no script came: {0}")]
    NoStart(#[from] Broken),
    /// The process could not give up what it must.
    #[error("the worker is not confined: {0}")]
    Unconfined(#[from] Unconfined),
    /// The system gave no stream or no thread.
    #[error("the worker cannot work: {0}")]
    System(#[from] io::Error),
    /// The host went away, or sent what is not a reply to an open call.
    #[error("the host is gone")]
    HostGone,
}

/// The program. Its standard input is the stream to the host, a Unix socket; it uses nothing else.
pub fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        // The host tells from the missing `End` frame, and says more than this process could.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Locks the process down and says so, before it reads anything of the run.
fn start() -> Result<(), Unfinished> {
    close_inherited()?;
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let confinement = confine(&stream)?;
    door::write(&mut stream, &FromWorker::Confined { version: door::VERSION, confinement })?;
    run(stream)
}

/// Runs one script over a stream to the host and returns once it is over or the stream is.
///
/// A script that still computes when the stream breaks is left on its thread, told to stop at its next operation; [`main`]
/// ends the process with it.
///
/// # Errors
/// When no `End` frame was sent.
pub fn run(stream: UnixStream) -> Result<(), Unfinished> {
    let mut reader = stream.try_clone()?;
    // The host still reads its files.
    rhai::engine::prepare();
    let start: Start = door::read(&mut reader)?;
    let closer = Closer(stream.try_clone()?);
    let (ended, end) = std::sync::mpsc::channel();
    let link = Arc::new(Link::new(stream));
    let script_link = Arc::clone(&link);
    thread::Builder::new().name("script".to_owned()).stack_size(SCRIPT_STACK).spawn(move || {
        // Dropped at the end and in a panic alike: the reader below then returns.
        let _closer = closer;
        let outcome = execute(start, &script_link);
        let sent = script_link.send(&FromWorker::End { outcome });
        // The receiver lives until the reader returns, which waits for the closer.
        let _received = ended.send(sent.is_ok());
    })?;
    link.hand_out(reader);
    if end.try_recv() == Ok(true) { Ok(()) } else { Err(Unfinished::HostGone) }
}

/// Ends the stream when the script is over, whoever still holds it.
struct Closer(UnixStream);

impl Drop for Closer {
    fn drop(&mut self) {
        // A stream that is closed already needs no closing.
        let _closed = self.0.shutdown(Shutdown::Both);
    }
}

fn execute(start: Start, link: &Arc<Link>) -> Outcome {
    if start.version != door::VERSION {
        let message =
            format!("the worker speaks version {} of the door, the host {}", door::VERSION, start.version);
        return Outcome::Threw { message };
    }
    match Language::of(&start.path) {
        Language::Rhai => rhai::execute(start, link),
        Language::Luau => luau::execute(start, link),
    }
}
