//! VIPs: who can hold them, and what VRRP needs to tell them apart.

use std::collections::BTreeMap;

use fabric_model::Slug;
use fabric_model::site::{Site, Vip};

use super::super::network::{self, Network};
use super::super::report::Report;
use super::super::suggest;
use super::{address, declared};

pub(super) fn check(site: &Site, report: &mut Report<'_>) {
    // The first VIP of each group, and of each virtual router on each network.
    let mut groups: BTreeMap<&Slug, (&Slug, &Vip)> = BTreeMap::new();
    let mut routers: BTreeMap<(ipnet::Ipv4Net, u8), (&Slug, &Vip)> = BTreeMap::new();
    for (name, vip) in &site.vips {
        members(site, report, name, vip);
        let (first, pattern) = *groups.entry(&vip.group).or_insert((name, vip));
        if !vip.members.keys().eq(pattern.members.keys()) {
            let message =
                format!("VIPs `{first}` and `{name}` are of group `{}`, but have other members", vip.group);
            let hint = "Give all VIPs of a group the same members, or put them in groups of their own.";
            report.at(&["vips", name.as_str(), "members"], message, hint);
        }
        let Some(network) = network::of_address(site, vip.address.addr()) else {
            let message = format!("{} is in no network of the site", vip.address.addr());
            report.at(
                &["vips", name.as_str(), "address"],
                message,
                "Use an address of the LAN or of a plane.",
            );
            continue;
        };
        let path = ["vips", name.as_str(), "address"];
        if address::within(report, &path, vip.address, network)
            && let Some((plane, _)) = network.plane
        {
            address::in_block(report, &path, vip.address.addr(), plane, network, "vip");
        }
        let (first, pattern) = *routers.entry((network.subnet, vip.vrid)).or_insert((name, vip));
        if pattern.group != vip.group {
            let message = format!("virtual router {} is that of VIP `{first}` on this network", vip.vrid);
            report.at(&["vips", name.as_str(), "vrid"], message, "Use an unused id from 1 to 255.");
        }
    }
}

fn members(site: &Site, report: &mut Report<'_>, name: &Slug, vip: &Vip) {
    let at = |key| ["vips", name.as_str(), key];
    if vip.vrid == 0 {
        report.at(&at("vrid"), "0 is not the id of a virtual router", "Use an unused id from 1 to 255.");
    }
    if vip.members.is_empty() {
        report.at(
            &at("members"),
            "nobody can hold this VIP",
            "Name the hosts of the pair with their priorities.",
        );
    }
    let network = network::of_address(site, vip.address.addr());
    let mut environment = None;
    let mut priorities: Vec<u8> = Vec::new();
    for (member, priority) in &vip.members {
        let path = ["vips", name.as_str(), "members", member.as_str()];
        if !declared(report, &path, "host", member, &site.hosts) {
            continue;
        }
        let Some(host) = site.hosts.get(member) else { continue };
        if *priority == 0 || *priority == u8::MAX || priorities.contains(priority) {
            // RFC 9568, 5.2.4: 0 means "I stop", 255 belongs to the owner of the address.
            let message = format!("priority {priority} does not order the members");
            report.at(&path, message, "Give each member its own priority from 1 to 254.");
        }
        priorities.push(*priority);
        if *environment.get_or_insert(&host.environment) != &host.environment {
            let message = format!("`{member}` is of another environment than the other members");
            report.at(&path, message, "Pair hosts of one environment, so that a VIP belongs to it.");
        }
        carries(site, report, (name, vip), member, network);
    }
}

/// Records a member without the VIP's interface, or whose interface is on another network.
fn carries(
    site: &Site,
    report: &mut Report<'_>,
    vip: (&Slug, &Vip),
    member: &Slug,
    network: Option<Network<'_>>,
) {
    let (name, vip) = vip;
    let Some(host) = site.hosts.get(member) else { return };
    let path = ["vips", name.as_str(), "interface"];
    let Some(interface) = host.interfaces.iter().find(|i| i.name == vip.interface) else {
        let names = host.interfaces.iter().map(|i| i.name.as_str());
        let hint = suggest::hint(vip.interface.as_str(), names, "Use an interface that every member has.");
        report.at(&path, format!("member `{member}` has no interface `{}`", vip.interface), hint);
        return;
    };
    let on = network::of_bridge(site, &interface.bridge).map(|network| network.subnet);
    if let (Some(on), Some(network)) = (on, network)
        && on != network.subnet
    {
        let message =
            format!("`{}` of member `{member}` is in {on}, the VIP in {}", vip.interface, network.subnet);
        report.at(&path, message, "Name the interface that is on the VIP's network.");
    }
}
