//! Pinned host keys in OpenSSH's format.

use std::net::SocketAddr;

use fabric_connect::ssh::KnownHosts;
use fabric_model::Slug;
use fabric_wire::endpoint::SshHost;

/// The key that a server offers. The seeds pin it, and others.
const OFFERED: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

/// The text of a `known_hosts`. A revoked key passes for nobody, and no key passes without a line of its own.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(pinned) = KnownHosts::parse("known_hosts", text) else { return };
    let (Ok(name), Ok(user)) = ("edge".parse::<Slug>(), "op".parse::<Slug>()) else { return };
    for port in [22, 2222] {
        let address = SocketAddr::from(([192, 0, 2, 1], port));
        let host = SshHost { name: name.clone(), address, user: user.clone(), jump: Vec::new() };
        let passes = pinned.judge(&host, OFFERED).is_ok();
        let key = OFFERED.split(' ').next_back().unwrap_or_default().trim_end_matches('=');
        assert!(!passes || text.contains(key), "no line has the key");
        let revoked = format!("{text}\n@revoked * {OFFERED}\n");
        let revoked = KnownHosts::parse("known_hosts", &revoked).expect("one line more of a sound form");
        assert!(revoked.judge(&host, OFFERED).is_err(), "the key is revoked");
    }
}
