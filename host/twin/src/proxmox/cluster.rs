//! The cluster's own state and its nodes.

use serde_json::{Value, json};

use crate::proxmox::ProxmoxModel;
use crate::proxmox::model::ApiNode;
use crate::proxmox::sdn::digest;

const GIB: u64 = 1 << 30;

impl ProxmoxModel {
    /// `/cluster/status` as the node `asked` answers it.
    pub(crate) fn cluster_status(&self, asked: &str) -> Value {
        let whole = json!({
            "id": "cluster", "type": "cluster", "name": self.cluster, "nodes": self.nodes.len(),
            "quorate": u8::from(self.quorate), "version": self.nodes.len(),
        });
        let nodes = self.nodes.iter().enumerate().map(|(place, (name, node))| {
            json!({
                "id": format!("node/{name}"), "type": "node", "name": name, "ip": node.address, "level": "",
                "nodeid": place + 1, "local": u8::from(name == asked), "online": u8::from(node.online),
            })
        });
        std::iter::once(whole).chain(nodes).collect()
    }

    /// `/nodes`; without Sys.Audit only that they exist.
    pub(crate) fn node_list(&self) -> Value {
        self.nodes
            .iter()
            .map(|(name, node)| {
                let mut item = self.node(name, node);
                if let Some(fields) = item.as_object_mut() {
                    fields.insert("ssl_fingerprint".to_owned(), json!(fingerprint(name)));
                }
                item
            })
            .collect()
    }

    /// `/cluster/resources`, all or those of one type.
    pub(crate) fn resources(&self, wanted: Option<&str>) -> Value {
        let mut items = Vec::new();
        if self.token.may("VM.Audit") {
            items.extend(self.guests.iter().map(|(vmid, guest)| {
                let mut item = guest.resource(*vmid);
                let lost = self.nodes.get(&guest.node).is_some_and(|node| !node.online);
                if let (true, Some(status)) = (lost, item.get_mut("status")) {
                    *status = json!("unknown");
                }
                item
            }));
        }
        items.extend(self.nodes.iter().map(|(name, node)| self.node(name, node)));
        if self.token.may("Datastore.Audit") {
            items.extend(self.nodes.keys().map(|node| storage(node)));
        }
        if self.token.may("SDN.Audit") {
            items.extend(self.nodes.keys().flat_map(|node| self.zones_of(node)));
        }
        let kind = |item: &Value| match item.get("type").and_then(Value::as_str) {
            Some("lxc") => Some("vm"),
            Some("network") => Some("sdn"),
            other => other.map(|other| if other == "node" { "node" } else { "storage" }),
        };
        items.retain(|item| wanted.is_none() || kind(item) == wanted);
        Value::Array(items)
    }

    fn node(&self, name: &str, node: &ApiNode) -> Value {
        let status = if node.online { "online" } else { "offline" };
        let mut item = json!({
            "id": format!("node/{name}"), "type": "node", "node": name,
            "status": status,
        });
        if !self.token.may("Sys.Audit") {
            return item;
        }
        if let (true, Some(fields)) = (node.online, item.as_object_mut()) {
            fields.insert("cpu".to_owned(), json!(0.0312));
            for (key, value) in [
                ("maxcpu", 8),
                ("mem", 12 * GIB),
                ("maxmem", 64 * GIB),
                ("disk", 9 * GIB),
                ("maxdisk", 96 * GIB),
                ("uptime", 864_000),
            ] {
                fields.insert(key.to_owned(), json!(value));
            }
            fields.insert("level".to_owned(), json!(""));
        }
        item
    }

    fn zones_of(&self, node: &str) -> impl Iterator<Item = Value> {
        let zones = self.networks.values().map(|network| network.zone.clone());
        let zones = std::iter::once("localnetwork".to_owned()).chain(zones);
        let node = node.to_owned();
        zones.map(move |zone| {
            json!({
                "id": format!("network/{node}/zone/{zone}"), "type": "network", "network": zone, "network-type": "zone",
                "node": node, "status": "ok",
            })
        })
    }
}

/// The shared storage that all containers and templates are on.
fn storage(node: &str) -> Value {
    json!({
        "id": format!("storage/{node}/pve-nfs"), "type": "storage", "storage": "pve-nfs", "plugintype": "nfs", "node": node,
        "status": "available", "shared": 1, "content": "vztmpl,rootdir,images,iso,backup", "disk": 210 * GIB,
        "maxdisk": 2048 * GIB,
    })
}

/// In the form of a SHA-256 fingerprint; nobody pins it here.
fn fingerprint(node: &str) -> String {
    let digits = digest(node) + &digest(&format!("{node} again"));
    let bytes: Vec<String> =
        digits.to_uppercase().bytes().collect::<Vec<_>>().chunks_exact(2).take(32).map(pair).collect();
    bytes.join(":")
}

fn pair(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(*digit)).collect()
}
