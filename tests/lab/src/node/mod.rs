//! Who is in the DNS plane's lab, and how each node is configured. Addresses, MACs, VIPs and zones come from the site file.

mod auth;
mod edge;
mod internet;
mod root;
mod ssh;

use std::path::Path;

use fabric_model::site::{Host, Site};

pub(crate) use auth::{DATABASE, SERIAL};
pub(crate) use edge::{Filter, dnsdist, keepalived, nftables};
pub(crate) use internet::{WEB_ADDRESS, WEB_NAME, root_addresses};
pub(crate) use root::Root;
pub(crate) use ssh::{Keys, hardening};

use crate::error::LabError;
use crate::network::LAN_LINK;
use crate::place::Place;

/// The plane this program can build.
pub(crate) const PLANE: &str = "dns";

/// The edge that holds the VIPs as long as nothing is broken.
pub(crate) const FIRST_EDGE: &str = "dns-edge-1";

/// The LAN bridge inside the switch.
pub(crate) const LAN: &str = "lan";

/// The member in whose network namespace every probe runs.
pub(crate) const RUNNER: &str = "runner";

/// The member that plays the rest of the world.
pub(crate) const INTERNET: &str = "internet";

/// The member on which the Proxmox API is served.
pub(crate) const PROXMOX: &str = "pve";

/// One network namespace of the lab.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: String,
    /// Its interfaces.
    pub(crate) links: Vec<Link>,
    /// Addresses on its loopback interface.
    pub(crate) loopback: Vec<String>,
    /// Networks and the gateways to them.
    pub(crate) routes: Vec<(String, String)>,
    /// Whether a container boots in it.
    pub(crate) container: bool,
}

/// An interface of a member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    /// Its name inside the member.
    pub(crate) name: String,
    /// The bridge it is attached to.
    pub(crate) bridge: String,
    /// Its MAC address; the kernel picks one where none is given.
    pub(crate) mac: Option<String>,
    /// Its addresses with prefix length.
    pub(crate) addresses: Vec<String>,
    /// The default gateway behind it.
    pub(crate) gateway: Option<String>,
}

/// The plane's hosts with their names, in the order of the names.
pub(crate) fn hosts(site: &Site) -> impl Iterator<Item = (&str, &Host)> {
    site.hosts
        .iter()
        .filter(|(_, host)| host.plane.as_str() == PLANE)
        .map(|(name, host)| (name.as_str(), host))
}

/// The VIPs of the plane's edges, with prefix length.
pub(crate) fn vips(site: &Site) -> Vec<String> {
    site.vips.values().filter(|vip| vip.group.as_str() == PLANE).map(|vip| vip.address.to_string()).collect()
}

/// Every member of the lab.
pub(crate) fn members(site: &Site) -> Result<Vec<Member>, LabError> {
    let sdn = sdn(site)?;
    let vlan = format!("vlan{}", sdn.tag);
    let mut members = Vec::new();
    for (name, host) in hosts(site) {
        let links = host.interfaces.iter().map(|interface| Link {
            name: interface.name.as_str().to_owned(),
            bridge: if interface.bridge == site.site.lan.bridge { LAN.to_owned() } else { vlan.clone() },
            mac: Some(interface.mac.clone()),
            addresses: interface.address.iter().map(ToString::to_string).collect(),
            gateway: interface.gateway.map(|gateway| gateway.to_string()),
        });
        members.push(Member {
            name: name.to_owned(),
            links: links.collect(),
            container: true,
            ..Member::default()
        });
    }
    let prefix = site.site.lan.network.prefix_len();
    let on_lan = |addresses: Vec<String>| Link {
        name: LAN_LINK.to_owned(),
        bridge: LAN.to_owned(),
        addresses,
        ..Link::default()
    };
    let front = vip(site, PLANE)?;
    members.push(Member {
        name: RUNNER.to_owned(),
        links: vec![on_lan(vec![format!("{}/{prefix}", runner_address(site)?)])],
        routes: vec![(sdn.subnet.to_string(), front.address.addr().to_string())],
        ..Member::default()
    });
    members.push(Member {
        name: INTERNET.to_owned(),
        links: vec![on_lan(vec![format!("{}/{prefix}", site.site.lan.gateway)])],
        loopback: internet::addresses(),
        container: true,
        ..Member::default()
    });
    members.push(Member {
        name: PROXMOX.to_owned(),
        links: vec![on_lan(
            site.proxmox.nodes.values().map(|node| format!("{}/{prefix}", node.address)).collect(),
        )],
        ..Member::default()
    });
    Ok(members)
}

/// Writes a container's configuration into its file system.
pub(crate) fn configure(place: &Place, site: &Site, keys: &Keys, name: &str) -> Result<(), LabError> {
    let root = Root::of(place, name);
    root.identity(name)?;
    ssh::configure(&root, keys, name)?;
    if name == INTERNET {
        return internet::configure(&root);
    }
    let host =
        hosts(site).find(|(host, _)| *host == name).map(|(_, host)| host).ok_or_else(|| no("host", name))?;
    match host.role.as_str() {
        "edge" => edge::configure(&root, site, name),
        "auth" => auth::configure(&root, site, name),
        other => Err(LabError::Site(format!("{name} has the role {other}, which this lab cannot build"))),
    }
}

/// A VIP of the site.
pub(crate) fn vip<'site>(site: &'site Site, name: &str) -> Result<&'site fabric_model::site::Vip, LabError> {
    site.vips.iter().find(|(vip, _)| vip.as_str() == name).map(|(_, vip)| vip).ok_or_else(|| no("vip", name))
}

/// The SDN objects of the plane.
pub(crate) fn sdn(site: &Site) -> Result<&fabric_model::site::Sdn, LabError> {
    let plane = site.planes.iter().find(|(plane, _)| plane.as_str() == PLANE).map(|(_, plane)| plane);
    plane.and_then(|plane| plane.sdn.as_ref()).ok_or_else(|| no("SDN of plane", PLANE))
}

/// A host's address on its interface `link`.
pub(crate) fn address(site: &Site, host: &str, link: &str) -> Result<std::net::Ipv4Addr, LabError> {
    hosts(site)
        .find(|(name, _)| *name == host)
        .and_then(|(_, host)| host.interfaces.iter().find(|interface| interface.name.as_str() == link))
        .and_then(|interface| interface.address)
        .map(|network| network.addr())
        .ok_or_else(|| no("address of", &format!("{host} {link}")))
}

/// A host's address in the plane's own subnet.
pub(crate) fn vlan_address(site: &Site, host: &str) -> Result<std::net::Ipv4Addr, LabError> {
    let subnet = sdn(site)?.subnet;
    hosts(site)
        .find(|(name, _)| *name == host)
        .and_then(|(_, host)| {
            host.interfaces.iter().filter_map(|i| i.address).find(|a| subnet.contains(&a.addr()))
        })
        .map(|network| network.addr())
        .ok_or_else(|| no("address in the plane of", host))
}

/// The names of the plane's hosts with `role`.
pub(crate) fn of_role<'site>(site: &'site Site, role: &str) -> Vec<&'site str> {
    hosts(site).filter(|(_, host)| host.role.as_str() == role).map(|(name, _)| name).collect()
}

/// The fiftieth address of the LAN, which the site leaves free for runners.
fn runner_address(site: &Site) -> Result<std::net::Ipv4Addr, LabError> {
    site.site
        .lan
        .network
        .hosts()
        .nth(49)
        .ok_or_else(|| LabError::Site("the LAN has fewer than 50 addresses".to_owned()))
}

fn no(what: &str, name: &str) -> LabError {
    LabError::Site(format!("no {what} {name}"))
}

/// Reads a site file.
pub(crate) fn read_site(path: &Path) -> Result<Site, LabError> {
    toml::from_str(&crate::place::read(path)?)
        .map_err(|error| LabError::Site(format!("{}: {error}", path.display())))
}
