//! The worker: a child process that holds the script engine and nothing else.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as PairedStream;
use std::process::{ExitStatus, Stdio};

use fabric_model::door::{self, Broken};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};

/// The hidden subcommand under which the executable is the worker.
pub const WORKER_SUBCOMMAND: &str = "worker";

/// A running worker.
pub(crate) struct Worker {
    pub(crate) process: Process,
    pub(crate) reader: FrameReader,
    pub(crate) writer: FrameWriter,
}

/// The worker's process. Dropping it kills it.
pub(crate) struct Process(Child);

/// The host's receiving end of the door.
pub(crate) struct FrameReader(OwnedReadHalf);

/// The host's sending end of the door.
pub(crate) struct FrameWriter(OwnedWriteHalf);

impl Worker {
    /// Starts the own executable as a worker: empty environment, the door as its standard input, and no other descriptor. What
    /// it prints past the door goes nowhere.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (ours, theirs) = PairedStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(std::env::current_exe()?)
            .arg0("fabric-worker")
            .arg(WORKER_SUBCOMMAND)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (reader, writer) = UnixStream::from_std(ours)?.into_split();
        Ok(Self { process: Process(child), reader: FrameReader(reader), writer: FrameWriter(writer) })
    }
}

impl Process {
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
    pub(crate) async fn read<T: DeserializeOwned>(&mut self) -> Result<T, Broken> {
        let mut header = [0; 4];
        match self.0.read_exact(&mut header).await {
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Err(Broken::Ended),
            other => other?,
        };
        let mut body = vec![0; door::frame_length(header)?];
        self.0.read_exact(&mut body).await?;
        Ok(serde_json::from_slice(&body)?)
    }
}

impl FrameWriter {
    pub(crate) async fn write<T: Serialize>(&mut self, frame: &T) -> Result<(), Broken> {
        Ok(self.0.write_all(&door::encode(frame)?).await?)
    }
}
