//! A twin behind a connection that counts: it notes every use of a way out, in the order in which they come.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use fabric_twin::{Twin, TwinFault};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// How long the twin may take until it listens; a test fails after that, and measures nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much faster than ours the time of the twin runs.
const SPEED: u32 = 10;

/// A twin of the site of this repository, and what was asked of it.
pub(crate) struct Counter {
    socket: PathBuf,
    twin: Twin,
    asked: Arc<Mutex<Vec<String>>>,
    end: Option<oneshot::Sender<()>>,
    // The last to go: it carries the twin.
    _runtime: Runtime,
}

impl Counter {
    /// Serves a twin on a socket in `folder`.
    pub(crate) fn new(folder: &Path, faults: &[TwinFault]) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let site =
            fabric_runtime::site::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fabric.toml"));
        let twin = {
            let _inside = runtime.enter();
            Twin::at_speed(&site.expect("the site of this repository").site, 1, SPEED)
        };
        for fault in faults {
            twin.inject(fault.clone()).expect("the site has it");
        }
        let (socket, behind) = (folder.join("counted"), folder.join("twin"));
        let (end, ended) = oneshot::channel::<()>();
        let (served, path) = (twin.clone(), behind.clone());
        runtime.spawn(async move {
            let ended = async { drop(ended.await) };
            fabric_twin::process::serve(served, &path, ended).await.expect("the folder is ours");
        });
        let began = Instant::now();
        while UnixStream::connect(&behind).is_err() {
            assert!(began.elapsed() < PATIENCE, "the twin does not listen");
            thread::sleep(Duration::from_millis(5));
        }
        let asked = Arc::default();
        let listener = UnixListener::bind(&socket).expect("the folder is ours");
        let noted = Arc::clone(&asked);
        // Ends with the test program.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (noted, behind) = (Arc::clone(&noted), behind.clone());
                thread::spawn(move || {
                    // A client that goes away ends its own connection only.
                    let _ended = relay(client, &behind, &noted);
                });
            }
        });
        Self { socket, twin, asked, end: Some(end), _runtime: runtime }
    }

    /// Where a rehearsal finds the twin.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Every request until now.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panicked").clone()
    }

    /// What was changed on the twin.
    pub(crate) fn changes(&self) -> usize {
        self.twin.changes().len()
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            // It ended by itself, at worst.
            let _ = end.send(());
        }
    }
}

/// Carries frames both ways, a request and its reply at a time, until the reply says that a connection is open: then bytes.
fn relay(mut client: UnixStream, twin: &Path, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut twin = UnixStream::connect(twin)?;
    loop {
        let request = frame(&mut client)?;
        if let Some(contact) = contact(&request) {
            asked.lock().expect("no test panicked").push(contact);
        }
        send(&mut twin, &request)?;
        let reply = frame(&mut twin)?;
        send(&mut client, &reply)?;
        let reply: Value = serde_json::from_slice(&reply)?;
        if reply["told"]["Ok"]["told"] == "open" {
            let (mut from, mut to) = (client.try_clone()?, twin.try_clone()?);
            thread::spawn(move || {
                let _ended = io::copy(&mut from, &mut to);
                let _over = to.shutdown(std::net::Shutdown::Write);
            });
            io::copy(&mut twin, &mut client)?;
            return client.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// What a request says of who is asked: nothing where it is about the twin itself.
fn contact(request: &[u8]) -> Option<String> {
    let ask: Value = serde_json::from_slice(request).expect("frames are JSON");
    if ask["ask"] != "use" {
        return None;
    }
    let seam = &ask["seam"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = if seam["to"].is_null() { text(&seam["host"]["name"]) } else { text(&seam["to"]) };
    Some(format!("{} {place}", text(&seam["use"])))
}

fn frame(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = fabric_model::door::frame_length(length).map_err(io::Error::other)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn send(stream: &mut UnixStream, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(body)
}
