//! The LAN and the planes: subnets, routers, address blocks.

use std::net::Ipv4Addr;

use fabric_model::Slug;
use fabric_model::site::{Plane, Sdn, Site};

use super::super::network;
use super::super::report::Report;
use super::once::Once;

pub(super) fn check(site: &Site, report: &mut Report<'_>) {
    let lan = &site.site.lan;
    if !lan.network.contains(&lan.gateway) {
        let message = format!("the router {} is not in the LAN {}", lan.gateway, lan.network);
        report.at(&["site", "lan", "gateway"], message, "Give the address of the LAN's router.");
    }
    for (name, environment) in &site.environments {
        if environment.vmids.0 > environment.vmids.1 {
            let message = format!("the range {} to {} is empty", environment.vmids.0, environment.vmids.1);
            report.at(&["environments", name.as_str(), "vmids"], message, "Write the first VM id first.");
        }
    }
    bridges_are_distinct(site, report);
    for (name, plane) in &site.planes {
        if let Some(sdn) = &plane.sdn {
            gateway(site, report, name, sdn);
        }
        blocks(report, name, plane);
    }
}

fn bridges_are_distinct(site: &Site, report: &mut Report<'_>) {
    let mut names = Once::new("bridge", "Give each plane a vnet of its own.");
    names.claim(report, &["site", "lan", "bridge"], &site.site.lan.bridge, "the LAN");
    let mut tags = Once::new("VLAN tag", "Give each plane a tag of its own.");
    for (name, sdn) in site.planes.iter().filter_map(|(name, plane)| Some((name, plane.sdn.as_ref()?))) {
        let owner = format!("plane `{name}`");
        names.claim(report, &["planes", name.as_str(), "sdn", "vnet"], &sdn.vnet, owner.clone());
        tags.claim(report, &["planes", name.as_str(), "sdn", "tag"], sdn.tag, owner);
        let overlapping = network::bridges(site)
            .take_while(|(_, other)| other.plane.is_none_or(|(plane, _)| plane != name))
            .find(|(_, other)| {
                other.subnet.contains(&sdn.subnet.network()) || sdn.subnet.contains(&other.subnet.network())
            });
        if let Some((bridge, other)) = overlapping {
            let message = format!("subnet {} overlaps {} on `{bridge}`", sdn.subnet, other.subnet);
            let hint = "Give each plane addresses of its own.";
            report.at(&["planes", name.as_str(), "sdn", "subnet"], message, hint);
        }
    }
    names.settle(report);
    tags.settle(report);
}

fn gateway(site: &Site, report: &mut Report<'_>, name: &Slug, sdn: &Sdn) {
    let path = ["planes", name.as_str(), "sdn", "gateway"];
    if !sdn.subnet.contains(&sdn.gateway) {
        let message = format!("the gateway {} is not in the subnet {}", sdn.gateway, sdn.subnet);
        report.at(&path, message, "Use an address of the subnet.");
    } else if !site.vips.values().any(|vip| vip.address.addr() == sdn.gateway) {
        let message = format!("the gateway {} is not a VIP", sdn.gateway);
        report.at(&path, message, "Declare the VIP of the plane's edge pair that has this address.");
    }
}

fn blocks(report: &mut Report<'_>, name: &Slug, plane: &Plane) {
    let mut earlier: Vec<(&Slug, (Ipv4Addr, Ipv4Addr))> = Vec::new();
    for (block, &(first, last)) in &plane.blocks {
        let path = ["planes", name.as_str(), "blocks", block.as_str()];
        let Some(sdn) = &plane.sdn else {
            let hint = "Remove it, or give the plane a subnet under `sdn`.";
            report.at(&path, format!("block `{block}` belongs to a plane without a subnet"), hint);
            continue;
        };
        if first > last {
            let message = format!("the block {first} to {last} is empty");
            report.at(&path, message, "Write the first address first.");
        } else if !sdn.subnet.contains(&first) || !sdn.subnet.contains(&last) {
            let message = format!("the block {first} to {last} is not in the subnet {}", sdn.subnet);
            report.at(&path, message, "Use addresses of the plane's subnet.");
        } else if let Some((other, _)) = earlier.iter().find(|(_, (from, to))| first <= *to && *from <= last)
        {
            let message = format!("block `{block}` overlaps block `{other}`");
            report.at(&path, message, "Divide the subnet so that each address has one purpose.");
        }
        earlier.push((block, (first, last)));
    }
}
