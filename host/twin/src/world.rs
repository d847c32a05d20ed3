//! What one twin holds: the site, the faults in force, the models that follow from both, its clock, its randomness and its keys.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use fabric_model::site::Site;
use fabric_wire::endpoint::Secret;
use tokio::io::DuplexStream;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::fault::{NoSuchPart, TwinFault};
use crate::plant;
use crate::proxmox::{self, ProxmoxModel};
use crate::state::State;
use crate::tls::{Authority, CertificateError, Validity};

#[derive(Debug)]
pub(crate) struct World {
    site: Site,
    secret: Secret,
    model: Mutex<Model>,
    cluster: Arc<Mutex<ProxmoxModel>>,
    /// Made when somebody first asks for TLS: keys take longer than all the rest.
    authority: OnceLock<Result<Authority, CertificateError>>,
    began: SystemTime,
    start: Instant,
    randomness: AtomicU64,
}

#[derive(Debug)]
struct Model {
    faults: Vec<TwinFault>,
    state: Arc<State>,
}

impl World {
    pub(crate) fn new(site: &Site, seed: u64) -> Self {
        let randomness = AtomicU64::new(seed);
        let secret = Secret::new(uuid(&randomness).into_bytes());
        let state = State::of(site);
        Self {
            cluster: Arc::new(Mutex::new(ProxmoxModel::over(site, &state, &secret))),
            site: site.clone(),
            secret,
            model: Mutex::new(Model { faults: Vec::new(), state: Arc::new(state) }),
            authority: OnceLock::new(),
            began: SystemTime::now(),
            start: Instant::now(),
            randomness,
        }
    }

    /// The model as it is now. A service that runs keeps asking, so a fault reaches connections that are already open.
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&lock(&self.model).state)
    }

    pub(crate) fn inject(&self, fault: TwinFault) -> Result<(), NoSuchPart> {
        let mut model = lock(&self.model);
        let mut faults = model.faults.clone();
        faults.push(fault);
        self.replay(&mut model, faults)
    }

    pub(crate) fn heal(&self, fault: &TwinFault) -> bool {
        let mut model = lock(&self.model);
        let mut faults = model.faults.clone();
        faults.retain(|planted| planted != fault);
        let healed = faults.len() < model.faults.len();
        // A fault that refers to a healed one cannot be planted again; then nothing is healed.
        healed && self.replay(&mut model, faults).is_ok()
    }

    /// Builds both models anew from the site and these faults.
    fn replay(&self, model: &mut Model, faults: Vec<TwinFault>) -> Result<(), NoSuchPart> {
        let state = plant::state_with(&self.site, &faults)?;
        let mut cluster = ProxmoxModel::over(&self.site, &state, &self.secret);
        for fault in &faults {
            cluster.plant(fault)?;
        }
        lock(&self.cluster).become_like(cluster);
        *model = Model { faults, state: Arc::new(state) };
        Ok(())
    }

    /// The secret part of the Proxmox token.
    pub(crate) fn token(&self, handle: &str) -> Option<Secret> {
        (handle == self.site.proxmox.token).then(|| self.secret.clone())
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

    /// The API of a node over TLS.
    pub(crate) async fn serve_api(&self, node: &str, stream: DuplexStream) -> io::Result<()> {
        let config = self.certificate(node).map_err(io::Error::other)?;
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        proxmox::serve(stream, node, Arc::clone(&self.cluster)).await
    }

    fn certificate(&self, node: &str) -> Result<Arc<rustls::ServerConfig>, CertificateError> {
        let address = self.state().nodes.get(node).map(|node| node.address.to_string()).unwrap_or_default();
        let names = [node, address.as_str(), "localhost", "127.0.0.1"];
        let (mut expired, mut foreign) = (false, false);
        for fault in &lock(&self.model).faults {
            expired |= *fault == TwinFault::CertificateExpired;
            foreign |= *fault == TwinFault::CertificateForeign;
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
        self.began + self.start.elapsed()
    }

    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        fill(&self.randomness, bytes);
    }
}

const AUTHORITY_NAME: &str = "Proxmox Virtual Environment";

/// SplitMix64: repeatable, and no more is asked of a rehearsal.
fn fill(randomness: &AtomicU64, bytes: &mut [u8]) {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
