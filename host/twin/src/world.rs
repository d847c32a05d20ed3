//! What one twin holds: the site, its history, the models that follow from both, its clock, its randomness and its keys.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use fabric_model::site::Site;
use fabric_model::{Digest, Slug};
use fabric_wire::endpoint::{S3Keys, Secret};
use tokio::io::DuplexStream;
use tokio_rustls::TlsAcceptor;

use crate::clock::TwinClock;
use crate::control::Control;
use crate::fault::{NoSuchPart, TwinFault};
use crate::history::{Entry, Happening, Made};
use crate::plant;
use crate::proxmox::{self, ProxmoxModel};
use crate::s3;
use crate::ssh;
use crate::state::State;
use crate::tls::{Authority, CertificateError, Validity};

#[derive(Debug)]
pub(crate) struct World {
    site: Site,
    secret: Secret,
    pub(crate) model: Mutex<Model>,
    pub(crate) cluster: Mutex<ProxmoxModel>,
    /// Made when somebody first asks for TLS: keys take longer than all the rest.
    authority: OnceLock<Result<Authority, CertificateError>>,
    pub(crate) clock: Arc<TwinClock>,
    pub(crate) control: Control,
    randomness: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) history: Vec<Entry>,
    pub(crate) state: Arc<State>,
    pub(crate) made: Vec<Made>,
    /// Grows with every fault that comes or goes: sessions do not outlive it.
    faulted: u64,
}

impl World {
    pub(crate) fn new(site: &Site, seed: u64, speed: u32) -> Self {
        let randomness = AtomicU64::new(seed);
        let secret = Secret::new(uuid(&randomness).into_bytes());
        let state = State::of(site);
        Self {
            cluster: Mutex::new(ProxmoxModel::over(site, &state, &secret)),
            site: site.clone(),
            secret,
            model: Mutex::new(Model {
                history: Vec::new(),
                state: Arc::new(state),
                made: Vec::new(),
                faulted: 0,
            }),
            authority: OnceLock::new(),
            clock: Arc::new(TwinClock::new(speed)),
            control: Control::new(),
            randomness,
        }
    }

    /// The model as it is now. A service that runs keeps asking, so a fault reaches connections that are already open.
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.now_locked().state)
    }

    /// The model, once everything that is due by now has happened.
    pub(crate) fn now_locked(&self) -> MutexGuard<'_, Model> {
        let mut model = lock(&self.model);
        let now = self.clock.elapsed();
        Arc::make_mut(&mut model.state).pass(now);
        model
    }

    pub(crate) fn inject(&self, fault: TwinFault) -> Result<(), NoSuchPart> {
        let mut model = self.now_locked();
        let mut history = model.history.clone();
        history.push(Entry { at: model.state.now, what: Happening::Fault(fault) });
        self.replay(&mut model, history)
    }

    pub(crate) fn heal(&self, fault: &TwinFault) -> bool {
        let mut model = self.now_locked();
        let mut history = model.history.clone();
        history.retain(|entry| !matches!(&entry.what, Happening::Fault(planted) if planted == fault));
        let healed = history.len() < model.history.len();
        // A fault that refers to a healed one cannot be planted again; then nothing is healed.
        healed && self.replay(&mut model, history).is_ok()
    }

    /// Builds both models anew from the site and this history: as if a fault that is not in it had never been.
    fn replay(&self, model: &mut Model, history: Vec<Entry>) -> Result<(), NoSuchPart> {
        let mut state = State::of(&self.site);
        let mut cluster = ProxmoxModel::over(&self.site, &state, &self.secret);
        for entry in &history {
            state.pass(entry.at);
            match &entry.what {
                Happening::Fault(fault) => {
                    self.has_server(fault)?;
                    state.plant(fault)?;
                    cluster.plant(fault)?;
                }
                Happening::Program { host, argv, input } => {
                    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
                    ssh::change(&mut state, host, &argv, input);
                }
                Happening::Switched { host, switch } => state.order(host, *switch),
            }
            state.notice();
        }
        state.pass(model.state.now);
        lock(&self.cluster).become_like(cluster);
        model.history = history;
        model.state = Arc::new(state);
        model.faulted += 1;
        Ok(())
    }

    /// How often a fault came or went.
    pub(crate) fn faulted(&self) -> u64 {
        lock(&self.model).faulted
    }

    pub(crate) fn made(&self) -> Vec<Made> {
        lock(&self.model).made.clone()
    }

    /// The twin's clock jumps ahead; what is due meanwhile happens.
    pub(crate) fn advance(&self, over: Duration) {
        self.clock.jump(over);
        drop(self.now_locked());
    }

    /// The secret behind a handle: the Proxmox token's, or a key of an S3 server.
    pub(crate) fn secret(&self, handle: &str) -> Option<Secret> {
        if handle == self.site.proxmox.token {
            return Some(self.secret.clone());
        }
        let mut servers = self.site.s3.values();
        let known = servers.any(|server| server.access_key == handle || server.secret_key == handle);
        known.then(|| self.key(handle))
    }

    /// The handles of all secrets that there are.
    pub(crate) fn handles(&self) -> Vec<String> {
        let keys = self.site.s3.values().flat_map(|server| [&server.access_key, &server.secret_key]);
        std::iter::once(&self.site.proxmox.token).chain(keys).cloned().collect()
    }

    /// A key of an S3 server: like the token, another one for each seed.
    fn key(&self, handle: &str) -> Secret {
        let text = [self.secret.expose(), handle.as_bytes()].concat();
        Secret::new(Digest::of(&text).to_string().chars().take(40).collect::<String>().into_bytes())
    }

    fn has_server(&self, fault: &TwinFault) -> Result<(), NoSuchPart> {
        match fault {
            TwinFault::S3 { server, .. } if !self.site.s3.keys().any(|name| name.as_str() == server) => {
                Err(plant::none("S3 server", server))
            }
            _ => Ok(()),
        }
    }

    /// The S3 server that listens there.
    pub(crate) fn s3_at(&self, to: SocketAddr) -> Option<Slug> {
        let there = SocketAddr::new(to.ip().to_canonical(), to.port());
        let mut servers = self.site.s3.iter();
        servers
            .find(|(_, server)| SocketAddr::new(server.address, server.port) == there)
            .map(|(name, _)| name.clone())
    }

    fn s3_model(&self, name: &Slug) -> Option<s3::Model> {
        let server = self.site.s3.get(name)?;
        let model = lock(&self.model);
        let ills = model.history.iter().filter_map(|entry| match &entry.what {
            Happening::Fault(TwinFault::S3 { server, ill }) if server == name.as_str() => Some(*ill),
            _ => None,
        });
        let keys = S3Keys { access: self.key(&server.access_key), secret: self.key(&server.secret_key) };
        Some(s3::Model::new(&self.site, server, keys, self.now(), ills.collect()))
    }

    /// An S3 server over TLS.
    pub(crate) async fn serve_s3(self: &Arc<Self>, name: &Slug, stream: DuplexStream) -> io::Result<()> {
        let names = self.site.s3.get(name).map(|server| {
            let own = server.name.iter().map(ToString::to_string);
            own.chain([server.address.to_string()]).collect::<Vec<_>>()
        });
        let names = names.unwrap_or_default();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let authority = self.own_authority().as_ref().map_err(|error| io::Error::other(error.clone()))?;
        let config = authority.server(&names, Validity::current(self.now())).map_err(io::Error::other)?;
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        let (world, name) = (Arc::clone(self), name.clone());
        s3::serve(stream, move || world.s3_model(&name)).await
    }

    /// The certificate of an authority of the site: one for all of them.
    pub(crate) fn authority(&self, name: &str) -> Option<String> {
        let known = self.site.proxmox.authority == *name
            || self.site.authorities.keys().any(|authority| authority.as_str() == name);
        let authority = known.then(|| self.own_authority())?;
        authority.as_ref().ok().map(Authority::pem)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        lock(&self.cluster).requests().to_vec()
    }

    /// The names of the authorities of the site, and of its token.
    pub(crate) fn authorities(&self) -> Vec<String> {
        let others = self.site.authorities.keys().map(ToString::to_string);
        std::iter::once(self.site.proxmox.authority.to_string()).chain(others).collect()
    }

    /// The API of a node over TLS.
    pub(crate) async fn serve_api(self: &Arc<Self>, node: &str, stream: DuplexStream) -> io::Result<()> {
        let config = self.certificate(node).map_err(io::Error::other)?;
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        proxmox::serve_over(stream, node, Arc::clone(self)).await
    }

    fn certificate(&self, node: &str) -> Result<Arc<rustls::ServerConfig>, CertificateError> {
        let address = self.state().nodes.get(node).map(|node| node.address.to_string()).unwrap_or_default();
        let names = [node, address.as_str(), "localhost", "127.0.0.1"];
        let (mut expired, mut foreign) = (false, false);
        for entry in &lock(&self.model).history {
            expired |= matches!(entry.what, Happening::Fault(TwinFault::CertificateExpired));
            foreign |= matches!(entry.what, Happening::Fault(TwinFault::CertificateForeign));
        }
        let validity = if expired { Validity::expired(self.now()) } else { Validity::current(self.now()) };
        if foreign {
            return Authority::new(AUTHORITY_NAME)?.server(&names, validity);
        }
        self.own_authority().as_ref().map_err(Clone::clone)?.server(&names, validity)
    }

    fn own_authority(&self) -> &Result<Authority, CertificateError> {
        self.authority.get_or_init(|| Authority::new(AUTHORITY_NAME))
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        fill(&self.randomness, bytes);
    }
}

const AUTHORITY_NAME: &str = "Proxmox Virtual Environment";

/// SplitMix64: repeatable, and no more is asked of a rehearsal.
pub(crate) fn fill(randomness: &AtomicU64, bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(8) {
        let state = randomness.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        for (byte, random) in chunk.iter_mut().zip((mixed ^ (mixed >> 31)).to_le_bytes()) {
            *byte = random;
        }
    }
}

/// A token's secret looks like a UUID.
fn uuid(randomness: &AtomicU64) -> String {
    let mut bytes = [0; 16];
    fill(randomness, &mut bytes);
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if [8, 12, 16, 20].contains(&place) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
