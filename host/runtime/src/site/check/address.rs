//! Addresses: each in its network, in the block of its purpose, and nobody else's.

use std::net::Ipv4Addr;

use fabric_model::Slug;
use fabric_model::site::{Host, Interface, Site};

use super::super::network::{self, Network};
use super::super::report::Report;
use super::super::suggest;
use super::once::Once;

pub(super) fn check(site: &Site, report: &mut Report<'_>) {
    let mut owners = Once::new(
        "address",
        "Give one of them another address; a VIP moves between hosts, so it is no host's own.",
    );
    owners.claim(report, &["site", "lan", "gateway"], site.site.lan.gateway, "the LAN's router");
    for (name, node) in &site.proxmox.nodes {
        let path = ["proxmox", "nodes", name.as_str(), "address"];
        owners.claim(report, &path, node.address.to_canonical(), format!("node `{name}`"));
    }
    for (name, vip) in &site.vips {
        let path = ["vips", name.as_str(), "address"];
        owners.claim(report, &path, vip.address.addr(), format!("VIP `{name}`"));
    }
    for (name, host) in &site.hosts {
        for (index, interface) in host.interfaces.iter().enumerate() {
            let index = index.to_string();
            let path = ["hosts", name.as_str(), "interfaces", &index];
            attached(site, report, &path, host, interface);
            if let Some(address) = interface.address {
                let [hosts, name, interfaces, index] = path;
                let path = [hosts, name, interfaces, index, "address"];
                owners.claim(report, &path, address.addr(), format!("host `{name}`"));
            }
        }
    }
    owners.settle(report);
}

fn attached(site: &Site, report: &mut Report<'_>, path: &[&str; 4], host: &Host, interface: &Interface) {
    let [hosts, name, interfaces, index] = *path;
    let at = |key| [hosts, name, interfaces, index, key];
    let Some(network) = network::of_bridge(site, &interface.bridge) else {
        let names = network::bridges(site).map(|(bridge, _)| bridge.as_str());
        let hint =
            suggest::hint(interface.bridge.as_str(), names, "Use the LAN's bridge or the vnet of a plane.");
        report.at(&at("bridge"), format!("there is no bridge or vnet `{}`", interface.bridge), hint);
        return;
    };
    if let Some(address) = interface.address
        && within(report, &at("address"), address, network)
        && let Some((plane, block)) = block_of(host, network)
    {
        in_block(report, &at("address"), address.addr(), plane, network, block);
    }
    // A wrong router of the network is reported there, and not again at every host.
    if let Some(gateway) = interface.gateway
        && gateway != network.gateway
        && network.gateway_is_sound(site)
    {
        let message = format!("the gateway of `{}` is {}, not {gateway}", interface.bridge, network.gateway);
        report.at(&at("gateway"), message, "Use the router of the network that the interface is on.");
    }
}

/// Records an address that cannot be one of a host in this network. Returns whether it can.
pub(super) fn within(
    report: &mut Report<'_>,
    path: &[&str],
    address: ipnet::Ipv4Net,
    network: Network<'_>,
) -> bool {
    let subnet = network.subnet;
    let host = address.addr();
    let hint = format!("Use an address of {subnet}, with the prefix length {}.", subnet.prefix_len());
    let message = if !subnet.contains(&host) {
        format!("{host} is outside {subnet}, the {}", described(network))
    } else if address.prefix_len() != subnet.prefix_len() {
        format!("the prefix length of {address} is not that of {subnet}")
    } else if host == subnet.network() || host == subnet.broadcast() {
        format!("{host} is the network or broadcast address of {subnet}")
    } else {
        return true;
    };
    report.at(path, message, hint);
    false
}

fn described(network: Network<'_>) -> String {
    match network.plane {
        Some((plane, _)) => format!("subnet of plane `{plane}`"),
        None => "LAN".to_owned(),
    }
}

/// The block that a host's address must be from: edges and proxies take connections from outside, all others are workload.
/// The names are those of the addressing rules, which docs/site-file.md states.
fn block_of<'s>(host: &Host, network: Network<'s>) -> Option<(&'s Slug, &'static str)> {
    let role = host.role.as_str();
    let block = if role == "edge" || role.contains("haproxy") { "proxy" } else { "workload" };
    network.plane.map(|(plane, _)| (plane, block))
}

/// Records an address outside the block of its purpose; a plane that is not divided into blocks has no such rule.
pub(super) fn in_block(
    report: &mut Report<'_>,
    path: &[&str],
    address: Ipv4Addr,
    plane: &Slug,
    network: Network<'_>,
    block: &str,
) {
    let blocks = network.plane.map(|(_, plane)| &plane.blocks);
    let Some(blocks) = blocks.filter(|blocks| !blocks.is_empty()) else { return };
    let range = blocks.iter().find(|(name, _)| name.as_str() == block).map(|(_, range)| *range);
    match range {
        Some((first, last)) if (first..=last).contains(&address) => {}
        Some((first, last)) => {
            let message = format!("{address} is outside the block `{block}` of plane `{plane}`");
            report.at(path, message, format!("Use an address from {first} to {last}."));
        }
        None => {
            let message = format!("plane `{plane}` has no block `{block}` for {address}");
            report.at(path, message, format!("Add `{block}` to the plane's `blocks`."));
        }
    }
}
