//! How each fault changes the model of hosts, VIPs and zones.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::fault::{NoSuchPart, TwinFault};
use crate::nft::{Item, Key, Part, Rule, Ruleset, Values, Verdict};
use crate::state::{HostState, Power, State, VipState};
use crate::unit::{Phase, UnitState, unit_name};
use crate::zone::{self, RecordSet, ZoneCopy};

impl State {
    /// Plants a fault. The site has been like this for long: the VIPs have settled where they belong.
    ///
    /// # Errors
    /// When the fault names something that the site does not have.
    pub(crate) fn plant(&mut self, fault: &TwinFault) -> Result<(), NoSuchPart> {
        self.mar(fault)?;
        self.settle();
        Ok(())
    }

    fn mar(&mut self, fault: &TwinFault) -> Result<(), NoSuchPart> {
        match fault {
            TwinFault::DaemonStopped { host, unit } => {
                self.unit_mut(host, unit)?.phase = Phase::Inactive;
                if unit_name(unit) == "nftables" {
                    self.host_mut(host)?.ruleset = Ruleset::default();
                }
            }
            TwinFault::UnitDisabled { host, unit } => self.unit_mut(host, unit)?.enabled = false,
            TwinFault::RecordChanged { host, zone, name, rrtype, values } => {
                let copy = self.zone_mut(host, zone)?;
                if !(name == zone || name.ends_with(&format!(".{zone}"))) {
                    return Err(none("name in the zone", name));
                }
                if let Some(bad) = values.iter().find(|value| zone::record(name, 60, rrtype, value).is_none())
                {
                    return Err(none("record data of that type", bad));
                }
                copy.replace(name, rrtype, values)?;
            }
            TwinFault::SerialStale { host, zone } => {
                let copy = self.zone_mut(host, zone)?;
                copy.serial = copy.serial.wrapping_sub(1);
            }
            TwinFault::SecondVipHolder { vip } => self.vip_mut(vip)?.split = true,
            TwinFault::VipMoved { vip, host } => {
                let vip = self.vip_mut(vip)?;
                if !vip.members.contains_key(host) {
                    return Err(none("member", host));
                }
                vip.moved_to = Some(host.clone());
            }
            TwinFault::MasqueradeSubnet { host, subnet } => self.masquerade(host, *subnet)?,
            TwinFault::ForwardingOff { host } => self.set_sysctl(host, "net.ipv4.ip_forward", "0")?,
            TwinFault::SysctlValue { host, key, value } => self.set_sysctl(host, key, value)?,
            TwinFault::RootLoginOpen { host } => self.host_mut(host)?.sshd.root_login = true,
            TwinFault::PasswordOffered { host } => self.host_mut(host)?.sshd.passwords = true,
            TwinFault::WrongHostKey { host } => self.host_mut(host)?.sshd.pinned_key = false,
            TwinFault::ForwardingRefused { host } => self.host_mut(host)?.sshd.forwards = false,
            TwinFault::SudoRefused { host } => self.host_mut(host)?.sudo = false,
            TwinFault::HostHung { host } => self.host_mut(host)?.power = Power::Hung,
            TwinFault::HostDown { host } => self.host_mut(host)?.power = Power::Down,
            TwinFault::GarbageDns { host } => self.host_mut(host)?.garbage_dns = true,
            TwinFault::IsolationBroken { host } => self.let_lan_through(host)?,
            TwinFault::EgressBroken { host } => self.host_mut(host)?.gateway = None,
            TwinFault::NodeOffline { node } => self.power_node_off(node)?,
            TwinFault::StrayAddress { host, interface, address } => self.stray(host, interface, *address)?,
            // An S3 server is a model of its own.
            TwinFault::S3 { .. } => {}
            // The rest is about the Proxmox API alone.
            TwinFault::TagMissing { host, .. }
            | TwinFault::TagExtra { host, .. }
            | TwinFault::NicChanged { host, .. } => {
                self.host_mut(host)?;
            }
            TwinFault::SdnTag { .. }
            | TwinFault::SdnDrift { .. }
            | TwinFault::SdnPending { .. }
            | TwinFault::NodeZoneState { .. }
            | TwinFault::CertificateExpired
            | TwinFault::CertificateForeign
            | TwinFault::TokenReadsOnly
            | TwinFault::TokenWithoutRights
            | TwinFault::TokenUnknown
            | TwinFault::QuorumLost => {}
        }
        Ok(())
    }

    fn masquerade(&mut self, host: &str, subnet: Ipv4Net) -> Result<(), NoSuchPart> {
        let mut rules = self.host_mut(host)?.ruleset.rules_at("postrouting").flatten();
        let rule = rules.find(|rule| rule.parts.contains(&Part::Verdict(Verdict::Masquerade)));
        let sources = rule.into_iter().flat_map(|rule| &mut rule.parts).find_map(|part| match part {
            Part::Match { key: Key::Address { source: true }, values, .. } => Some(values),
            _ => None,
        });
        *sources.ok_or_else(|| none("edge", host))? = Values::Listed(vec![Item::Net(subnet)]);
        Ok(())
    }

    /// Every edge that forwards for the host's VLAN gets a rule the other way round.
    fn let_lan_through(&mut self, host: &str) -> Result<(), NoSuchPart> {
        let inside = self.host_mut(host)?.nics.iter().find_map(|nic| nic.address);
        let inside = inside.ok_or_else(|| none("host with an address", host))?;
        let lan_gateway = self.lan.gateway;
        for edge in self.hosts.values_mut() {
            let legs = edge.on_link(lan_gateway).zip(edge.on_link(inside.addr()));
            let Some(((outer, _), (inner, _))) = legs else { continue };
            let interface = |word: &str, incoming, name: &str| Part::Match {
                key: Key::Interface { word: word.to_owned(), incoming },
                negated: false,
                values: Values::Listed(vec![Item::Word(name.to_owned())]),
            };
            let to = Part::Match {
                key: Key::Address { source: false },
                negated: false,
                values: Values::Listed(vec![Item::Address(inside.addr())]),
            };
            let (arrives, leaves) = (interface("iifname", true, outer), interface("oifname", false, inner));
            let rule =
                Rule { parts: vec![arrives, leaves, to, Part::Verdict(Verdict::Accept)], comment: None };
            edge.ruleset.rules_at("forward").for_each(|rules| rules.push(rule.clone()));
        }
        Ok(())
    }

    fn power_node_off(&mut self, node: &str) -> Result<(), NoSuchPart> {
        self.nodes.get_mut(node).ok_or_else(|| none("node", node))?.online = false;
        for host in self.hosts.values_mut().filter(|host| host.node == node) {
            host.power = Power::Down;
        }
        Ok(())
    }

    fn stray(&mut self, host: &str, interface: &str, address: Ipv4Addr) -> Result<(), NoSuchPart> {
        let nics = &mut self.host_mut(host)?.nics;
        let nic = nics.iter_mut().find(|nic| nic.name == interface);
        let nic = nic.ok_or_else(|| none("interface", interface))?;
        let length = nic.address.map_or(32, |own| own.prefix_len());
        // The length is that of a network or 32, so it is never refused.
        nic.stray.extend(Ipv4Net::new(address, length));
        Ok(())
    }

    fn set_sysctl(&mut self, host: &str, key: &str, value: &str) -> Result<(), NoSuchPart> {
        let slot = self.host_mut(host)?.sysctls.get_mut(key);
        value.clone_into(slot.ok_or_else(|| none("kernel parameter", key))?);
        Ok(())
    }

    fn host_mut(&mut self, name: &str) -> Result<&mut HostState, NoSuchPart> {
        self.hosts.get_mut(name).ok_or_else(|| none("host", name))
    }

    fn unit_mut(&mut self, host: &str, unit: &str) -> Result<&mut UnitState, NoSuchPart> {
        self.host_mut(host)?.units.get_mut(unit_name(unit)).ok_or_else(|| none("unit", unit))
    }

    fn zone_mut(&mut self, host: &str, zone: &str) -> Result<&mut ZoneCopy, NoSuchPart> {
        self.host_mut(host)?.zones.get_mut(zone).ok_or_else(|| none("copy of the zone", zone))
    }

    fn vip_mut(&mut self, name: &str) -> Result<&mut VipState, NoSuchPart> {
        self.vips.get_mut(name).ok_or_else(|| none("vip", name))
    }
}

impl ZoneCopy {
    fn replace(&mut self, name: &str, rrtype: &str, values: &[String]) -> Result<(), NoSuchPart> {
        let ttl = self.rrsets.first().map_or(60, |set| set.ttl);
        let before = self.rrsets.len();
        self.rrsets.retain(|set| !(set.name == name && set.rrtype == rrtype));
        if values.is_empty() && self.rrsets.len() == before {
            return Err(none("rrset", name));
        }
        if !values.is_empty() {
            let set =
                RecordSet { name: name.to_owned(), rrtype: rrtype.to_owned(), ttl, values: values.to_vec() };
            self.rrsets.push(set);
        }
        Ok(())
    }
}

pub(crate) fn none(kind: &'static str, name: &str) -> NoSuchPart {
    NoSuchPart { kind, name: name.to_owned() }
}
