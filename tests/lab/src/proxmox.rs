//! The site's Proxmox API, served over TLS on the nodes' own addresses: the twin's API over the same site file as the containers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use fabric_model::site::Site;
use fabric_twin::TwinFault;
use fabric_twin::proxmox::ProxmoxModel;
use fabric_twin::tls::{Authority, Validity};
use fabric_wire::endpoint::Secret;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::cgroup::Cgroups;
use crate::error::LabError;
use crate::guests::{self, Guests, Model};
use crate::node::{PROXMOX, read_site};
use crate::place::{Place, read, write};
use crate::power::Grid;
use crate::site::{AUTHORITY, TOKEN};
use crate::up::serve;

/// How long the server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a client may take for its part of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A token secret of this lab alone, in the form that Proxmox gives out: a UUID.
pub(crate) fn new_token() -> Result<String, LabError> {
    Ok(read(Path::new("/proc/sys/kernel/random/uuid"))?.trim().to_owned())
}

/// What is wrong with the served cluster.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Wrong {
    /// Faults of the cluster and of its certificates.
    pub(crate) faults: Vec<TwinFault>,
    /// Whether connections end in the middle of the TLS handshake.
    pub(crate) truncated: bool,
}

/// Starts the server and waits until it serves the cluster without a fault.
pub(crate) fn start(place: &Place) -> Result<(), LabError> {
    serve(place, PROXMOX, "proxmox", &[])?;
    let begin = Instant::now();
    loop {
        match show(place, &Wrong::default()) {
            Err(_) if begin.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(20)),
            result => return result,
        }
    }
}

/// Makes the served cluster have exactly these faults.
pub(crate) fn show(place: &Place, wrong: &Wrong) -> Result<(), LabError> {
    let socket = place.proxmox();
    let mut stream = UnixStream::connect(&socket).map_err(LabError::file(&socket))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(LabError::file(&socket))?;
    let line = serde_json::to_string(wrong).map_err(|error| LabError::Usage(error.to_string()))?;
    writeln!(stream, "{line}").map_err(LabError::file(&socket))?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).map_err(LabError::file(&socket))?;
    match reply.trim() {
        "ok" => Ok(()),
        other => Err(LabError::Refused { who: "proxmox", reply: other.to_owned() }),
    }
}

/// One node's server: what it shows is replaced as a whole when the faults change.
struct Served {
    node: String,
    address: SocketAddr,
    shown: Mutex<Shown>,
}

/// What a new connection gets.
#[derive(Clone)]
struct Shown {
    tls: TlsAcceptor,
    model: Model,
    truncated: bool,
    /// The node is off: its address is that of this lab's server, so connections end at once.
    off: bool,
}

/// The authorities: the one that the site names, and one that nobody trusts.
struct Authorities {
    own: Authority,
    foreign: Authority,
}

/// Serves until killed.
pub(crate) fn run(place: &Place) -> Result<(), LabError> {
    let site = read_site(&place.site().join("fabric.toml"))?;
    let secret = Secret::new(read(&place.site().join(TOKEN.1))?.trim().as_bytes().to_vec());
    let authorities =
        Authorities { own: authority("fabric lab root")?, foreign: authority("nobody's root")? };
    write(&place.site().join(AUTHORITY), &authorities.own.pem(), 0o644)?;
    let mut nodes = Vec::new();
    let model = model(&site, &secret, &[])?;
    for (name, node) in &site.proxmox.nodes {
        let address = SocketAddr::new(node.address, site.proxmox.port);
        let tls = acceptor(&authorities, name.as_str(), address, &[])?;
        let shown = Mutex::new(Shown { tls, model: Arc::clone(&model), truncated: false, off: false });
        nodes.push(Arc::new(Served { node: name.as_str().to_owned(), address, shown }));
    }
    let guests = Arc::new(Mutex::new(Guests::of(model, place)?));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(LabError::file(&place.run))?;
    // Every address listens before the control socket does, so that whoever gets an answer there finds the API.
    let mut listeners = Vec::new();
    for node in &nodes {
        let listener = runtime.block_on(TcpListener::bind(node.address));
        listeners
            .push((Arc::clone(node), listener.map_err(LabError::file(node.address.to_string().as_ref()))?));
    }
    let socket = place.proxmox();
    let control = UnixListener::bind(&socket).map_err(LabError::file(&socket))?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))
        .map_err(LabError::file(&socket))?;
    let (followed, site_of, place_of) = (Arc::clone(&guests), site.clone(), place.clone());
    let cgroups = Cgroups::find()?;
    std::thread::spawn(move || {
        guests::follow(&followed, &Grid { place: &place_of, site: &site_of, cgroups: &cgroups });
    });
    std::thread::spawn(move || take_faults(&control, &Cluster { site, secret, authorities, nodes, guests }));
    runtime.block_on(async {
        for (node, listener) in listeners {
            tokio::spawn(accept(node, listener));
        }
        std::future::pending::<()>().await;
    });
    Ok(())
}

async fn accept(node: Arc<Served>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(answer(Arc::clone(&node), stream))),
            // Out of descriptors: the connections in progress have to end first.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn answer(node: Arc<Served>, mut stream: TcpStream) {
    let shown = node.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if shown.off {
        return;
    }
    if shown.truncated {
        // The greeting is read first, so that the end is no reset; then comes the head of a record without its body.
        let _greeting = tokio::time::timeout(HANDSHAKE, stream.read(&mut [0; 4096])).await;
        let _gone = stream.write_all(&[0x16, 0x03, 0x03, 0x02, 0x00, 0x02]).await;
        return;
    }
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, shown.tls.accept(stream)).await {
        // A client that goes away in the middle is its own affair.
        let _gone = fabric_twin::proxmox::serve(stream, &node.node, shown.model).await;
    }
}

/// What faults are planted in.
struct Cluster {
    site: Site,
    secret: Secret,
    authorities: Authorities,
    nodes: Vec<Arc<Served>>,
    guests: Arc<Mutex<Guests>>,
}

fn take_faults(control: &UnixListener, cluster: &Cluster) {
    for stream in control.incoming().flatten() {
        let mut line = String::new();
        if BufReader::new(&stream).read_line(&mut line).is_err() || line.is_empty() {
            continue;
        }
        let reply = match cluster.replace(&line) {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string().replace('\n', " "),
        };
        let _caller_gone = writeln!(&stream, "{reply}");
    }
}

impl Cluster {
    fn replace(&self, line: &str) -> Result<(), LabError> {
        let wrong: Wrong = serde_json::from_str(line).map_err(|error| LabError::Usage(error.to_string()))?;
        let model = model(&self.site, &self.secret, &wrong.faults)?;
        for node in &self.nodes {
            let tls = acceptor(&self.authorities, &node.node, node.address, &wrong.faults)?;
            let off = wrong.faults.contains(&TwinFault::NodeOffline { node: node.node.clone() });
            *node.shown.lock().unwrap_or_else(PoisonError::into_inner) =
                Shown { tls, model: Arc::clone(&model), truncated: wrong.truncated, off };
        }
        guests::lock(&self.guests).replace(model);
        Ok(())
    }
}

fn model(site: &Site, secret: &Secret, faults: &[TwinFault]) -> Result<Model, LabError> {
    let mut model = ProxmoxModel::from_site(site, secret);
    for fault in faults {
        model.plant(fault).map_err(|error| LabError::Usage(error.to_string()))?;
    }
    Ok(Arc::new(Mutex::new(model)))
}

fn acceptor(
    authorities: &Authorities,
    node: &str,
    address: SocketAddr,
    faults: &[TwinFault],
) -> Result<TlsAcceptor, LabError> {
    let now = SystemTime::now();
    let expired = faults.contains(&TwinFault::CertificateExpired);
    let foreign = faults.contains(&TwinFault::CertificateForeign);
    let validity = if expired { Validity::expired(now) } else { Validity::current(now) };
    let authority = if foreign { &authorities.foreign } else { &authorities.own };
    let ip = address.ip().to_string();
    let config =
        authority.server(&[node, &ip], validity).map_err(|error| LabError::Usage(error.to_string()))?;
    Ok(TlsAcceptor::from(config))
}

fn authority(name: &str) -> Result<Authority, LabError> {
    Authority::new(name).map_err(|error| LabError::Usage(error.to_string()))
}
