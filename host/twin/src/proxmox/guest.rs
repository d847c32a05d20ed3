//! Containers as the API shows them.

use serde_json::{Map, Value, json};

use crate::proxmox::ProxmoxModel;
use crate::proxmox::model::{Guest, Link};
use crate::proxmox::sdn::digest;

const MIB: u64 = 1 << 20;
/// The modelled size of every container: memory, swap and root disk in MiB.
const MEMORY: u64 = 1024;
const SWAP: u64 = 512;
const DISK: u64 = 8192;
/// Uptime in seconds of whatever runs.
const UPTIME: u64 = 86_400;

impl ProxmoxModel {
    /// The containers of a node that the token may see.
    pub(crate) fn guests_on(&self, node: &str) -> Value {
        let visible = self.token.may("VM.Audit");
        let here = self.guests.iter().filter(|(_, guest)| visible && guest.node == node);
        here.map(|(vmid, guest)| Value::Object(guest.measures(*vmid))).collect()
    }
}

impl Guest {
    pub(crate) fn config(&self, vmid: u32) -> Value {
        let mut fields = Map::new();
        let mut set = |key: &str, value: Value| fields.insert(key.to_owned(), value);
        set("arch", json!("amd64"));
        set("cores", json!(2));
        set("features", json!("nesting=1"));
        set("hostname", json!(self.name));
        set("memory", json!(MEMORY));
        set("onboot", json!(1));
        set("ostype", json!("ubuntu"));
        set("rootfs", json!(format!("pve-nfs:{vmid}/vm-{vmid}-disk-0.raw,size=8G")));
        set("swap", json!(SWAP));
        set("unprivileged", json!(1));
        if !self.tags.is_empty() {
            set("tags", json!(self.tags.join(";")));
        }
        for (place, net) in self.nets.iter().enumerate() {
            set(&format!("net{place}"), json!(net));
        }
        let seal = digest(&format!("{vmid}{:?}{:?}", self.tags, self.nets));
        set("digest", json!(seal));
        Value::Object(fields)
    }

    pub(crate) fn current(&self, vmid: u32) -> Value {
        let mut fields = self.measures(vmid);
        fields.insert("ha".to_owned(), json!({"managed": 0}));
        Value::Object(fields)
    }

    /// Null for a container that does not run.
    pub(crate) fn interfaces(&self) -> Value {
        if !self.running {
            return Value::Null;
        }
        let loopback = Link {
            name: "lo".to_owned(),
            mac: "00:00:00:00:00:00".to_owned(),
            addresses: ["127.0.0.1/8", "::1/128"].iter().filter_map(|net| net.parse().ok()).collect(),
        };
        std::iter::once(&loopback).chain(&self.links).map(Link::shown).collect()
    }

    /// An item of `/cluster/resources`.
    pub(crate) fn resource(&self, vmid: u32) -> Value {
        let mut fields = self.measures(vmid);
        for absent in ["cpus", "swap", "maxswap", "pid"] {
            fields.remove(absent);
        }
        for (key, value) in [
            ("id", json!(format!("lxc/{vmid}"))),
            ("node", json!(self.node)),
            ("maxcpu", json!(2)),
            ("memhost", json!(0)),
            ("template", json!(0)),
        ] {
            fields.insert(key.to_owned(), value);
        }
        Value::Object(fields)
    }

    fn measures(&self, vmid: u32) -> Map<String, Value> {
        let running = |value: u64| if self.running { value } else { 0 };
        let mut fields = Map::new();
        let mut set = |key: &str, value: Value| fields.insert(key.to_owned(), value);
        set("vmid", json!(vmid));
        set("name", json!(self.name));
        set("type", json!("lxc"));
        set("status", json!(if self.running { "running" } else { "stopped" }));
        set("cpus", json!(2));
        set("cpu", if self.running { json!(0.0021) } else { json!(0) });
        set("mem", json!(running(96 * MIB)));
        set("maxmem", json!(MEMORY * MIB));
        set("swap", json!(0));
        set("maxswap", json!(SWAP * MIB));
        set("disk", json!(running(812 * MIB)));
        set("maxdisk", json!(DISK * MIB));
        for counter in ["diskread", "diskwrite", "netin", "netout"] {
            set(counter, json!(running(4096)));
        }
        set("uptime", json!(running(UPTIME)));
        if self.running {
            set("pid", json!(10_000 + vmid));
        }
        if !self.tags.is_empty() {
            set("tags", json!(self.tags.join(";")));
        }
        fields
    }
}

impl Link {
    fn shown(&self) -> Value {
        let family = |address: &ipnet::IpNet| if address.addr().is_ipv4() { "inet" } else { "inet6" };
        let all: Vec<Value> = self
            .addresses
            .iter()
            .map(|address| {
                json!({"ip-address": address.addr(), "ip-address-type": family(address),
                       "prefix": address.prefix_len()})
            })
            .collect();
        let mut shown = json!({
            "name": self.name, "hwaddr": self.mac, "hardware-address": self.mac, "ip-addresses": all,
        });
        if let Some(fields) = shown.as_object_mut() {
            // Of several addresses of one family the last stays.
            for address in &self.addresses {
                fields.insert(family(address).to_owned(), json!(address.to_string()));
            }
        }
        shown
    }
}
