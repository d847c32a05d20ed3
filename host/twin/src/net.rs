//! The packet path: who answers at an address and port, asked from where. Decided by addresses, routes, rulesets and listening
//! sockets of the model; no time passes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use fabric_model::site::Protocol;
use fabric_wire::WireError;

use crate::nft::{Carried, Packet, Passage};
use crate::sockets::{Listener, listeners};
use crate::state::{HostState, Power, State};

/// The played internet: one web server that is a name server too (TEST-NET-2, RFC 5737).
pub(crate) const INTERNET_HOST: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);

/// From where a connection is opened.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    Runner,
    Host(String),
}

/// What answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// A daemon of a host, by its unit.
    Daemon { host: String, unit: String },
    /// The kernel of a frozen host: connections open and stay silent.
    Frozen,
    /// The API of a node.
    Api { node: String },
    /// The sshd of a Proxmox node, of which nothing is modelled but its banner.
    NodeSsh,
    /// The web server of the internet.
    Web,
    /// The name server of the internet.
    Root,
}

/// Where a packet ended, and the source address that the service sees.
#[derive(Clone, Debug)]
pub(crate) struct Landing {
    pub(crate) service: Service,
    pub(crate) source: Ipv4Addr,
}

type Arrival = Result<Landing, WireError>;

impl State {
    /// Follows the first packet from `origin` to `to`.
    pub(crate) fn connect(&self, origin: &Origin, to: SocketAddr, protocol: Protocol) -> Arrival {
        self.follow(origin, to, protocol, false)
    }

    /// Follows a packet of a TCP connection that stands.
    pub(crate) fn go_on(&self, origin: &Origin, to: SocketAddr) -> Arrival {
        self.follow(origin, to, Protocol::Tcp, true)
    }

    fn follow(&self, origin: &Origin, to: SocketAddr, protocol: Protocol, established: bool) -> Arrival {
        let IpAddr::V4(address) = to.ip().to_canonical() else {
            return Err(no_route("the site has no IPv6"));
        };
        let mut packet = Packet::new(self.runner, address, Carried::from(protocol), to.port());
        packet.established = established;
        match origin {
            Origin::Runner => self.sent_on_lan(packet),
            Origin::Host(name) => self.sent_by_host(name, packet),
        }
    }

    fn sent_on_lan(&self, packet: Packet) -> Arrival {
        if self.lan.network.contains(&packet.to) {
            return self.on_lan(packet);
        }
        let Some(subnet) = self.subnets.iter().find(|subnet| subnet.network.contains(&packet.to)) else {
            return Err(no_route("no route to host"));
        };
        // An edge answers for its own VLAN addresses on its LAN leg.
        if let Some((owner, host)) = self.owner(packet.to).and_then(|name| self.host(name))
            && let Some((leg, _)) = host.leg(self.lan.gateway)
        {
            return self.deliver(owner, host, leg, packet);
        }
        let (_, edge_state) = self.gateway(subnet.gateway)?;
        if edge_state.leg(self.lan.gateway).is_some_and(|(leg, _)| !edge_state.carries(leg)) {
            return Err(no_route("no route to host"));
        }
        let arrives = edge_state.on_link(self.lan.gateway).map_or("", |(leg, _)| leg);
        let leaves = edge_state.on_link(packet.to).map_or("", |(leg, _)| leg);
        self.forwards(edge_state, &packet, Passage { arrives, leaves })?;
        self.on_segment(packet)
    }

    fn sent_by_host(&self, name: &str, mut packet: Packet) -> Arrival {
        let (name, host) = self.host(name).ok_or_else(|| no_route("no such host"))?;
        if packet.to.is_loopback() || self.is_local(name, packet.to) {
            packet.from = packet.to;
            return self.deliver(name, host, "lo", packet);
        }
        if let Some((leg, own)) = host.on_link(packet.to) {
            packet.from = own;
            host.lets_out(&packet, leg)?;
            return self.on_wire(packet);
        }
        let gateway = host.gateway.ok_or_else(|| no_route("network is unreachable"))?;
        let (leg, own) = host.on_link(gateway).ok_or_else(|| no_route("network is unreachable"))?;
        packet.from = own;
        host.lets_out(&packet, leg)?;
        if gateway == self.lan.gateway {
            return self.through_lan_router(packet);
        }
        self.through_edge(gateway, packet)
    }

    /// The router of the LAN knows the VLANs and the internet.
    fn through_lan_router(&self, packet: Packet) -> Arrival {
        if self.subnets.iter().any(|subnet| subnet.network.contains(&packet.to)) {
            return self.sent_on_lan(packet);
        }
        internet(&packet)
    }

    fn through_edge(&self, gateway: Ipv4Addr, mut packet: Packet) -> Arrival {
        let (edge, edge_state) = self.gateway(gateway)?;
        let arrives = edge_state.on_link(packet.from).map_or("", |(leg, _)| leg);
        if self.is_local(edge, packet.to) {
            return self.deliver(edge, edge_state, arrives, packet);
        }
        let Some((leaves, outside)) = edge_state.on_link(self.lan.gateway) else {
            return Err(no_route("network is unreachable"));
        };
        let passage = Passage { arrives, leaves };
        self.forwards(edge_state, &packet, passage)?;
        if !edge_state.ruleset.translates(&packet, passage) {
            // The packet leaves with an address that nobody outside has a way back to.
            return Err(WireError::Timeout);
        }
        packet.from = outside;
        if self.lan.network.contains(&packet.to) {
            self.on_lan(packet)
        } else {
            self.through_lan_router(packet)
        }
    }

    /// Whether a host forwards the packet.
    fn forwards(&self, host: &HostState, packet: &Packet, passage: Passage<'_>) -> Result<(), WireError> {
        let awake = host.power == Power::Up && host.carries(passage.arrives) && host.carries(passage.leaves);
        let back = Passage { arrives: passage.leaves, leaves: passage.arrives };
        let accepted = host.ruleset.lets("forward", packet, passage)
            && host.ruleset.lets("forward", &packet.reply(), back);
        if awake && host.forwards_packets() && accepted { Ok(()) } else { Err(WireError::Timeout) }
    }

    /// Who has the address of a gateway.
    fn gateway(&self, address: Ipv4Addr) -> Result<(&str, &HostState), WireError> {
        let edge = self.owner(address).and_then(|name| self.host(name));
        edge.ok_or_else(|| self.unclaimed(address, "nobody holds the gateway of the VLAN"))
    }

    /// What becomes of packets to an address that nobody has: while a VIP is between two holders, its neighbours still send to the
    /// last one.
    fn unclaimed(&self, address: Ipv4Addr, why: &str) -> WireError {
        let vip = self.vips.values().find(|vip| vip.address.addr() == address);
        match vip {
            Some(vip) if vip.is_on_its_way() => WireError::Timeout,
            _ => no_route(why),
        }
    }

    fn on_wire(&self, packet: Packet) -> Arrival {
        if self.lan.network.contains(&packet.to) { self.on_lan(packet) } else { self.on_segment(packet) }
    }

    fn on_lan(&self, packet: Packet) -> Arrival {
        let node = self.nodes.iter().find(|(_, node)| node.address == IpAddr::V4(packet.to));
        if let Some((name, node)) = node {
            return match (node.online, packet.carried, packet.port) {
                (false, ..) => Err(no_route("no route to host")),
                (true, Carried::Tcp, port) if port == self.api_port => {
                    Ok(Landing { service: Service::Api { node: name.clone() }, source: packet.from })
                }
                (true, Carried::Tcp, 22) => Ok(Landing { service: Service::NodeSsh, source: packet.from }),
                _ => Err(WireError::Refused),
            };
        }
        if packet.to == self.lan.gateway {
            return Err(WireError::Refused);
        }
        self.on_segment(packet)
    }

    /// The packet is on the wire that its target is on.
    fn on_segment(&self, packet: Packet) -> Arrival {
        let owner = self.owner(packet.to).and_then(|name| self.host(name));
        let (name, host) = owner.ok_or_else(|| self.unclaimed(packet.to, "no route to host"))?;
        let leg = host.leg(packet.to).map_or("", |(leg, _)| leg);
        self.deliver(name, host, leg, packet)
    }

    fn deliver(&self, name: &str, host: &HostState, arrives: &str, packet: Packet) -> Arrival {
        if host.power == Power::Down || !self.node_is_up(host) || !host.carries(arrives) {
            return Err(no_route("no route to host"));
        }
        let passage = Passage { arrives, leaves: "" };
        let answers = Passage { arrives: "", leaves: arrives };
        let passes = host.ruleset.lets("input", &packet, passage)
            && host.ruleset.lets("output", &packet.reply(), answers);
        if !passes {
            return Err(WireError::Timeout);
        }
        let listener = listeners(self, name).into_iter().find(|listener| listener.takes(&packet));
        let source = packet.from;
        match (listener, host.power) {
            // A session of sshd goes on when the daemon that took it is gone.
            (None, Power::Up) if packet.established && packet.port == self.ssh_port => Ok(Landing {
                service: Service::Daemon { host: name.to_owned(), unit: "ssh".to_owned() },
                source,
            }),
            (None, _) => Err(WireError::Refused),
            (Some(listener), _) if host.power == Power::Hung || host.is_frozen(&listener.unit) => {
                Ok(Landing { service: Service::Frozen, source })
            }
            (Some(Listener { unit, .. }), _) => {
                Ok(Landing { service: Service::Daemon { host: name.to_owned(), unit }, source })
            }
        }
    }

    fn node_is_up(&self, host: &HostState) -> bool {
        self.nodes.get(&host.node).is_none_or(|node| node.online)
    }

    fn host(&self, name: &str) -> Option<(&str, &HostState)> {
        self.hosts.get_key_value(name).map(|(name, host)| (name.as_str(), host))
    }
}

impl HostState {
    /// Whether the host's own packet leaves over an interface.
    fn lets_out(&self, packet: &Packet, leg: &str) -> Result<(), WireError> {
        let (out, back) = (Passage { arrives: "", leaves: leg }, Passage { arrives: leg, leaves: "" });
        let passes =
            self.ruleset.lets("output", packet, out) && self.ruleset.lets("input", &packet.reply(), back);
        if passes { Ok(()) } else { Err(WireError::Timeout) }
    }

    fn is_frozen(&self, unit: &str) -> bool {
        self.units.get(unit).is_some_and(|unit| unit.frozen)
    }
}

fn internet(packet: &Packet) -> Arrival {
    let service = match (packet.to == INTERNET_HOST, packet.carried, packet.port) {
        (false, ..) => return Err(no_route("no route to host")),
        (true, Carried::Tcp, 80) => Service::Web,
        (true, _, 53) => Service::Root,
        _ => return Err(WireError::Refused),
    };
    Ok(Landing { service, source: packet.from })
}

fn no_route(why: &str) -> WireError {
    WireError::Unreachable(why.to_owned())
}
