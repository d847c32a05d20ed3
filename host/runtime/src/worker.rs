//! The worker: a child process that holds the script engine and nothing else.

mod confined;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as PairedStream;
use std::process::{ExitStatus, Stdio};

use fabric_model::door::{self, Broken};
use fabric_model::exit::Exit;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};

pub(crate) use confined::Unbelieved;

use crate::refusal::Refusal;

/// The hidden subcommand under which the executable is the worker.
pub const WORKER_SUBCOMMAND: &str = "worker";

/// A running worker. Dropping it kills it.
pub struct Worker {
    pub(crate) process: Process,
    pub(crate) reader: FrameReader,
    pub(crate) writer: FrameWriter,
}

/// The worker's process. Dropping it kills it.
pub(crate) struct Process(Child);

/// The host's receiving end of the door.
pub(crate) struct FrameReader {
    stream: OwnedReadHalf,
    /// What has come and is not yet read as a frame.
    come: Vec<u8>,
}

/// Bytes that are asked of the stream at once.
const AT_ONCE: usize = 16 << 10;

/// The host's sending end of the door.
pub(crate) struct FrameWriter(OwnedWriteHalf);

impl Worker {
    /// Starts the own executable as a worker: empty environment, the door as its standard input, and no other descriptor. What
    /// it prints past the door goes nowhere.
    ///
    /// # Errors
    /// When the system gives no process. It needs the runtime of tokio around it.
    pub fn start() -> Result<Self, Refusal> {
        Self::spawn()
            .map_err(|error| Refusal::new(Exit::Bug, format!("the worker cannot be started: {error}")))
    }

    fn spawn() -> std::io::Result<Self> {
        let (ours, theirs) = PairedStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg0("fabric-worker").arg(WORKER_SUBCOMMAND);
        #[cfg(fabric_removable_protections)]
        command.arg(fabric_model::protection::removed());
        let child = command
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C on a terminal goes to the whole process group; it is for the host alone, which ends the worker itself.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (reader, writer) = UnixStream::from_std(ours)?.into_split();
        let reader = FrameReader { stream: reader, come: Vec::new() };
        Ok(Self { process: Process(child), reader, writer: FrameWriter(writer) })
    }
}

#[cfg(test)]
impl Worker {
    /// A worker that says whatever the holder of the other end says.
    pub(crate) fn crafted() -> std::io::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        // As a worker whose kernel has neither Landlock nor seccomp.
        let mut sleeping = Command::new("setpriv");
        let process = Process(sleeping.args(["--no-new-privs", "sleep", "600"]).kill_on_drop(true).spawn()?);
        // It is not yet what it will be until it has become the other program.
        let name = format!("/proc/{}/comm", process.id().unwrap_or_default());
        while std::fs::read_to_string(&name)? != "sleep\n" {
            std::thread::yield_now();
        }
        let (reader, writer) = ours.into_split();
        let reader = FrameReader { stream: reader, come: Vec::new() };
        Ok((Self { process, reader, writer: FrameWriter(writer) }, theirs))
    }
}

impl Process {
    /// The number of the process, while it is not known to be gone.
    fn id(&self) -> Option<u32> {
        self.0.id()
    }

    /// Ends the process, whatever it is doing, and waits until it is gone.
    pub(crate) async fn stop(mut self) -> std::io::Result<ExitStatus> {
        self.0.start_kill()?;
        self.0.wait().await
    }

    /// Waits for a process that has closed its end of the door; one that lingers is killed.
    pub(crate) async fn reap(mut self) -> std::io::Result<ExitStatus> {
        let grace = std::time::Duration::from_secs(2);
        match tokio::time::timeout(grace, self.0.wait()).await {
            Ok(status) => status,
            Err(_) => self.stop().await,
        }
    }
}

impl FrameReader {
    /// The next frame. A read that is given up half way loses nothing: the next one goes on where it was.
    pub(crate) async fn read<T: DeserializeOwned>(&mut self) -> Result<T, Broken> {
        loop {
            if let Some(frame) = self.next_frame()? {
                return Ok(frame);
            }
            self.come.reserve(AT_ONCE);
            if self.stream.read_buf(&mut self.come).await? == 0 {
                return Err(match self.come.is_empty() {
                    true => Broken::Ended,
                    false => Broken::Stream(std::io::ErrorKind::UnexpectedEof.into()),
                });
            }
        }
    }

    fn next_frame<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Broken> {
        let Some((header, rest)) = self.come.split_first_chunk::<4>() else { return Ok(None) };
        let length = door::frame_length(*header)?;
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let frame = serde_json::from_slice(body)?;
        self.come.drain(..header.len() + length);
        Ok(Some(frame))
    }
}

impl FrameWriter {
    pub(crate) async fn write<T: Serialize>(&mut self, frame: &T) -> Result<(), Broken> {
        Ok(self.0.write_all(&door::encode(frame)?).await?)
    }
}

#[cfg(test)]
mod tests {
    use fabric_model::Value;
    use fabric_model::door::Reply;

    use super::*;

    /// A reader, and the other end of its stream.
    fn reader() -> (FrameReader, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        (FrameReader { stream: ours.into_split().0, come: Vec::new() }, theirs)
    }

    fn frame(call_id: u64) -> (Reply, Vec<u8>) {
        let reply = Reply { call_id, result: Ok(Value::from("x".repeat(100_000).as_str())) };
        let bytes = door::encode(&reply).expect("a small frame");
        (reply, bytes)
    }

    #[tokio::test]
    async fn a_read_that_is_given_up_half_way_loses_nothing() {
        let (mut reader, mut theirs) = reader();
        let (first, mut bytes) = frame(1);
        let (second, more) = frame(2);
        bytes.extend(more);
        let send = async {
            for part in bytes.chunks(7_001) {
                theirs.write_all(part).await.expect("it is read");
                tokio::task::yield_now().await;
            }
        };
        let read = async {
            let mut frames = Vec::new();
            while frames.len() < 2 {
                // As a call that ends does it: whatever is being read is dropped, again and again.
                tokio::select! {
                    biased;
                    frame = reader.read::<Reply>() => frames.push(frame.expect("whole")),
                    () = tokio::task::yield_now() => {}
                }
            }
            frames
        };
        let ((), frames) = tokio::join!(send, read);
        assert_eq!(frames, [first, second]);
    }

    #[tokio::test]
    async fn a_frame_that_claims_too_much_or_ends_early_is_broken() {
        let (mut early, mut theirs) = reader();
        theirs.write_all(&frame(1).1[..50]).await.expect("it is read");
        drop(theirs);
        assert!(matches!(early.read::<Reply>().await, Err(Broken::Stream(_))));
        let (mut greedy, mut theirs) = reader();
        theirs.write_all(&u32::MAX.to_be_bytes()).await.expect("it is read");
        assert!(matches!(greedy.read::<Reply>().await, Err(Broken::TooLong(_))));
    }
}
