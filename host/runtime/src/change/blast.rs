//! What a change may be felt by, from the site file alone.

use std::collections::BTreeSet;

use fabric_model::plan::BlastRadius;
use fabric_model::site::{Protocol, Site, Vip};
use fabric_model::{Kind, Resource, Slug};

/// The hosts that a change on these resources acts on.
pub(crate) fn hosts_of<'r>(resources: impl IntoIterator<Item = &'r Resource>) -> BTreeSet<Slug> {
    resources.into_iter().filter_map(host_of).cloned().collect()
}

fn host_of(resource: &Resource) -> Option<&Slug> {
    match resource {
        Resource::Named { kind: Kind::Host | Kind::Guest | Kind::Via, name, .. } => Some(name),
        Resource::File { host, .. } => Some(host),
        Resource::Named { .. } | Resource::S3(_) | Resource::Addr(_) => None,
    }
}

/// The blast radius of a change on these hosts, for people.
pub(crate) fn radius(site: &Site, hosts: &BTreeSet<Slug>) -> BlastRadius {
    let mut radius = BlastRadius::default();
    for (name, vip) in vips_of(site, hosts) {
        radius.vips.push(name.clone());
        let services = vip.services.iter();
        radius.services.extend(services.map(|service| {
            let protocol = match service.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            };
            format!("{name} {}:{}/{protocol}", vip.address.addr(), service.port)
        }));
        let left: Vec<&str> =
            vip.members.keys().filter(|member| !hosts.contains(*member)).map(Slug::as_str).collect();
        radius.left.push(match left.as_slice() {
            [] => format!("vip:{name}: nobody"),
            [one] => format!("vip:{name}: {one} alone"),
            many => format!("vip:{name}: {}", many.join(", ")),
        });
    }
    for (name, zone) in &site.zones {
        let servers: Vec<&Slug> = std::iter::once(&zone.primary).chain(&zone.secondaries).collect();
        if servers.iter().any(|server| hosts.contains(*server)) {
            let left: Vec<&str> =
                servers.iter().filter(|server| !hosts.contains(**server)).map(|s| s.as_str()).collect();
            let left = if left.is_empty() { "nobody".to_owned() } else { left.join(", ") };
            radius.left.push(format!("zone {name}: {left}"));
        }
    }
    radius
}

/// Whether an observation of this resource may come out otherwise once something on these hosts has changed: they themselves, the
/// other members of their VIPs, those VIPs, and whatever is reached through them.
pub(crate) fn reaches(site: &Site, hosts: &BTreeSet<Slug>, observed: &Resource) -> bool {
    if hosts.is_empty() {
        return false;
    }
    match observed {
        Resource::Named { kind: Kind::Vip, name, .. } => vips_of(site, hosts).any(|(vip, _)| vip == name),
        Resource::Addr(address) => {
            // A raw address may lead to anything of the site; which, only the site's own names tell.
            let vip = vips_of(site, hosts).any(|(_, vip)| *address == vip.address.addr());
            let own = hosts.iter().filter_map(|host| site.hosts.get(host)).any(|host| {
                host.interfaces.iter().any(|i| i.address.is_some_and(|own| *address == own.addr()))
            });
            vip || own
        }
        _ => host_of(observed).is_some_and(|host| feels(site, hosts, host)),
    }
}

fn feels(site: &Site, hosts: &BTreeSet<Slug>, host: &Slug) -> bool {
    let peer = vips_of(site, hosts).any(|(_, vip)| vip.members.contains_key(host));
    let behind = site.hosts.get(host).is_some_and(|host| host.jump.iter().any(|jump| hosts.contains(jump)));
    hosts.contains(host) || peer || behind
}

fn vips_of<'s>(site: &'s Site, hosts: &BTreeSet<Slug>) -> impl Iterator<Item = (&'s Slug, &'s Vip)> {
    site.vips.iter().filter(|(_, vip)| vip.members.keys().any(|member| hosts.contains(member)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::parse;

    fn samakia() -> Site {
        parse("fabric.toml", include_str!("../../../../fabric.toml")).expect("the site is sound")
    }

    fn resource(text: &str) -> Resource {
        text.parse().expect("a resource")
    }

    #[test]
    fn an_edge_is_felt_by_its_vips_its_peer_and_what_lies_behind_it() {
        let (site, edge) = (samakia(), hosts_of([&resource("host:dns-edge-1/keepalived")]));
        for felt in [
            "vip:dns",
            "vip:dns-gateway",
            "host:dns-edge-2",
            "host:dns-auth-1",
            "guest:dns-edge-1",
            "addr:192.168.11.100",
        ] {
            assert!(reaches(&site, &edge, &resource(felt)), "{felt}");
        }
        for unfelt in ["vip:minio", "host:minio-1", "cluster:samakia", "node:proxmox1", "name:example.com"] {
            assert!(!reaches(&site, &edge, &resource(unfelt)), "{unfelt}");
        }
    }

    #[test]
    fn the_radius_says_what_is_left() {
        let (site, edge) = (samakia(), hosts_of([&resource("host:dns-edge-1/keepalived")]));
        let radius = radius(&site, &edge);
        assert_eq!(radius.vips.iter().map(Slug::as_str).collect::<Vec<_>>(), ["dns", "dns-gateway"]);
        assert_eq!(radius.services, ["dns 192.168.11.100:53/udp", "dns 192.168.11.100:53/tcp"]);
        assert_eq!(radius.left, ["vip:dns: dns-edge-2 alone", "vip:dns-gateway: dns-edge-2 alone"]);
        let both = hosts_of([&resource("host:dns-edge-1"), &resource("guest:dns-edge-2")]);
        assert!(super::radius(&site, &both).left.contains(&"vip:dns: nobody".to_owned()));
    }
}
