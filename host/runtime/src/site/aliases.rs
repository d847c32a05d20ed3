//! From an address back to what the site calls it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fabric_gate::Alias;
use fabric_model::site::{Host, Site};
use fabric_model::{Kind, Resource, Slug};
use fabric_primitives::Target;
use fabric_wire::endpoint::SshHost;

use super::lookup::environment_of;

/// Every address of the site with every name that the site has for it. Built once for a run.
pub(crate) struct Aliases {
    by_address: BTreeMap<IpAddr, Vec<Alias>>,
    /// `via:` of each host, which no address leads to, but every way through the host passes.
    ways: BTreeMap<Slug, Alias>,
    /// The environment of an address that is not the site's.
    elsewhere: Slug,
}

impl Aliases {
    /// The aliases of a site, each in its own environment.
    pub(crate) fn of_site(site: &Site) -> Self {
        let whole = Resource::named(Kind::Cluster, site.proxmox.cluster.clone());
        let elsewhere = environment_of(site, &whole);
        let mut found = Self { by_address: BTreeMap::new(), ways: BTreeMap::new(), elsewhere };
        for (name, vip) in &site.vips {
            found.add(site, vip.address.addr().into(), Resource::named(Kind::Vip, name.clone()), true);
        }
        for (name, node) in &site.proxmox.nodes {
            found.add(site, node.address, Resource::named(Kind::Node, name.clone()), true);
        }
        for (name, host) in &site.hosts {
            found.add_host(site, name, host);
        }
        found
    }

    /// What the site calls the addresses of a target: its own, and those of every host that it may be reached through.
    pub(crate) fn of(&self, target: &Target) -> Vec<Alias> {
        match target {
            Target::Endpoint(endpoint) => self.at(endpoint.address),
            Target::Ssh(host) => self.of_host(host),
            Target::Api(target) => {
                target.api.nodes.iter().flat_map(|(_, address)| self.at(address.ip())).collect()
            }
            Target::S3(server) => self.at(server.address.ip()),
            Target::Local(_) => Vec::new(),
            Target::Members(members) => {
                let hosts = members.hosts.iter().flat_map(|host| self.of_host(host));
                self.at(members.vip.address).into_iter().chain(hosts).collect()
            }
        }
    }

    fn of_host(&self, host: &SshHost) -> Vec<Alias> {
        let mut found = self.at(host.address.ip());
        self.add_ways(host, &mut found);
        found
    }

    fn add_ways(&self, host: &SshHost, found: &mut Vec<Alias>) {
        for jump in &host.jump {
            found.extend(self.ways.get(&jump.name).cloned());
            found.extend(self.at(jump.address.ip()));
            self.add_ways(jump, found);
        }
    }

    /// Its names, and last the address itself, so that a rule for `addr:` holds however somebody comes there.
    fn at(&self, address: IpAddr) -> Vec<Alias> {
        let address = address.to_canonical();
        let mut found = self.by_address.get(&address).cloned().unwrap_or_default();
        let environment = found.first().map_or(&self.elsewhere, |alias| &alias.environment).clone();
        found.push(Alias { address, resource: Resource::Addr(address), environment, exact: false });
        found
    }

    fn add_host(&mut self, site: &Site, name: &Slug, host: &Host) {
        let mut first = true;
        for interface in &host.interfaces {
            let Some(address) = interface.address.map(|address| IpAddr::from(address.addr())) else {
                continue;
            };
            self.add(site, address, Resource::named(Kind::Host, name.clone()), first);
            let part = Resource::part(Kind::Host, name.clone(), interface.name.clone());
            self.add(site, address, part, true);
            if first {
                let via = Resource::named(Kind::Via, name.clone());
                self.ways.insert(name.clone(), alias(site, address, via, false));
            }
            first = false;
        }
    }

    fn add(&mut self, site: &Site, address: IpAddr, resource: Resource, exact: bool) {
        let address = address.to_canonical();
        self.by_address.entry(address).or_default().push(alias(site, address, resource, exact));
    }
}

fn alias(site: &Site, address: IpAddr, resource: Resource, exact: bool) -> Alias {
    let environment = environment_of(site, &resource);
    Alias { address, resource, environment, exact }
}

#[cfg(test)]
mod tests {
    use fabric_primitives::Members;
    use fabric_wire::endpoint::Endpoint;

    use super::super::{endpoint, parse, ssh_host};
    use super::*;

    fn samakia() -> Site {
        parse("fabric.toml", include_str!("../../../../fabric.toml")).expect("the site is sound")
    }

    #[test]
    fn an_address_by_itself_is_in_the_environment_that_a_request_for_it_is_in() {
        let site = samakia();
        let all = Aliases::of_site(&site);
        let foreign = "192.0.2.1".parse().expect("an address");
        for address in all.by_address.keys().chain([&foreign]) {
            let own = all.at(*address).pop().expect("the address itself");
            assert_eq!(own.resource, Resource::Addr(*address));
            assert_eq!(own.environment, environment_of(&site, &own.resource), "{address}");
        }
    }

    fn shown(aliases: &[Alias]) -> Vec<String> {
        let exact = |alias: &Alias| if alias.exact { "=" } else { "~" };
        aliases.iter().map(|a| format!("{}{} {}", exact(a), a.resource, a.environment)).collect()
    }

    /// The names of an address, without the address itself.
    fn at(address: &str) -> Vec<String> {
        let address = address.parse().expect("an address");
        let mut found =
            Aliases::of_site(&samakia()).of(&Target::Endpoint(Endpoint { name: String::new(), address }));
        found.pop();
        shown(&found)
    }

    #[test]
    fn an_address_has_every_name_of_the_site_in_its_own_environment() {
        assert_eq!(
            at("192.168.11.111"),
            ["=host:dns-edge-1 samakia-dns", "=host:dns-edge-1/eth0 samakia-dns"]
        );
        assert_eq!(
            at("::ffff:10.10.100.11"),
            ["~host:dns-edge-1 samakia-dns", "=host:dns-edge-1/eth1 samakia-dns"]
        );
        assert_eq!(at("192.168.11.100"), ["=vip:dns samakia-dns"]);
        assert_eq!(at("192.168.11.22"), ["=node:proxmox2 samakia"]);
        assert!(at("192.0.2.1").is_empty());
    }

    #[test]
    fn what_is_exact_is_what_the_name_leads_to() {
        let site = samakia();
        let all = Aliases::of_site(&site);
        for alias in all.by_address.values().flatten() {
            let leads_to = endpoint(&site, &alias.resource).expect("it has an address").address;
            assert_eq!(leads_to == alias.address, alias.exact, "{}", alias.resource);
        }
    }

    #[test]
    fn a_host_behind_others_has_their_names_too() {
        let site = samakia();
        let host = ssh_host(&site, &"dns-auth-1".parse().expect("a name")).expect("it is known");
        let found = shown(&Aliases::of_site(&site).of(&Target::Ssh(host)));
        for name in
            ["=host:dns-auth-1", "~via:dns-edge-1", "=host:dns-edge-1", "~via:dns-edge-2", "=host:dns-edge-2"]
        {
            assert!(found.contains(&format!("{name} samakia-dns")), "{name}: {found:?}");
        }
    }

    #[test]
    fn whoever_asks_the_members_of_a_vip_asks_each_of_them() {
        let site = samakia();
        let vip = endpoint(&site, &"vip:dns".parse().expect("a resource")).expect("it is known");
        let names = site.vips.get(&"dns".parse::<Slug>().expect("a name")).expect("a VIP").members.keys();
        let hosts = names.map(|name| ssh_host(&site, name).expect("it is known")).collect();
        let found = shown(&Aliases::of_site(&site).of(&Target::Members(Members { vip, hosts })));
        for name in ["=vip:dns", "=host:dns-edge-1", "=host:dns-edge-2"] {
            assert!(found.contains(&format!("{name} samakia-dns")), "{name}: {found:?}");
        }
    }
}
