//! The cluster: nodes, containers, SDN objects, one token.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fabric_model::site::{Host, Site};
use fabric_wire::endpoint::Secret;
use ipnet::IpNet;

use crate::fault::{DriftedPart, DriftedView, NoSuchPart, TwinFault};
use crate::plant;
use crate::power::Switch;
use crate::proxmox::sdn::Network;
use crate::proxmox::task::Task;
use crate::proxmox::token::{Standing, Token};
use crate::state::{Power, State};

/// How many requests the log keeps; a run makes some hundred.
const LOG_LIMIT: usize = 10_000;

/// A cluster as its API shows it.
#[derive(Clone, Debug)]
pub struct ProxmoxModel {
    pub(crate) cluster: String,
    pub(crate) quorate: bool,
    pub(crate) nodes: BTreeMap<String, ApiNode>,
    pub(crate) networks: BTreeMap<String, Network>,
    pub(crate) guests: BTreeMap<u32, Guest>,
    pub(crate) token: Token,
    pub(super) tasks: Vec<Task>,
    pub(super) switches: Vec<(String, Switch)>,
    requests: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct ApiNode {
    pub(crate) address: IpAddr,
    pub(crate) online: bool,
    /// States of zones that differ from `available`.
    pub(crate) zones: BTreeMap<String, String>,
}

/// A container.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) node: String,
    pub(crate) name: String,
    /// Sorted, as the API keeps them.
    pub(crate) tags: Vec<String>,
    /// The values of `net0`, `net1` …
    pub(crate) nets: Vec<String>,
    pub(crate) running: bool,
    pub(crate) links: Vec<Link>,
}

/// An interface as the API finds it inside a running container.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) mac: String,
    pub(crate) addresses: Vec<IpNet>,
}

impl ProxmoxModel {
    /// The cluster of a site in good order. Its token has the site's id, the given secret, and on `/` the rights of
    /// `PVEAuditor` and `VM.PowerMgmt`.
    pub fn from_site(site: &Site, secret: &Secret) -> Self {
        Self::over(site, &State::of(site), secret)
    }

    /// Plants a fault. Faults that are not about the cluster change nothing here.
    ///
    /// # Errors
    /// When the fault names something that the cluster does not have.
    pub fn plant(&mut self, fault: &TwinFault) -> Result<(), NoSuchPart> {
        match fault {
            TwinFault::TagMissing { host, tag } => {
                let tags = &mut self.guest_mut(host)?.tags;
                let before = tags.len();
                tags.retain(|kept| kept != tag);
                if tags.len() == before {
                    return Err(plant::none("tag", tag));
                }
            }
            TwinFault::TagExtra { host, tag } => {
                let tags = &mut self.guest_mut(host)?.tags;
                tags.push(tag.clone());
                tags.sort();
            }
            TwinFault::NicChanged { host, interface, property, value } => {
                self.guest_mut(host)?.change_nic(interface, property, value)?;
            }
            TwinFault::SdnTag { vnet, tag } => {
                let network = self.network_mut(vnet)?;
                (network.configured.tag, network.running.tag) = (*tag, *tag);
            }
            TwinFault::SdnPending { vnet } => {
                self.network_mut(vnet)?.configured.alias = Some("not applied".to_owned());
            }
            TwinFault::SdnDrift { vnet, view, part } => {
                let network = self.network_mut(vnet)?;
                let settings = match view {
                    DriftedView::Configured => &mut network.configured,
                    DriftedView::Running => &mut network.running,
                };
                match part {
                    DriftedPart::Bridge(bridge) => settings.bridge.clone_from(bridge),
                    DriftedPart::Tag(tag) => settings.tag = *tag,
                    DriftedPart::Gateway(gateway) => settings.gateway = gateway.to_string(),
                }
            }
            TwinFault::NodeZoneState { node, zone, state } => {
                if !self.networks.values().any(|network| network.zone == *zone) {
                    return Err(plant::none("zone", zone));
                }
                if !["available", "pending", "error"].contains(&state.as_str()) {
                    return Err(plant::none("state of zones", state));
                }
                self.node_mut(node)?.zones.insert(zone.clone(), state.clone());
            }
            TwinFault::TokenWithoutRights => self.token.standing = Standing::WithoutRights,
            TwinFault::TokenReadsOnly => self.token.standing = Standing::Auditor,
            TwinFault::TokenUnknown => self.token.standing = Standing::Unknown,
            TwinFault::QuorumLost => self.quorate = false,
            TwinFault::NodeOffline { node } => self.node_mut(node)?.online = false,
            TwinFault::HostDown { host } => self.guest_mut(host)?.running = false,
            _ => {}
        }
        Ok(())
    }

    /// The requests so far, oldest first, as `GET /path?query`; at most the first 10,000.
    pub fn requests(&self) -> &[String] {
        &self.requests
    }

    /// The cluster over a model of the hosts, which decides what runs and which addresses are where.
    pub(crate) fn over(site: &Site, state: &State, secret: &Secret) -> Self {
        Self {
            cluster: site.proxmox.cluster.to_string(),
            quorate: true,
            nodes: site
                .proxmox
                .nodes
                .iter()
                .map(|(name, node)| {
                    let node = ApiNode { address: node.address, online: true, zones: BTreeMap::new() };
                    (name.to_string(), node)
                })
                .collect(),
            networks: networks(site),
            guests: site
                .hosts
                .iter()
                .map(|(name, host)| (host.vmid, Guest::of(site, state, name.as_str(), host)))
                .collect(),
            token: Token::new(&site.proxmox.token_id, secret),
            tasks: Vec::new(),
            switches: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// Takes over what another model shows, and keeps the log and the tasks.
    pub(crate) fn become_like(&mut self, other: Self) {
        let (requests, tasks) = (std::mem::take(&mut self.requests), std::mem::take(&mut self.tasks));
        *self = Self { requests, tasks, ..other };
    }

    /// Sees what has become of the guests: whether they run, and which addresses they have. A task goes on until its guest is there.
    pub(crate) fn follow(&mut self, state: &State) {
        let names: Vec<String> = self.guests.values().map(|guest| guest.name.clone()).collect();
        for name in names {
            let Some(host) = state.hosts.get(&name) else { continue };
            let running = host.power != Power::Down;
            let links = links(state, &name);
            if let Ok(guest) = self.guest_mut(&name) {
                (guest.running, guest.links) = (running, links);
            }
            if state.orders.iter().all(|order| order.host != name) {
                self.set_running(&name, running);
            }
        }
    }

    pub(crate) fn log(&mut self, request: String) {
        if self.requests.len() < LOG_LIMIT {
            self.requests.push(request);
        }
    }

    fn guest_mut(&mut self, name: &str) -> Result<&mut Guest, NoSuchPart> {
        self.guests.values_mut().find(|guest| guest.name == name).ok_or_else(|| plant::none("host", name))
    }

    fn node_mut(&mut self, name: &str) -> Result<&mut ApiNode, NoSuchPart> {
        self.nodes.get_mut(name).ok_or_else(|| plant::none("node", name))
    }

    fn network_mut(&mut self, vnet: &str) -> Result<&mut Network, NoSuchPart> {
        self.networks.get_mut(vnet).ok_or_else(|| plant::none("vnet", vnet))
    }
}

fn networks(site: &Site) -> BTreeMap<String, Network> {
    site.planes
        .values()
        .filter_map(|plane| plane.sdn.as_ref())
        .map(|sdn| (sdn.vnet.to_string(), Network::of(sdn)))
        .collect()
}

impl Guest {
    fn of(site: &Site, state: &State, name: &str, host: &Host) -> Self {
        let mut tags = vec![format!("plane-{}", host.plane), format!("role-{}", host.role)];
        if let Some(environment) = site.environments.get(&host.environment) {
            tags.push(format!("golden-v{}", environment.golden));
            tags.push(format!("env-{}", environment.tag));
        }
        tags.sort();
        let nets = host.interfaces.iter().map(|nic| {
            let address = nic.address.map_or_else(|| "dhcp".to_owned(), |address| address.to_string());
            let gateway = nic.gateway.map(|gateway| format!("gw={gateway},")).unwrap_or_default();
            format!(
                "name={},bridge={},{gateway}hwaddr={},ip={address},type=veth",
                nic.name, nic.bridge, nic.mac
            )
        });
        Self {
            node: host.node.to_string(),
            name: name.to_owned(),
            tags,
            nets: nets.collect(),
            running: state.hosts.get(name).is_some_and(|host| host.power != Power::Down),
            links: links(state, name),
        }
    }

    fn change_nic(&mut self, interface: &str, property: &str, value: &str) -> Result<(), NoSuchPart> {
        let named = format!("name={interface},");
        let net = self.nets.iter_mut().find(|net| net.starts_with(&named));
        let net = net.ok_or_else(|| plant::none("interface", interface))?;
        let own = format!("{property}=");
        let mut found = false;
        let words = net.split(',').map(|word| {
            let changes = word.starts_with(&own);
            found |= changes;
            if changes { format!("{own}{value}") } else { word.to_owned() }
        });
        let changed = words.collect::<Vec<_>>().join(",");
        if !found {
            return Err(plant::none("property of interfaces", property));
        }
        *net = changed;
        Ok(())
    }
}

fn links(state: &State, name: &str) -> Vec<Link> {
    let Some(host) = state.hosts.get(name) else { return Vec::new() };
    host.nics
        .iter()
        .map(|nic| {
            let own = nic.address.iter().chain(&nic.stray).copied();
            let addresses = own.chain(state.vips_on(name, &nic.name)).map(IpNet::V4);
            Link { name: nic.name.clone(), mac: nic.mac.to_lowercase(), addresses: addresses.collect() }
        })
        .collect()
}
