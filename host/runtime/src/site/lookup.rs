//! Answers from the site alone: where a named thing is, how a host is reached, which environment something belongs to.

use std::net::{IpAddr, SocketAddr};

use fabric_model::site::{Host, Realm, Site};
use fabric_model::{Code, Fault, Kind, Resource, Slug, Stage};
use fabric_wire::endpoint::{Endpoint, SshHost};

use super::suggest;

/// Jump hosts behind jump hosts. The check refuses circles, but a site that was not loaded from a file has not passed it.
const JUMP_DEPTH_LIMIT: usize = 8;

/// The address of a VIP, of a host (its first interface that has one, or the interface named as its part), of a node, or of a
/// raw address. No name is resolved over the network here.
///
/// # Errors
/// `site.unknown` when the site does not name it or knows no address for it; `script.argument` for a kind without address.
pub fn endpoint(site: &Site, resource: &Resource) -> Result<Endpoint, Fault> {
    let (kind, name, part) = match resource {
        Resource::Addr(address) => return Ok(Endpoint { name: address.to_string(), address: *address }),
        Resource::File { .. } | Resource::S3(_) => return Err(no_address(resource)),
        Resource::Named { kind, name, part } => (*kind, name, part.as_ref()),
    };
    let address = match (kind, part) {
        (Kind::Vip, None) => {
            let vip = site.vips.get(name);
            vip.map(|vip| vip.address.addr().into()).ok_or_else(|| unknown("VIP", name, site.vips.keys()))?
        }
        (Kind::Node, None) => {
            let nodes = &site.proxmox.nodes;
            nodes.get(name).map(|node| node.address).ok_or_else(|| unknown("node", name, nodes.keys()))?
        }
        (Kind::Host, part) => host_address(name, host(site, name)?, part)?,
        _ => return Err(no_address(resource)),
    };
    Ok(Endpoint { name: resource.to_string(), address })
}

fn no_address(resource: &Resource) -> Fault {
    let message = format!("`{resource}` has no address of its own");
    let hint = "Name a VIP, a host, an interface as `host:name/interface`, a node or an address.";
    Fault::new(Code::ScriptArgument, Stage::Gate, message).hint(hint)
}

/// How a host is reached over SSH, its jump hosts included.
///
/// # Errors
/// `site.unknown` when the site does not name it, or knows no address for it or for a jump host.
pub fn ssh_host(site: &Site, name: &Slug) -> Result<SshHost, Fault> {
    ssh_way(site, name, JUMP_DEPTH_LIMIT)
}

/// The environment that the policy sees for a resource. On a lab or twin it is `lab` or `twin`, whatever the resource. On a
/// real site: that of the host for `host`, `guest`, `file` and `via`; that of the members for `vip`; that of the host or VIP with this
/// address for `addr` and `s3`. All else (the cluster, nodes, names, foreign addresses, names the site does not know) belongs
/// to the site as a whole, under the site's name.
pub fn environment_of(site: &Site, resource: &Resource) -> Slug {
    if let Some(stand_in) = stand_in(site.site.realm) {
        return stand_in;
    }
    let host = match resource {
        Resource::Addr(address) => host_with(site, *address),
        Resource::File { host, .. } => site.hosts.get(host),
        Resource::S3(path) => site.s3.get(&path.server).and_then(|server| host_with(site, server.address)),
        Resource::Named { kind: Kind::Host | Kind::Guest | Kind::Via, name, .. } => site.hosts.get(name),
        Resource::Named { kind: Kind::Vip, name, .. } => {
            let vip = site.vips.get(name);
            vip.and_then(|vip| vip.members.keys().find_map(|member| site.hosts.get(member)))
        }
        Resource::Named { .. } => None,
    };
    host.map_or(&site.site.name, |host| &host.environment).clone()
}

fn stand_in(realm: Realm) -> Option<Slug> {
    match realm {
        Realm::Real => None,
        Realm::Lab | Realm::Twin => realm.as_str().parse().ok(),
    }
}

/// The host that has an address, or can hold the VIP that has it.
fn host_with(site: &Site, address: IpAddr) -> Option<&Host> {
    let own = site.hosts.values().find(|host| {
        host.interfaces.iter().any(|i| i.address.is_some_and(|own| IpAddr::from(own.addr()) == address))
    });
    own.or_else(|| {
        let vip = site.vips.values().find(|vip| IpAddr::from(vip.address.addr()) == address)?;
        vip.members.keys().find_map(|member| site.hosts.get(member))
    })
}

fn host<'s>(site: &'s Site, name: &Slug) -> Result<&'s Host, Fault> {
    site.hosts.get(name).ok_or_else(|| unknown("host", name, site.hosts.keys()))
}

fn host_address(name: &Slug, host: &Host, part: Option<&Slug>) -> Result<IpAddr, Fault> {
    let mut wanted = host.interfaces.iter().filter(|i| part.is_none_or(|part| i.name == *part)).peekable();
    if let (Some(part), None) = (part, wanted.peek()) {
        let what = format!("interface of `{name}`");
        return Err(unknown(&what, part, host.interfaces.iter().map(|i| &i.name)));
    }
    wanted.find_map(|interface| interface.address).map(|address| address.addr().into()).ok_or_else(|| {
        let message = format!("the site file knows no address of host `{name}`");
        let hint = format!("Write its `address` under `[hosts.{name}]`; names are not looked up elsewhere.");
        Fault::new(Code::SiteUnknown, Stage::Gate, message).hint(hint)
    })
}

fn ssh_way(site: &Site, name: &Slug, depth: usize) -> Result<SshHost, Fault> {
    let host = host(site, name)?;
    let deeper = depth.checked_sub(1).ok_or_else(|| {
        let message =
            format!("there are more than {JUMP_DEPTH_LIMIT} jump hosts in a row on the way to `{name}`");
        let hint = "Run `fabric check`: two hosts may be reached through each other.";
        Fault::new(Code::SiteUnknown, Stage::Gate, message).hint(hint)
    })?;
    Ok(SshHost {
        name: name.clone(),
        address: SocketAddr::new(host_address(name, host, None)?, site.ssh.port),
        user: site.ssh.user.clone(),
        jump: host.jump.iter().map(|jump| ssh_way(site, jump, deeper)).collect::<Result<_, _>>()?,
    })
}

fn unknown<'n>(what: &str, name: &Slug, names: impl Iterator<Item = &'n Slug> + Clone) -> Fault {
    let hint = suggest::hint(name.as_str(), names.map(Slug::as_str), "Declare it in the site file.");
    Fault::new(Code::SiteUnknown, Stage::Gate, format!("there is no {what} `{name}` in the site file"))
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn samakia() -> Site {
        parse("fabric.toml", include_str!("../../../../fabric.toml")).expect("the site is sound")
    }

    fn resource(text: &str) -> Resource {
        text.parse().expect("a resource")
    }

    #[test]
    fn endpoints_come_from_the_file() {
        let site = samakia();
        for (text, address) in [
            ("vip:dns", "192.168.11.100"),
            ("vip:dns-gateway", "10.10.100.1"),
            ("host:dns-edge-1", "192.168.11.111"),
            ("host:dns-edge-1/eth1", "10.10.100.11"),
            ("host:dns-auth-2", "10.10.100.22"),
            ("node:proxmox2", "192.168.11.22"),
            ("addr:192.0.2.9", "192.0.2.9"),
        ] {
            let endpoint = endpoint(&site, &resource(text)).expect("it is known");
            assert_eq!(endpoint.address.to_string(), address, "{text}");
        }
    }

    #[test]
    fn unknown_names_are_faults_with_the_close_name() {
        let site = samakia();
        for (text, hint) in [
            ("vip:dsn", "Did you mean `dns`?"),
            ("host:dns-egde-1", "Did you mean `dns-edge-1`?"),
            ("host:dns-edge-1/eth2", "Did you mean `eth0`?"),
            ("node:proxmox4", "Did you mean `proxmox1`?"),
            (
                "host:monitoring-1",
                "Write its `address` under `[hosts.monitoring-1]`; names are not looked up elsewhere.",
            ),
        ] {
            let fault = endpoint(&site, &resource(text)).expect_err("it is unknown");
            assert_eq!((fault.code, fault.hints.concat().as_str()), (Code::SiteUnknown, hint), "{text}");
        }
        for text in ["name:example.com", "cluster:samakia", "guest:dns-edge-1", "vip:dns/eth0"] {
            let fault = endpoint(&site, &resource(text)).expect_err("it has no address");
            assert_eq!(fault.code, Code::ScriptArgument, "{text}");
        }
    }

    #[test]
    fn a_node_behind_the_edges_has_both_as_candidates_in_order() {
        let host = ssh_host(&samakia(), &"dns-auth-1".parse().expect("a name")).expect("it is known");
        assert_eq!(host.address.to_string(), "10.10.100.21:22");
        assert_eq!(host.user.as_str(), "samakia");
        let jumps: Vec<_> =
            host.jump.iter().map(|jump| (jump.name.as_str(), jump.address.to_string())).collect();
        let wanted = [("dns-edge-1", "192.168.11.111:22"), ("dns-edge-2", "192.168.11.112:22")];
        assert_eq!(jumps, wanted.map(|(name, address)| (name, address.to_owned())));
        assert!(host.jump.iter().all(|jump| jump.jump.is_empty()));
    }

    #[test]
    fn a_circle_of_jump_hosts_ends_as_a_fault() {
        let mut site = samakia();
        let (edge, auth): (Slug, Slug) =
            ("dns-edge-1".parse().expect("a name"), "dns-auth-1".parse().expect("a name"));
        site.hosts.get_mut(&edge).expect("it is there").jump = vec![auth.clone()];
        assert_eq!(ssh_host(&site, &auth).expect_err("a circle").code, Code::SiteUnknown);
    }

    #[test]
    fn every_resource_has_one_environment() {
        let mut site = samakia();
        let cases = [
            ("host:dns-edge-1/keepalived", "samakia-dns"),
            ("file:dns-edge-1/etc/hosts", "samakia-dns"),
            ("guest:monitoring-1", "samakia-prod"),
            ("via:ntp-1", "samakia-shared"),
            ("vip:minio", "samakia-minio"),
            ("addr:10.10.100.21", "samakia-dns"),
            ("addr:192.168.11.122", "samakia-shared"),
            ("addr:192.0.2.1", "samakia"),
            ("cluster:samakia", "samakia"),
            ("node:proxmox1", "samakia"),
            ("name:example.com", "samakia"),
            ("host:nobody", "samakia"),
        ];
        for (text, environment) in cases {
            assert_eq!(environment_of(&site, &resource(text)).as_str(), environment, "{text}");
        }
        for realm in [Realm::Lab, Realm::Twin] {
            site.site.realm = realm;
            for (text, _) in cases {
                assert_eq!(environment_of(&site, &resource(text)).as_str(), realm.as_str(), "{text}");
            }
        }
    }
}
