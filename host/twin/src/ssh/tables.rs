//! The kernel's socket tables, `/proc/net/{tcp,tcp6,udp,udp6}`.

use std::fmt::Write as _;
use std::net::IpAddr;

use fabric_model::site::Protocol;

use crate::sockets::{Listener, listeners};
use crate::state::State;

/// The text of one table; none for any other file.
pub(crate) fn socket_table(state: &State, host: &str, file: &str) -> Option<String> {
    let (protocol, six) = match file.strip_prefix("/proc/net/")? {
        "tcp" => (Protocol::Tcp, false),
        "tcp6" => (Protocol::Tcp, true),
        "udp" => (Protocol::Udp, false),
        "udp6" => (Protocol::Udp, true),
        _ => return None,
    };
    let mut text = String::from(heading(protocol, six));
    let rows = listeners(state, host);
    let rows = rows.iter().filter(|row| row.protocol == protocol && row.address.is_ipv6() == six);
    for (place, row) in rows.enumerate() {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{}", line(place, row));
    }
    Some(text)
}

fn heading(protocol: Protocol, six: bool) -> &'static str {
    match (protocol, six) {
        (Protocol::Tcp, false) => {
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n"
        }
        (Protocol::Udp, false) => {
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n"
        }
        (Protocol::Tcp, true) => {
            "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        }
        (Protocol::Udp, true) => {
            "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
        }
    }
}

/// A waiting socket: state 0A is LISTEN for TCP, 07 is an unconnected UDP socket.
fn line(place: usize, row: &Listener) -> String {
    let local = kernel_hex(row.address);
    let remote = "0".repeat(local.len());
    let port = row.port;
    let inode = 10_000 + place;
    match row.protocol {
        Protocol::Tcp => format!(
            "{place:4}: {local}:{port:04X} {remote}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0000000000000000 100 0 0 10 0"
        ),
        Protocol::Udp => format!(
            "{place:5}: {local}:{port:04X} {remote}:0000 07 00000000:00000000 00:00000000 00000000     0        0 {inode} 2 0000000000000000 0"
        ),
    }
}

/// The kernel prints the address as 32-bit words in the machine's byte order, which is little-endian on amd64.
fn kernel_hex(address: IpAddr) -> String {
    let octets = match address {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets().to_vec(),
    };
    let words =
        octets.chunks_exact(4).map(|word| word.iter().rev().map(|byte| format!("{byte:02X}")).collect());
    words.collect::<Vec<String>>().concat()
}
