//! The model of the site: what each host is and does at this moment. Built from the site file, the faults in force and the changes
//! that were made.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fabric_model::site::{Host, Lan, Protocol, Site};
use ipnet::Ipv4Net;

use crate::files::Files;
use crate::nft::Ruleset;
use crate::power::Order;
use crate::ruleset;
use crate::timer::Timer;
use crate::unit::UnitState;
use crate::vrrp::Role;
use crate::zone::{self, ZoneCopy};

/// The whole modelled site.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// The time since the twin began.
    pub(crate) now: Duration,
    pub(crate) lan: Lan,
    /// The machine that the run works from: the last usable address of the LAN.
    pub(crate) runner: Ipv4Addr,
    pub(crate) operator: String,
    pub(crate) ssh_port: u16,
    pub(crate) api_port: u16,
    pub(crate) subnets: Vec<Subnet>,
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) hosts: BTreeMap<String, HostState>,
    pub(crate) vips: BTreeMap<String, VipState>,
    /// Guests on their way up or down.
    pub(crate) orders: Vec<Order>,
}

/// A VLAN of the SDN.
#[derive(Clone, Debug)]
pub(crate) struct Subnet {
    pub(crate) network: Ipv4Net,
    pub(crate) gateway: Ipv4Addr,
}

/// A Proxmox node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) address: IpAddr,
    pub(crate) online: bool,
}

/// Whether a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    Up,
    /// All processes are frozen; the kernel still completes TCP handshakes.
    Hung,
    Down,
}

#[derive(Clone, Debug)]
pub(crate) struct HostState {
    pub(crate) node: String,
    pub(crate) power: Power,
    /// When it was booted, where that was after the twin began.
    pub(crate) booted: Option<Duration>,
    pub(crate) units: BTreeMap<String, UnitState>,
    /// The transient timers, by their names without `.timer`.
    pub(crate) timers: BTreeMap<String, Timer>,
    /// Who holds the lock.
    pub(crate) lock: Option<String>,
    pub(crate) files: Files,
    pub(crate) sysctls: BTreeMap<String, String>,
    /// What a boot sets them to.
    pub(crate) boot_sysctls: BTreeMap<String, String>,
    pub(crate) nics: Vec<Nic>,
    /// Where packets for no interface go.
    pub(crate) gateway: Option<Ipv4Addr>,
    /// What the kernel has loaded; nothing filters nothing.
    pub(crate) ruleset: Ruleset,
    pub(crate) sshd: SshPolicy,
    /// Whether the operator may become root.
    pub(crate) sudo: bool,
    /// Copies of zones on an authoritative server.
    pub(crate) zones: BTreeMap<String, ZoneCopy>,
    pub(crate) garbage_dns: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Nic {
    pub(crate) name: String,
    pub(crate) mac: String,
    pub(crate) up: bool,
    pub(crate) address: Option<Ipv4Net>,
    /// Addresses that nothing in the site explains.
    pub(crate) stray: Vec<Ipv4Net>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct SshPolicy {
    pub(crate) root_login: bool,
    pub(crate) passwords: bool,
    pub(crate) forwards: bool,
    pub(crate) pinned_key: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct VipState {
    pub(crate) address: Ipv4Net,
    pub(crate) interface: String,
    pub(crate) members: BTreeMap<String, u8>,
    pub(crate) services: Vec<(Protocol, u16)>,
    pub(crate) moved_to: Option<String>,
    pub(crate) split: bool,
    /// What keepalived is on each member.
    pub(crate) roles: BTreeMap<String, Role>,
}

impl State {
    /// The site in good order.
    pub(crate) fn of(site: &Site) -> Self {
        let lan = site.site.lan.clone();
        let runner = lan.network.hosts().last().unwrap_or(lan.gateway);
        let mut state = Self {
            now: Duration::ZERO,
            runner,
            lan,
            operator: site.ssh.user.to_string(),
            ssh_port: site.ssh.port,
            api_port: site.proxmox.port,
            subnets: subnets(site),
            nodes: site
                .proxmox
                .nodes
                .iter()
                .map(|(name, node)| (name.to_string(), Node { address: node.address, online: true }))
                .collect(),
            hosts: site.hosts.iter().map(|(name, host)| (name.to_string(), HostState::of(host))).collect(),
            vips: vips(site),
            orders: Vec::new(),
        };
        zone::place_copies(site, &mut state);
        ruleset::write_rulesets(site, &mut state);
        state.settle();
        state
    }

    /// Whose address it is on the wire: a host's own, or a VIP's first holder.
    pub(crate) fn owner(&self, address: Ipv4Addr) -> Option<&str> {
        let own = self.hosts.iter().find(|(_, host)| host.owns(address)).map(|(name, _)| name.as_str());
        own.or_else(|| {
            let vip = self.vips.values().find(|vip| vip.address.addr() == address)?;
            self.holders(vip).into_iter().next()
        })
    }

    /// The VIPs that a host holds on one of its interfaces.
    pub(crate) fn vips_on(&self, host: &str, interface: &str) -> Vec<Ipv4Net> {
        self.vips
            .values()
            .filter(|vip| vip.interface == interface && self.holders(vip).contains(&host))
            .map(|vip| vip.address)
            .collect()
    }

    /// Whether packets to the address end at the host.
    pub(crate) fn is_local(&self, host: &str, address: Ipv4Addr) -> bool {
        let own = self.hosts.get(host).is_some_and(|state| state.owns(address));
        own || self
            .vips
            .values()
            .any(|vip| vip.address.addr() == address && self.holders(vip).contains(&host))
    }
}

impl HostState {
    fn of(host: &Host) -> Self {
        let mut sysctls: BTreeMap<String, String> =
            DEFAULT_SYSCTLS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        sysctls.extend(host.sysctl.iter().map(|(key, value)| (key.to_string(), value.clone())));
        Self {
            node: host.node.to_string(),
            power: Power::Up,
            booted: None,
            units: host.units.iter().map(|(name, unit)| (name.to_string(), UnitState::of(unit))).collect(),
            timers: BTreeMap::new(),
            lock: None,
            files: own_files(host),
            boot_sysctls: sysctls.clone(),
            sysctls,
            nics: host
                .interfaces
                .iter()
                .map(|nic| Nic {
                    name: nic.name.to_string(),
                    mac: nic.mac.clone(),
                    up: true,
                    address: nic.address,
                    stray: Vec::new(),
                })
                .collect(),
            gateway: host.interfaces.iter().find_map(|nic| nic.gateway),
            ruleset: Ruleset::default(),
            sshd: SshPolicy {
                root_login: false,
                passwords: false,
                forwards: host.forwards,
                pinned_key: true,
            },
            sudo: true,
            zones: BTreeMap::new(),
            garbage_dns: false,
        }
    }

    /// Whether a unit of that name is active and does its work.
    pub(crate) fn runs(&self, unit: &str) -> bool {
        self.units.get(unit).is_some_and(|unit| unit.is_active() && !unit.frozen)
    }

    /// Loads what the unit `nftables` loads when it starts. A file that is no ruleset leaves what is there.
    pub(crate) fn load_own_ruleset(&mut self) -> bool {
        let file = self.files.get(ruleset::FILE);
        let text = file.map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        match text.and_then(|text| self.ruleset.load(&text).ok()) {
            Some(loaded) => {
                self.ruleset = loaded;
                true
            }
            None => false,
        }
    }

    pub(crate) fn nic(&self, name: &str) -> Option<&Nic> {
        self.nics.iter().find(|nic| nic.name == name)
    }

    /// Whether packets pass an interface; what is no interface of its own is loopback.
    pub(crate) fn carries(&self, interface: &str) -> bool {
        self.nic(interface).is_none_or(|nic| nic.up)
    }

    pub(crate) fn owns(&self, address: Ipv4Addr) -> bool {
        self.nics.iter().any(|nic| nic.address.iter().chain(&nic.stray).any(|own| own.addr() == address))
    }

    /// The interface whose network holds the address, with the host's own address there, while it is up.
    pub(crate) fn on_link(&self, address: Ipv4Addr) -> Option<(&str, Ipv4Addr)> {
        self.leg(address).filter(|(name, _)| self.carries(name))
    }

    /// The same, whether it is up or not.
    pub(crate) fn leg(&self, address: Ipv4Addr) -> Option<(&str, Ipv4Addr)> {
        self.nics.iter().find_map(|nic| {
            let own = nic.address?;
            own.contains(&address).then(|| (nic.name.as_str(), own.addr()))
        })
    }

    pub(crate) fn forwards_packets(&self) -> bool {
        self.sysctls.get("net.ipv4.ip_forward").is_some_and(|value| value == "1")
    }
}

fn own_files(host: &Host) -> Files {
    let mut files = Files::default();
    files.place("/etc/hosts", 0o644, b"127.0.0.1 localhost\n".to_vec());
    for (unit, path) in [
        ("keepalived", "/etc/keepalived/keepalived.conf"),
        ("haproxy", "/etc/haproxy/haproxy.cfg"),
        ("dnsdist", "/etc/dnsdist/dnsdist.conf"),
        ("unbound", "/etc/unbound/unbound.conf"),
        ("chrony", "/etc/chrony/chrony.conf"),
        ("ssh", "/etc/ssh/sshd_config"),
    ] {
        if host.units.keys().any(|name| name.as_str() == unit) {
            files.place(path, 0o644, format!("# the played configuration of {unit}\n").into_bytes());
        }
    }
    files
}

/// What the kernel says of parameters that the site does not set.
const DEFAULT_SYSCTLS: [(&str, &str); 4] = [
    ("net.ipv4.ip_forward", "0"),
    ("net.ipv4.ip_nonlocal_bind", "0"),
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv6.conf.all.forwarding", "0"),
];

fn subnets(site: &Site) -> Vec<Subnet> {
    site.planes
        .values()
        .filter_map(|plane| plane.sdn.as_ref())
        .map(|sdn| Subnet { network: sdn.subnet, gateway: sdn.gateway })
        .collect()
}

fn vips(site: &Site) -> BTreeMap<String, VipState> {
    site.vips
        .iter()
        .map(|(name, vip)| {
            let state = VipState {
                address: vip.address,
                interface: vip.interface.to_string(),
                members: vip.members.iter().map(|(host, priority)| (host.to_string(), *priority)).collect(),
                services: vip.services.iter().map(|service| (service.protocol, service.port)).collect(),
                moved_to: None,
                split: false,
                roles: vip.members.keys().map(|host| (host.to_string(), Role::Down)).collect(),
            };
            (name.to_string(), state)
        })
        .collect()
}
