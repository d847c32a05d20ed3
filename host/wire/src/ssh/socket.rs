//! Sockets that wait for peers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::SOCKETS;
use super::output::garbage;
use crate::error::WireError;

/// The transport protocol of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A TCP socket that listens, or a UDP socket that is bound and not connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Socket {
    /// TCP or UDP.
    pub protocol: Transport,
    /// The local address; `0.0.0.0` or `::` means every address.
    pub address: IpAddr,
    /// The local port.
    pub port: u16,
}

/// The states in the tables that mean "waits for peers": `TCP_LISTEN` and, for UDP, `TCP_CLOSE` (Linux,
/// `include/net/tcp_states.h`).
const LISTEN: &str = "0A";
const UNCONNECTED: &str = "07";

/// Reads the output of [`super::ReadCommand::Sockets`]: the kernel's tables one after the other, each under its heading. The
/// result is sorted and without duplicates (`SO_REUSEPORT` lists one address many times).
///
/// Addresses are read as a little-endian host prints them, which every architecture that Proxmox VE runs on is.
///
/// # Errors
/// [`WireError::Command`] when a table that every kernel has cannot be read, [`WireError::Garbage`] when a line is not as
/// documented (`Documentation/networking/proc_net_tcp.rst`).
pub fn sockets(output: &CommandOutput) -> Result<Vec<Socket>, WireError> {
    if output.status != 0 && !only_ipv6_is_missing(output) {
        return Err(output.failure(SOCKETS, output.status));
    }
    let mut protocol = None;
    let mut found = Vec::new();
    for line in output.stdout_text(SOCKETS)?.lines() {
        match heading(line) {
            Some(next) => protocol = Some(next),
            None => found.extend(waiting(line, protocol).ok_or_else(|| malformed(line))?),
        }
    }
    if protocol.is_none() {
        return Err(garbage(SOCKETS, "there is no table"));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// A kernel without IPv6 has no tables for it; `cat` then ends with status 1 after it printed the others.
fn only_ipv6_is_missing(output: &CommandOutput) -> bool {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let expected = |line: &str| line.contains("/proc/net/tcp6:") || line.contains("/proc/net/udp6:");
    let mut lines = stderr.lines().filter(|line| !line.trim().is_empty()).peekable();
    lines.peek().is_some() && lines.all(|line| expected(line) && line.ends_with("No such file or directory"))
}

/// The protocol when the line is a table's heading: only the UDP tables have a column `drops`.
fn heading(line: &str) -> Option<Transport> {
    let mut columns = line.split_whitespace();
    if columns.next() != Some("sl") {
        return None;
    }
    Some(if columns.any(|column| column == "drops") { Transport::Udp } else { Transport::Tcp })
}

/// The socket of a line, `Some(None)` when it does not wait for peers, `None` when the line is malformed.
fn waiting(line: &str, protocol: Option<Transport>) -> Option<Option<Socket>> {
    let protocol = protocol?;
    let mut columns = line.split_whitespace();
    columns.next()?.strip_suffix(':')?;
    let (address, port) = local(columns.next()?)?;
    let (_, remote_port) = local(columns.next()?)?;
    let state = columns.next()?;
    let waits = match protocol {
        Transport::Tcp => state == LISTEN,
        Transport::Udp => state == UNCONNECTED && remote_port == 0,
    };
    Some(waits.then_some(Socket { protocol, address, port }))
}

/// `0100007F:0035` is 127.0.0.1, port 53: each 32-bit word in host byte order, the port as a number.
fn local(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = hex(port, 4).and_then(|port| u16::try_from(port).ok())?;
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(hex(address, 8)?.to_le_bytes())),
        32 => {
            let mut octets = [0; 16];
            for (word, at) in octets.chunks_exact_mut(4).zip((0..32).step_by(8)) {
                word.copy_from_slice(&hex(address.get(at..at + 8)?, 8)?.to_le_bytes());
            }
            IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()
        }
        _ => return None,
    };
    Some((address, port))
}

/// A number of exactly `digits` hexadecimal digits. `from_str_radix` alone would take a sign.
fn hex(text: &str, digits: usize) -> Option<u32> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

fn malformed(line: &str) -> WireError {
    let line: String = line.chars().filter(|c| !c.is_control()).take(120).collect();
    garbage(SOCKETS, &format!("`{line}` is not a line of a socket table"))
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::{ended, printed};
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n   \
        1: 6F0BA8C0:0016 010BA8C0:D431 01 00000000:00000000 02:00000000 00000000     0        0 2 1 0 100 0 0 10 0\n";
    const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue\n   \
        0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 0 0 3\n   \
        1: B80D0120000000000000000001000000:0035 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 0 0 4\n";
    const UDP: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n  \
        10: 640BA8C0:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 5 2 0 0\n  \
        11: 640BA8C0:8235 010BA8C0:0035 01 00000000:00000000 00:00000000 00000000     0        0 6 2 0 0\n";

    fn socket(protocol: Transport, address: &str, port: u16) -> Socket {
        Socket { protocol, address: address.parse().expect("an address"), port }
    }

    #[test]
    fn only_sockets_that_wait_for_peers_are_listed() {
        let found = sockets(&printed(&[TCP, TCP6, UDP].concat())).expect("the tables are complete");
        let expected = [
            socket(Transport::Tcp, "127.0.0.1", 8080),
            socket(Transport::Tcp, "::", 22),
            socket(Transport::Tcp, "2001:db8::1", 53),
            socket(Transport::Udp, "192.168.11.100", 53),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_kernel_without_ipv6_still_answers() {
        let stderr = "/usr/bin/cat: /proc/net/tcp6: No such file or directory\n\
                      /usr/bin/cat: /proc/net/udp6: No such file or directory\n";
        let found = sockets(&ended(1, &[TCP, UDP].concat(), stderr)).expect("IPv4 tables are enough");
        assert_eq!(found.len(), 2);
        let denied = ended(1, TCP, "cat: /proc/net/udp: Permission denied\n");
        assert!(matches!(sockets(&denied), Err(WireError::Command { status: 1, .. })));
        assert!(matches!(sockets(&ended(1, TCP, "")), Err(WireError::Command { .. })));
    }

    #[test]
    fn malformed_lines_are_garbage() {
        let head = "  sl  local_address rem_address   st\n";
        for bad in ["", "0: 0100007F:1F90 00000000:0000 0A\n"] {
            assert!(matches!(sockets(&printed(bad)), Err(WireError::Garbage(_))), "{bad}");
        }
        for bad in [
            "0: 0100007F 0:0 0A",
            "0: +100007F:1F90 00000000:0000 0A",
            "0: 0100007F:11F90 00000000:0000 0A",
            "x",
        ] {
            assert!(
                matches!(sockets(&printed(&format!("{head}{bad}\n"))), Err(WireError::Garbage(_))),
                "{bad}"
            );
        }
    }
}
