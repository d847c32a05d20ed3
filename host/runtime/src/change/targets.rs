//! Targets as they are written down, and back: an undo goes to the recorded address, never to what a name means by now.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use fabric_gate::Authentic;
use fabric_model::change::{HostSpec, IntentTarget, TargetSpec};
use fabric_model::site::Site;
use fabric_model::{Fault, Resource};
use fabric_primitives::{ApiTarget, Target, Targets};
use fabric_wire::endpoint::{Endpoint, ProxmoxApi, SshHost};

use crate::world::World;

/// A target as it is written down: what is needed to come back to it, and no secret.
pub(crate) fn spec_of(target: &Target) -> TargetSpec {
    match target {
        Target::Ssh(host) => TargetSpec::Ssh(host_spec(host)),
        Target::Api(target) => {
            TargetSpec::Api { nodes: target.api.nodes.clone(), node: target.node.clone(), vmid: target.vmid }
        }
        Target::Endpoint(endpoint) => endpoint_spec(endpoint),
        // Nothing changes a VIP but its members, each of which is a target of its own.
        Target::Members(members) => endpoint_spec(&members.vip),
        // Nothing changes what is on an S3 server.
        Target::S3(server) => {
            TargetSpec::Endpoint { name: server.name.to_string(), address: server.address.ip() }
        }
        // Nothing changes what lies on this machine.
        Target::Local(resource) => {
            TargetSpec::Endpoint { name: resource.to_string(), address: Ipv4Addr::UNSPECIFIED.into() }
        }
    }
}

fn endpoint_spec(endpoint: &Endpoint) -> TargetSpec {
    TargetSpec::Endpoint { name: endpoint.name.clone(), address: endpoint.address }
}

fn host_spec(host: &SshHost) -> HostSpec {
    HostSpec {
        name: host.name.clone(),
        address: host.address,
        user: host.user.clone(),
        jump: host.jump.iter().map(host_spec).collect(),
    }
}

/// The recorded target, to be connected to. Addresses are those of the record; no deny rule of today is asked about them, because the
/// grant of a change holds for its undo. Credentials and trust anchors are those that the site file names now.
///
/// # Errors
/// When the credentials of the Proxmox API cannot be read.
pub(crate) fn from_spec(world: &World, recorded: &IntentTarget) -> Result<Target, Fault> {
    Ok(match &recorded.target {
        TargetSpec::Ssh(host) => Target::Ssh(ssh_host(host)),
        TargetSpec::Api { nodes, node, vmid } => {
            let proxmox = &world.site().proxmox;
            let api = ProxmoxApi {
                nodes: nodes.clone(),
                authority: world.certificates(&proxmox.authority)?,
                token_id: proxmox.token_id.clone(),
                token: world.secret(&proxmox.token)?,
            };
            Target::Api(ApiTarget { api, node: node.clone(), vmid: *vmid })
        }
        TargetSpec::Endpoint { name, address } => {
            Target::Endpoint(Endpoint { name: name.clone(), address: *address })
        }
    })
}

/// The recorded host, to be reached over SSH.
pub(crate) fn ssh_host(host: &HostSpec) -> SshHost {
    SshHost {
        name: host.name.clone(),
        address: host.address,
        user: host.user.clone(),
        jump: host.jump.iter().map(ssh_host).collect(),
    }
}

/// The targets of a change, granted again because they were granted once.
///
/// # Errors
/// As [`from_spec`].
pub(crate) fn reclaim(world: &World, authentic: &Authentic) -> Result<Targets, Fault> {
    authentic.reclaim(|recorded| from_spec(world, recorded)).map(Targets::new)
}

/// The addresses by which recorded targets are told apart: those of the machines themselves, not of the jump hosts and API nodes through
/// which they are reached.
pub(crate) fn addresses(site: &Site, targets: &[IntentTarget]) -> BTreeSet<IpAddr> {
    targets.iter().flat_map(|recorded| own_addresses(site, &recorded.target)).collect()
}

fn own_addresses(site: &Site, target: &TargetSpec) -> Vec<IpAddr> {
    match target {
        TargetSpec::Ssh(host) => vec![host.address.ip().to_canonical()],
        TargetSpec::Endpoint { address, .. } => vec![address.to_canonical()],
        TargetSpec::Api { vmid: Some(vmid), .. } => {
            let guest = site.hosts.values().find(|host| host.vmid == *vmid);
            let interfaces = guest.into_iter().flat_map(|guest| &guest.interfaces);
            interfaces
                .filter_map(|interface| interface.address)
                .map(|address| IpAddr::V4(address.addr()))
                .collect()
        }
        TargetSpec::Api { nodes, .. } => nodes.iter().map(|(_, address)| address.ip()).collect(),
    }
}

/// What changes have in common: the machine, under whichever kind of resource, and its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footprint {
    subjects: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

impl Footprint {
    /// The footprint of resources and their own addresses.
    pub(crate) fn of<'r>(
        resources: impl IntoIterator<Item = &'r Resource>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        Self {
            subjects: resources.into_iter().map(subject).collect(),
            addresses: addresses.into_iter().map(|address| address.to_canonical()).collect(),
        }
    }

    /// Whether both touch the same.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        !self.subjects.is_disjoint(&other.subjects) || !self.addresses.is_disjoint(&other.addresses)
    }

    /// Takes in another.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.subjects.extend(other.subjects.iter().cloned());
        self.addresses.extend(&other.addresses);
    }
}

/// What a resource is a part of, as one word: `host-dns-edge-1` for the host, its units and files, and the guest that it is.
fn subject(resource: &Resource) -> String {
    let text = resource.to_string();
    let (kind, rest) = text.split_once(':').unwrap_or(("", &text));
    match kind {
        "addr" => format!("addr-{rest}"),
        kind => {
            let name = rest.split('/').next().unwrap_or(rest);
            let kind = if matches!(kind, "guest" | "via" | "file") { "host" } else { kind };
            format!("{kind}-{name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(text: &str) -> Resource {
        text.parse().expect("a resource")
    }

    fn footprint(resources: &[&str], addresses: &[&str]) -> Footprint {
        let resources: Vec<Resource> = resources.iter().map(|text| resource(text)).collect();
        Footprint::of(&resources, addresses.iter().map(|text| text.parse().expect("an address")))
    }

    #[test]
    fn a_host_its_units_and_the_guest_that_it_is_overlap() {
        let unit = footprint(&["host:dns-edge-1/keepalived"], &[]);
        for same in ["host:dns-edge-1", "host:dns-edge-1/chrony", "guest:dns-edge-1"] {
            assert!(unit.overlaps(&footprint(&[same], &[])), "{same}");
        }
        for other in ["host:dns-edge-2/keepalived", "node:dns-edge-1", "vip:dns"] {
            assert!(!unit.overlaps(&footprint(&[other], &[])), "{other}");
        }
    }

    #[test]
    fn one_address_under_two_names_overlaps() {
        let one = footprint(&["host:a"], &["10.0.0.1"]);
        assert!(one.overlaps(&footprint(&["host:b"], &["::ffff:10.0.0.1"])));
        assert!(!one.overlaps(&footprint(&["host:b"], &["10.0.0.2"])));
    }
}
