//! SDN objects in their three views: configured, running, and pending (what apply would change).

use fabric_model::site::Sdn;
use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use crate::proxmox::ProxmoxModel;

/// A zone with its one vnet and subnet.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) zone: String,
    zone_type: String,
    pub(crate) vnet: String,
    subnet: Ipv4Net,
    /// What the cluster's configuration says.
    pub(crate) configured: Settings,
    /// What was applied last.
    pub(crate) running: Settings,
}

/// What can be changed of the three objects.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Of the zone.
    pub(crate) bridge: String,
    /// Of the vnet.
    pub(crate) tag: u16,
    /// Of the vnet.
    pub(crate) alias: Option<String>,
    /// Of the subnet.
    pub(crate) gateway: String,
}

/// Which view of the configuration is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Configured,
    Running,
    Pending,
}

impl Network {
    pub(crate) fn of(sdn: &Sdn) -> Self {
        let settings = Settings {
            bridge: sdn.bridge.to_string(),
            tag: sdn.tag,
            alias: None,
            gateway: sdn.gateway.to_string(),
        };
        Self {
            zone: sdn.zone.to_string(),
            zone_type: sdn.zone_type.to_string(),
            vnet: sdn.vnet.to_string(),
            subnet: sdn.subnet,
            configured: settings.clone(),
            running: settings,
        }
    }

    fn zone(&self, view: View) -> Value {
        self.shown(
            view,
            |settings| json!({"zone": self.zone, "type": self.zone_type, "bridge": settings.bridge}),
        )
    }

    fn vnet(&self, view: View) -> Value {
        self.shown(view, |settings| {
            let mut item = json!({"vnet": self.vnet, "zone": self.zone, "tag": settings.tag, "type": "vnet"});
            if let (Some(alias), Some(fields)) = (&settings.alias, item.as_object_mut()) {
                fields.insert("alias".to_owned(), json!(alias));
            }
            item
        })
    }

    fn subnet(&self, view: View) -> Value {
        let id = format!("{}-{}-{}", self.zone, self.subnet.network(), self.subnet.prefix_len());
        self.shown(view, |settings| {
            json!({
                "id": id, "subnet": id, "type": "subnet", "zone": self.zone, "vnet": self.vnet,
                "cidr": self.subnet.to_string(), "network": self.subnet.network().to_string(),
                // A string in the real answer too.
                "mask": self.subnet.prefix_len().to_string(), "gateway": settings.gateway, "dhcp-range": [],
            })
        })
    }

    /// An object in a view. The pending one shows what runs, and beside it what applying would change.
    fn shown(&self, view: View, object: impl Fn(&Settings) -> Value) -> Value {
        let (configured, mut running) = (object(&self.configured), object(&self.running));
        let item = match view {
            View::Configured => configured,
            View::Running => running,
            View::Pending => {
                let changed: Map<String, Value> = configured
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(key, value)| running.get(key) != Some(value))
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                if let (false, Some(fields)) = (changed.is_empty(), running.as_object_mut()) {
                    fields.insert("state".to_owned(), json!("changed"));
                    fields.insert("pending".to_owned(), Value::Object(changed));
                }
                running
            }
        };
        with_digest(item, view)
    }
}

/// Only the configured view has a digest.
fn with_digest(mut item: Value, view: View) -> Value {
    let digest = if view == View::Configured { json!(digest(&item.to_string())) } else { Value::Null };
    if let Some(fields) = item.as_object_mut() {
        fields.insert("digest".to_owned(), digest);
    }
    item
}

/// Forty hexadecimal digits that change with the content (FNV-1a; the real one is a SHA-1 of the file).
pub(crate) fn digest(content: &str) -> String {
    let hash = |salt: u64| {
        content.bytes().fold(0xcbf2_9ce4_8422_2325 ^ salt, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    format!("{:016x}{:016x}{:08x}", hash(1), hash(2), hash(3) >> 32)
}

impl ProxmoxModel {
    pub(crate) fn sdn_zones(&self, view: View) -> Value {
        self.visible(self.networks.values().map(|network| network.zone(view)))
    }

    pub(crate) fn sdn_vnets(&self, view: View) -> Value {
        self.visible(self.networks.values().map(|network| network.vnet(view)))
    }

    pub(crate) fn sdn_subnets(&self, vnet: &str, view: View) -> Value {
        self.visible(self.networks.get(vnet).into_iter().map(|network| network.subnet(view)))
    }

    /// What a node says of each zone after its last reload.
    pub(crate) fn node_zones(&self, node: &str) -> Value {
        let states = self.nodes.get(node).map(|node| &node.zones);
        self.visible(self.networks.values().map(|network| {
            let state = states.and_then(|states| states.get(&network.zone));
            json!({"zone": network.zone, "status": state.map_or("available", String::as_str)})
        }))
    }

    /// Lists are filtered by privilege without a word.
    fn visible(&self, items: impl Iterator<Item = Value>) -> Value {
        if self.token.may("SDN.Audit") { items.collect() } else { json!([]) }
    }
}
