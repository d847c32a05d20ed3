//! The twin's end of the socket.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use fabric_wire::seam::{BoxStream, Datagram, Dial, Ssh, SshWrite};
use fabric_wire::{Deadline, WireError};
use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::frame::{self, Ask, Failure, Hello, Reply, Told, Use};
use crate::seams::TwinSeams;
use crate::twin::Twin;
use crate::world::lock;

/// Serves a twin on a Unix socket that only its owner can use, until `end` is there. The path must be free; at the end it is again.
///
/// # Errors
/// When the socket cannot be made.
pub async fn serve(twin: Twin, path: &Path, end: impl Future<Output = ()>) -> io::Result<()> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    // Whoever connected before the mode was set is turned away by who he is.
    let owner = std::fs::metadata(path)?.uid();
    let house = Arc::new(House { twin, clients: Mutex::default() });
    let mut guests = JoinSet::new();
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => break,
            Some(_left) = guests.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if stream.peer_cred().is_ok_and(|peer| peer.uid() == owner) => {
                    guests.spawn(Arc::clone(&house).receive(stream));
                }
                Ok(_) => {}
                // Out of descriptors: some connections have to end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
    std::fs::remove_file(path)
}

/// A twin and its clients.
struct House {
    twin: Twin,
    clients: Mutex<BTreeMap<u64, Arc<TwinSeams>>>,
}

/// What comes of a request.
enum Outcome {
    Told(Told),
    Open(BoxStream),
}

impl House {
    async fn receive(self: Arc<Self>, mut stream: UnixStream) {
        // A client that goes away, or does not keep to the frames, ends its own connection only.
        while let Ok(ask) = frame::read::<Ask>(&mut stream).await {
            let (mut reader, mut writer) = stream.split();
            let outcome = tokio::select! {
                outcome = self.obey(ask) => outcome,
                // Nobody says anything before the reply, so this is a client that is gone, and his request with him.
                _gone = reader.read_u8() => return,
            };
            let (told, open) = match outcome {
                Ok(Outcome::Told(told)) => (Ok(told), None),
                Ok(Outcome::Open(open)) => (Ok(Told::Open), Some(open)),
                Err(failure) => (Err(failure), None),
            };
            let elapsed_ns = frame::nanos(self.twin.world.clock.elapsed());
            if frame::write(&mut writer, &Reply { elapsed_ns, told }).await.is_err() {
                return;
            }
            if let Some(mut open) = open {
                let ended = tokio::io::copy_bidirectional(&mut stream, &mut open).await;
                // What a frozen host leaves silent stays so, until the client has waited long enough.
                if ended.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) {
                    let mut sink = [0; 1024];
                    while stream.read(&mut sink).await.is_ok_and(|read| read > 0) {}
                }
                return;
            }
        }
    }

    async fn obey(&self, ask: Ask) -> Result<Outcome, Failure> {
        let twin = &self.twin;
        let told = match ask {
            Ask::Hello => Told::Hello(Box::new(self.greet())),
            Ask::Use { client, left_ms, seam } => {
                let deadline = Deadline::after(Duration::from_millis(left_ms));
                return self.make(&self.client(client), seam, deadline).await.map_err(Failure::from);
            }
            Ask::Forget { client, host } => {
                self.client(client).forget_sessions(&frame::host(host));
                Told::Done
            }
            Ask::Sleep { millis } => {
                Arc::clone(&twin.world.clock).sleep(Duration::from_millis(millis)).await;
                Told::Done
            }
            Ask::Inject { fault } => {
                twin.inject(fault).map_err(|error| Failure::NotFound(error.to_string()))?;
                Told::Done
            }
            Ask::Heal { fault } => Told::Flag(twin.heal(&fault)),
            Ask::ProxmoxRequests => Told::Texts(twin.proxmox_requests()),
            Ask::Changes => Told::Made(twin.changes()),
            Ask::Digest => Told::Digest(twin.digest()),
            Ask::Advance { millis } => {
                twin.advance(Duration::from_millis(millis));
                Told::Done
            }
            Ask::Hold { hold } => {
                twin.hold(hold);
                Told::Done
            }
            Ask::Release => {
                twin.release();
                Told::Done
            }
            Ask::Held => {
                twin.held().await;
                Told::Done
            }
            Ask::IsHeld => Told::Flag(twin.is_held()),
            Ask::RefuseNetwork { on } => {
                twin.refuse_network(on);
                Told::Done
            }
            Ask::Operations { among } => Told::Number(twin.operations(among)),
        };
        Ok(Outcome::Told(told))
    }

    async fn make(&self, seams: &TwinSeams, seam: Use, deadline: Deadline) -> Result<Outcome, WireError> {
        let told = match seam {
            Use::Dial { to } => return Ok(Outcome::Open(seams.dial(to, deadline).await?)),
            Use::Forward { host, to } => {
                return Ok(Outcome::Open(seams.forward(&frame::host(host), to, deadline).await?));
            }
            Use::Exchange { to, request } => Told::Bytes(seams.exchange(to, &request, deadline).await?),
            Use::Read { host, argv } => seams.read_argv(&frame::host(host), argv, deadline).await?.into(),
            Use::Change { host, command, input } => {
                seams.change(&frame::host(host), &command, &input, deadline).await?.into()
            }
            Use::Probe { host, user } => {
                seams.probe_authentication(&frame::host(host), &user, deadline).await?.into()
            }
        };
        Ok(Outcome::Told(told))
    }

    /// The seams of a client: his are the sessions.
    fn client(&self, client: u64) -> Arc<TwinSeams> {
        let world = &self.twin.world;
        let mut clients = lock(&self.clients);
        Arc::clone(clients.entry(client).or_insert_with(|| Arc::new(TwinSeams::new(Arc::clone(world)))))
    }

    fn greet(&self) -> Hello {
        let world = &self.twin.world;
        let number = || {
            let mut bytes = [0; 8];
            world.fill(&mut bytes);
            u64::from_le_bytes(bytes)
        };
        let secrets = world.handles().into_iter().filter_map(|handle| {
            let secret = world.secret(&handle)?;
            Some((handle, String::from_utf8_lossy(secret.expose()).into_owned()))
        });
        let certificates = world.authorities().into_iter();
        Hello {
            client: number(),
            seed: number(),
            speed: world.clock.speed(),
            began_ns: frame::nanos(world.clock.began().duration_since(UNIX_EPOCH).unwrap_or_default()),
            secrets: secrets.collect(),
            authorities: certificates
                .filter_map(|name| Some((name.clone(), world.authority(&name)?)))
                .collect(),
        }
    }
}
