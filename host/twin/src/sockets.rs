//! The listening sockets that a host's running daemons have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fabric_model::site::Protocol;

use crate::nft::{Carried, Packet};
use crate::state::{HostState, State};

/// The port of the recursor beside dnsdist.
pub(crate) const RECURSOR_PORT: u16 = 5353;

/// A socket that waits for connections or datagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) protocol: Protocol,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// The unit, without `.service`.
    pub(crate) unit: String,
}

impl Listener {
    pub(crate) fn takes(&self, packet: &Packet) -> bool {
        Carried::from(self.protocol) == packet.carried
            && self.port == packet.port
            && (self.address == IpAddr::V4(Ipv4Addr::UNSPECIFIED) || self.address == IpAddr::V4(packet.to))
    }
}

/// All listening sockets of a host, in the order of its units.
pub(crate) fn listeners(state: &State, name: &str) -> Vec<Listener> {
    let Some(host) = state.hosts.get(name) else { return Vec::new() };
    let running = host.units.iter().filter(|(_, unit)| unit.is_active());
    running.flat_map(|(unit, _)| unit_listeners(state, name, host, unit)).collect()
}

fn unit_listeners(state: &State, name: &str, host: &HostState, unit: &str) -> Vec<Listener> {
    let on = |protocol, address: IpAddr, port| Listener { protocol, address, port, unit: unit.to_owned() };
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let any6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let own = |port| {
        let addresses = host.nics.iter().filter_map(|nic| nic.address);
        addresses.map(move |address| (IpAddr::V4(address.addr()), port)).collect::<Vec<_>>()
    };
    match unit {
        "ssh" => vec![on(Protocol::Tcp, any, state.ssh_port), on(Protocol::Tcp, any6, state.ssh_port)],
        "unbound" => {
            vec![on(Protocol::Udp, loopback, RECURSOR_PORT), on(Protocol::Tcp, loopback, RECURSOR_PORT)]
        }
        "pdns" => {
            let both = own(53).into_iter();
            both.flat_map(|(address, port)| {
                [on(Protocol::Udp, address, port), on(Protocol::Tcp, address, port)]
            })
            .collect()
        }
        "dnsdist" => vip_services(state, name, |port| port == 53, on),
        "haproxy" => vip_services(state, name, |port| port != 53 && port != 123, on),
        "chrony" => vec![on(Protocol::Udp, any, 123)],
        "minio" => vec![on(Protocol::Tcp, any, 9000), on(Protocol::Tcp, any, 9001)],
        "vault" => vec![on(Protocol::Tcp, any, 8200), on(Protocol::Tcp, any, 8201)],
        "grafana-server" => vec![on(Protocol::Tcp, any, 3000)],
        "prometheus" => vec![on(Protocol::Tcp, any, 9090)],
        "prometheus-alertmanager" => vec![on(Protocol::Tcp, any, 9093)],
        "loki" => vec![on(Protocol::Tcp, any, 3100)],
        "promtail" => vec![on(Protocol::Tcp, any, 9080)],
        "patroni" => own(5432).into_iter().chain(own(8008)).map(|(a, p)| on(Protocol::Tcp, a, p)).collect(),
        "etcd" => own(2379).into_iter().chain(own(2380)).map(|(a, p)| on(Protocol::Tcp, a, p)).collect(),
        _ => Vec::new(),
    }
}

/// Daemons of an edge bind to the VIP itself, whether it is held or not (`ip_nonlocal_bind`).
fn vip_services(
    state: &State,
    name: &str,
    wanted: impl Fn(u16) -> bool,
    on: impl Fn(Protocol, IpAddr, u16) -> Listener,
) -> Vec<Listener> {
    let vips = state.vips.values().filter(|vip| vip.members.contains_key(name));
    vips.flat_map(|vip| vip.services.iter().map(|service| (vip.address.addr(), *service)))
        .filter(|(_, (_, port))| wanted(*port))
        .map(|(address, (protocol, port))| on(protocol, IpAddr::V4(address), port))
        .collect()
}
