//! The lab's network: one namespace with nothing but bridges, one namespace per member, veth pairs between them, and no way out.

use crate::error::LabError;
use crate::node::Member;
use crate::place::Place;
use crate::program::{run, run_with_input};

/// The name of the namespace that holds the bridges.
pub(crate) const SWITCH: &str = "switch";

/// The LAN interface of every member that has one.
pub(crate) const LAN_LINK: &str = "eth0";

/// Builds the bridges and attaches every member.
pub(crate) fn build(place: &Place, members: &[Member]) -> Result<(), LabError> {
    let switch = place.netns(SWITCH);
    run(&["ip", "netns", "add", &switch])?;
    let mut bridges: Vec<&str> =
        members.iter().flat_map(|m| &m.links).map(|link| link.bridge.as_str()).collect();
    bridges.sort_unstable();
    bridges.dedup();
    let lines: String =
        bridges.iter().map(|name| format!("link add {name} type bridge\nlink set {name} up\n")).collect();
    batch(&switch, &lines)?;
    members.iter().try_for_each(|member| attach(place, member))
}

/// The switch's end of a member's link.
pub(crate) fn port(member: &str, link: &str) -> String {
    // An interface name has 15 bytes at most; `eth0` becomes `.0`.
    format!("{member}.{}", link.trim_start_matches("eth"))
}

/// Pulls or plugs a member's cable, at the switch.
pub(crate) fn set_link(place: &Place, member: &str, link: &str, up: bool) -> Result<(), LabError> {
    let state = if up { "up" } else { "down" };
    run(&["ip", "-netns", &place.netns(SWITCH), "link", "set", &port(member, link), state]).map(drop)
}

/// Drops every address of the site's VIPs that a dead holder left on its interfaces: the namespace outlives the container.
pub(crate) fn forget_addresses(place: &Place, member: &str, vips: &[String]) -> Result<(), LabError> {
    let netns = place.netns(member);
    let present = run(&["ip", "-netns", &netns, "-o", "-4", "address"])?;
    for line in present.lines() {
        let mut words = line.split_whitespace().skip(1);
        if let (Some(link), Some(_), Some(address)) = (words.next(), words.next(), words.next())
            && vips.iter().any(|vip| vip == address)
        {
            run(&["ip", "-netns", &netns, "address", "del", address, "dev", link])?;
        }
    }
    Ok(())
}

fn attach(place: &Place, member: &Member) -> Result<(), LabError> {
    let (own, switch) = (place.netns(&member.name), place.netns(SWITCH));
    run(&["ip", "netns", "add", &own])?;
    let mut inner = String::from("link set lo up\n");
    let mut outer = String::new();
    for link in &member.links {
        let port = port(&member.name, &link.name);
        let mac = link.mac.as_ref().map(|mac| format!("address {mac} ")).unwrap_or_default();
        inner += &format!("link add {} {mac}type veth peer name {port} netns {switch}\n", link.name);
        outer += &format!("link set {port} master {} up\n", link.bridge);
        for address in &link.addresses {
            inner += &format!("address add {address} dev {}\n", link.name);
        }
        inner += &format!("link set {} up\n", link.name);
        if let Some(gateway) = &link.gateway {
            inner += &format!("route add default via {gateway}\n");
        }
    }
    for address in &member.loopback {
        inner += &format!("address add {address}/32 dev lo\n");
    }
    for (network, via) in &member.routes {
        inner += &format!("route add {network} via {via}\n");
    }
    batch(&own, &inner)?;
    batch(&switch, &outer)
}

fn batch(netns: &str, lines: &str) -> Result<(), LabError> {
    run_with_input(&["ip", "-netns", netns, "-batch", "-"], lines).map(drop)
}

/// Makes a member ask anew who has which address.
pub(crate) fn forget_neighbours(place: &Place, member: &str) -> Result<(), LabError> {
    run(&["ip", "-netns", &place.netns(member), "neigh", "flush", "all"]).map(drop)
}
