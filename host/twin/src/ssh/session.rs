//! Sessions: the way through jump hosts, host keys, accounts and forwarding.

use std::io;
use std::net::SocketAddr;

use fabric_model::site::Protocol;
use fabric_wire::WireError;
use fabric_wire::endpoint::SshHost;
use fabric_wire::ssh::AuthProbe;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::net::{Origin, Service};
use crate::state::{SshPolicy, State};

/// What Debian 12's sshd says first.
const BANNER: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n";

/// Opens an authenticated session. Gives the jump hosts that it goes through, outermost first.
pub(crate) fn session(state: &State, host: &SshHost) -> Result<Vec<String>, WireError> {
    let path = reach(state, host)?;
    if host.user == *state.operator.as_str() || (host.user == *"root" && policy(state, host)?.root_login) {
        Ok(path)
    } else {
        Err(WireError::Authentication(format!("`{}` does not let `{}` in", host.name, host.user)))
    }
}

/// Whether a session to the host that stands goes on: packets of connections that were let in once still pass on the whole way.
pub(crate) fn still(state: &State, host: &SshHost) -> bool {
    let goes_on = |origin: &Origin| {
        let landing = state.go_on(origin, host.address);
        landing.is_ok_and(|landing| matches!(landing.service, Service::Daemon { unit, .. } if unit == "ssh"))
    };
    if host.jump.is_empty() {
        return goes_on(&Origin::Runner);
    }
    host.jump.iter().any(|jump| still(state, jump) && goes_on(&Origin::Host(jump.name.to_string())))
}

/// Whether the host's sshd opens connections for its clients.
pub(crate) fn may_forward(state: &State, host: &SshHost) -> Result<(), WireError> {
    if policy(state, host)?.forwards {
        Ok(())
    } else {
        Err(WireError::ForwardingRefused { host: host.name.to_string() })
    }
}

/// What one attempt to authenticate gives.
pub(crate) fn probe(state: &State, host: &SshHost, user: &str) -> Result<AuthProbe, WireError> {
    let path = reach(state, host)?;
    let policy = policy(state, host)?;
    let accepted = user == state.operator || (user == "root" && policy.root_login);
    let mut methods = vec!["publickey".to_owned()];
    if policy.passwords {
        methods.push("password".to_owned());
    }
    Ok(AuthProbe { accepted, methods, path })
}

/// Says what sshd says first, and no more: nobody speaks SSH to a twin over a bare connection.
pub(crate) async fn banner(mut stream: DuplexStream) -> io::Result<()> {
    stream.write_all(BANNER).await?;
    let mut sink = [0; 1024];
    while stream.read(&mut sink).await? > 0 {}
    Ok(())
}

/// Reaches the host's sshd and checks its key. A jump host that cannot be reached, or does not lead on, gives way to the next; one
/// with a wrong key, or that does not let the operator in, ends the attempt, because going round it would hide that.
fn reach(state: &State, host: &SshHost) -> Result<Vec<String>, WireError> {
    if host.jump.is_empty() {
        arrive(state, &Origin::Runner, host.address, host)?;
        return Ok(Vec::new());
    }
    let mut missed: Vec<(&SshHost, WireError)> = Vec::new();
    for jump in &host.jump {
        match through(state, jump, host) {
            Err(error) if gives_way(&error) => missed.push((jump, error)),
            decisive => return decisive,
        }
    }
    let mut errors = missed.iter().map(|(_, error)| error);
    let first = errors.next().cloned().unwrap_or(WireError::Timeout);
    if errors.all(|error| *error == first) {
        return Err(first);
    }
    let all: Vec<String> =
        missed.iter().map(|(jump, error)| format!("through `{}`: {error}", jump.name)).collect();
    Err(WireError::Unreachable(all.join("; ")))
}

fn gives_way(error: &WireError) -> bool {
    use WireError::{ForwardingRefused, Refused, Timeout, Unreachable};
    matches!(error, Refused | Timeout | Unreachable(_) | ForwardingRefused { .. })
}

fn through(state: &State, jump: &SshHost, host: &SshHost) -> Result<Vec<String>, WireError> {
    let jumped = session(state, jump);
    let mut path = jumped.map_err(|error| error.on_the_way(&format!("jump host `{}`", jump.name)))?;
    may_forward(state, jump)?;
    arrive(state, &Origin::Host(jump.name.to_string()), host.address, host).map_err(forwarded)?;
    path.push(jump.name.to_string());
    Ok(path)
}

/// What a failure of sshd's own connect looks like from outside: refused and no route are told the same way, and a connect that
/// nobody answers takes the kernel longer than any deadline.
pub(crate) fn forwarded(error: WireError) -> WireError {
    match error {
        WireError::Unreachable(_) => WireError::Refused,
        other => other,
    }
}

fn arrive(state: &State, origin: &Origin, to: SocketAddr, wanted: &SshHost) -> Result<(), WireError> {
    match state.connect(origin, to, Protocol::Tcp)?.service {
        Service::Daemon { host, unit } if unit == "ssh" => {
            let pinned = wanted.name == *host.as_str()
                && state.hosts.get(&host).is_some_and(|found| found.sshd.pinned_key);
            if pinned { Ok(()) } else { Err(wrong_key(wanted)) }
        }
        Service::Frozen => Err(WireError::Timeout),
        Service::NodeSsh => Err(wrong_key(wanted)),
        _ => Err(WireError::Garbage("what answers is no SSH server".to_owned())),
    }
}

fn wrong_key(host: &SshHost) -> WireError {
    WireError::HostKey {
        host: host.name.to_string(),
        reason: "the key is another than the pinned one: SHA256:dHdpbjogbm90IHRoZSBwaW5uZWQgaG9zdCBrZXkgLi4u"
            .to_owned(),
    }
}

fn policy(state: &State, host: &SshHost) -> Result<SshPolicy, WireError> {
    let found = state.hosts.get(host.name.as_str());
    found.map(|host| host.sshd).ok_or_else(|| WireError::NotFound(format!("host `{}`", host.name)))
}
