//! The rulesets that the site's hosts load: default drop, and the exceptions that their part in the site needs.

use std::net::Ipv4Addr;

use fabric_model::site::{Host, Protocol, Site};
use ipnet::Ipv4Net;

use crate::firewall::{Match, Rule, Ruleset};
use crate::state::State;

/// Gives every host that runs `nftables` its ruleset.
pub(crate) fn write_rulesets(site: &Site, state: &mut State) {
    for (name, host) in &site.hosts {
        if let Some(host_state) = state.hosts.get_mut(name.as_str()) {
            host_state.ruleset = ruleset(site, name.as_str(), host);
        }
    }
}

fn ruleset(site: &Site, name: &str, host: &Host) -> Ruleset {
    let mut input = vec![Rule::accept([Match::Loopback]), Rule::accept([Match::Established])];
    let peers = vrrp_peers(site, name);
    if !peers.is_empty() {
        input.push(Rule::accept([Match::Vrrp, Match::SourceOneOf(peers)]));
    }
    input.push(ssh_rule(site, host));
    for vip in site.vips.values().filter(|vip| vip.members.keys().any(|member| member.as_str() == name)) {
        for service in &vip.services {
            let port = Match::Port(service.protocol, service.port);
            input.push(Rule::accept([Match::Destination(vip.address.addr()), port]));
        }
    }
    let mut rules = Ruleset { input, ..Ruleset::default() };
    if let Some(way_out) = way_out(site, name, host) {
        rules.forward.push(Rule::accept([Match::Established]));
        rules.forward.push(Rule::accept([
            Match::FromInterface(way_out.inside.clone()),
            Match::ToInterface(way_out.outside.clone()),
            Match::SourceIn(way_out.subnet),
        ]));
        rules
            .postrouting
            .push(Rule::masquerade([Match::ToInterface(way_out.outside), Match::SourceIn(way_out.subnet)]));
    }
    rules
}

/// Hosts on the LAN let the LAN in; hosts behind others let their jump hosts in.
fn ssh_rule(site: &Site, host: &Host) -> Rule {
    let port = Match::Port(Protocol::Tcp, site.ssh.port);
    if host.jump.is_empty() {
        return Rule::accept([Match::SourceIn(site.site.lan.network), port]);
    }
    let jumps = host
        .jump
        .iter()
        .filter_map(|jump| site.hosts.get(jump))
        .flat_map(|jump| jump.interfaces.iter().filter_map(|nic| nic.address))
        .filter(|address| {
            host.interfaces.iter().any(|nic| nic.address.is_some_and(|own| own.contains(address)))
        })
        .map(|address| address.addr())
        .collect();
    Rule::accept([Match::SourceOneOf(jumps), port])
}

/// The addresses from which VRRP packets come: those of all members on the VIPs' interfaces.
fn vrrp_peers(site: &Site, name: &str) -> Vec<Ipv4Addr> {
    let mut addresses: Vec<Ipv4Addr> = site
        .vips
        .values()
        .filter(|vip| vip.members.keys().any(|member| member.as_str() == name))
        .flat_map(|vip| {
            vip.members.keys().filter_map(|member| {
                let host = site.hosts.get(member)?;
                let nic = host.interfaces.iter().find(|nic| nic.name == vip.interface)?;
                Some(nic.address?.addr())
            })
        })
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

struct WayOut {
    inside: String,
    outside: String,
    subnet: Ipv4Net,
}

/// An edge is a member of the VIP that is its VLAN's gateway, and has a leg on the LAN.
fn way_out(site: &Site, name: &str, host: &Host) -> Option<WayOut> {
    let sdn = site.planes.values().filter_map(|plane| plane.sdn.as_ref()).find(|sdn| {
        site.vips.values().any(|vip| {
            vip.address.addr() == sdn.gateway && vip.members.keys().any(|member| member.as_str() == name)
        })
    })?;
    let leg = |network: Ipv4Net| {
        host.interfaces
            .iter()
            .find(|nic| nic.address.is_some_and(|address| network.contains(&address.addr())))
            .map(|nic| nic.name.to_string())
    };
    Some(WayOut { inside: leg(sdn.subnet)?, outside: leg(site.site.lan.network)?, subnet: sdn.subnet })
}
