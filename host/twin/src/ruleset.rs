//! The rulesets that the site's hosts load: default drop, and the exceptions that their part in the site needs.

use std::net::Ipv4Addr;

use fabric_model::site::{Host, Protocol, Site};
use ipnet::Ipv4Net;

use crate::state::State;

/// Where the unit `nftables` reads its ruleset, as Debian ships it.
pub(crate) const FILE: &str = "/etc/nftables.conf";

/// Puts the ruleset of every host that runs `nftables` into its file, and loads it.
pub(crate) fn write_rulesets(site: &Site, state: &mut State) {
    for (name, host) in &site.hosts {
        let Some(host_state) = state.hosts.get_mut(name.as_str()) else { continue };
        if host_state.units.contains_key("nftables") {
            let text = ruleset(site, name.as_str(), host);
            host_state.files.place(FILE, 0o755, text.into_bytes());
            host_state.load_own_ruleset();
        }
    }
}

fn ruleset(site: &Site, name: &str, host: &Host) -> String {
    let mut input = vec!["iif \"lo\" accept".to_owned(), ESTABLISHED.to_owned()];
    let peers = vrrp_peers(site, name);
    if !peers.is_empty() {
        input.push(format!("ip protocol vrrp ip saddr {} accept", one_of(&peers)));
    }
    input.extend(ssh_rule(site, host));
    for vip in site.vips.values().filter(|vip| vip.members.keys().any(|member| member.as_str() == name)) {
        for service in &vip.services {
            let carrier = match service.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            };
            input.push(format!("ip daddr {} {carrier} dport {} accept", vip.address.addr(), service.port));
        }
    }
    let way_out = way_out(site, name, host);
    let forward = way_out.iter().flat_map(|way| {
        let WayOut { inside, outside, subnet } = way;
        let out = format!("iifname \"{inside}\" oifname \"{outside}\" ip saddr {subnet} accept");
        [ESTABLISHED.to_owned(), out]
    });
    let filter = [
        chain("input", "filter", "filter", "drop", input),
        chain("forward", "filter", "filter", "drop", forward.collect()),
        chain("output", "filter", "filter", "accept", Vec::new()),
    ];
    let mut text =
        format!("#!/usr/sbin/nft -f\nflush ruleset\n\ntable inet filter {{\n{}}}\n", filter.concat());
    if let Some(WayOut { outside, subnet, .. }) = way_out {
        let rules = vec![format!("oifname \"{outside}\" ip saddr {subnet} masquerade")];
        let chain = chain("postrouting", "nat", "srcnat", "accept", rules);
        text.push_str(&format!("\ntable ip nat {{\n{chain}}}\n"));
    }
    text
}

const ESTABLISHED: &str = "ct state established,related accept";

fn chain(hook: &str, kind: &str, priority: &str, policy: &str, rules: Vec<String>) -> String {
    let rules: String = rules.iter().map(|rule| format!("\t\t{rule}\n")).collect();
    let base = format!("type {kind} hook {hook} priority {priority}; policy {policy};");
    format!("\tchain {hook} {{\n\t\t{base}\n{rules}\t}}\n")
}

fn one_of(addresses: &[Ipv4Addr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    format!("{{ {} }}", addresses.join(", "))
}

/// Hosts on the LAN let the LAN in; hosts behind others let their jump hosts in.
fn ssh_rule(site: &Site, host: &Host) -> Option<String> {
    let port = site.ssh.port;
    if host.jump.is_empty() {
        return Some(format!("ip saddr {} tcp dport {port} accept", site.site.lan.network.trunc()));
    }
    let jumps: Vec<Ipv4Addr> = host
        .jump
        .iter()
        .filter_map(|jump| site.hosts.get(jump))
        .flat_map(|jump| jump.interfaces.iter().filter_map(|nic| nic.address))
        .filter(|address| {
            host.interfaces.iter().any(|nic| nic.address.is_some_and(|own| own.contains(address)))
        })
        .map(|address| address.addr())
        .collect();
    (!jumps.is_empty()).then(|| format!("ip saddr {} tcp dport {port} accept", one_of(&jumps)))
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
