//! The site as scripts see it, in the reserved module `site`: plain data without secrets, their handles and their sources.

use std::collections::BTreeMap;

use fabric_model::site::{Environment, Host, Interface, Plane, Site, Vip, Zone};
use fabric_model::{Slug, Value};
use serde::Serialize;

/// The site's data for scripts: `info`, and by name `environments`, `planes`, `hosts`, `vips`, `groups`, `zones` and `nodes`. Each entry repeats its own name, so that it can be passed on alone.
pub fn value(site: &Site) -> Value {
    let mut groups: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (name, vip) in &site.vips {
        groups.entry(vip.group.as_str()).or_default().push(text(name));
    }
    table([
        ("info", info(site)),
        ("environments", named(&site.environments, environment)),
        ("planes", named(&site.planes, |_, plane| plane_of(plane))),
        ("hosts", named(&site.hosts, |name, host| host_of(site, name, host))),
        ("vips", named(&site.vips, |_, vip| vip_of(vip))),
        ("groups", table(groups.into_iter().map(|(name, vips)| (name, Value::List(vips))))),
        ("zones", named(&site.zones, |_, zone| zone_of(zone))),
        ("nodes", named(&site.proxmox.nodes, |_, node| encoded(node))),
    ])
}

/// The tags that a host's container must have, no more and no fewer: golden image, plane, environment, role.
fn tags(site: &Site, host: &Host) -> Value {
    let environment = site.environments.get(&host.environment);
    let tags = [
        environment.map(|environment| format!("golden-v{}", environment.golden)),
        Some(format!("plane-{}", host.plane)),
        environment.map(|environment| format!("env-{}", environment.tag)),
        Some(format!("role-{}", host.role)),
    ];
    Value::List(tags.into_iter().flatten().map(Value::Text).collect())
}

fn environment(_: &Slug, environment: &Environment) -> Value {
    encoded(environment)
}

fn plane_of(plane: &Plane) -> Value {
    encoded(plane)
}

fn zone_of(zone: &Zone) -> Value {
    encoded(zone)
}

fn host_of(site: &Site, name: &Slug, host: &Host) -> Value {
    let mut value = encoded(host);
    if let Value::Map(entries) = &mut value {
        let first = host.interfaces.iter().find_map(|interface| interface.address);
        entries.insert("address".into(), first.map_or(Value::Null, |address| text(address.addr())));
        entries.insert("tags".into(), tags(site, host));
        entries.insert("interfaces".into(), Value::List(host.interfaces.iter().map(interface).collect()));
        let vips = site.vips.iter().filter(|(_, vip)| vip.members.contains_key(name));
        entries.insert("vips".into(), Value::List(vips.map(|(vip, _)| text(vip)).collect()));
    }
    value
}

fn interface(interface: &Interface) -> Value {
    let mut value = encoded(interface);
    if let (Value::Map(entries), Some(address)) = (&mut value, interface.address) {
        entries.insert("address".into(), text(address.addr()));
        entries.insert("prefix".into(), Value::Int(address.prefix_len().into()));
        entries.insert("network".into(), text(address.trunc()));
    }
    value
}

fn vip_of(vip: &Vip) -> Value {
    let mut value = encoded(vip);
    if let Value::Map(entries) = &mut value {
        entries.insert("address".into(), text(vip.address.addr()));
        entries.insert("prefix".into(), Value::Int(vip.address.prefix_len().into()));
        entries.insert("network".into(), text(vip.address.trunc()));
        let mut members: Vec<_> = vip.members.iter().collect();
        members.sort_by_key(|(_, priority)| std::cmp::Reverse(**priority));
        entries.insert("members".into(), Value::List(members.iter().map(|(name, _)| text(name)).collect()));
        entries.insert("priorities".into(), encoded(&vip.members));
    }
    value
}

/// What holds for the site as a whole.
fn info(site: &Site) -> Value {
    table([
        ("name", text(&site.site.name)),
        ("realm", text(site.site.realm.as_str())),
        ("lan", encoded(&site.site.lan)),
        ("resolver", encoded(&site.resolver)),
        ("operator", text(&site.ssh.user)),
        ("cluster", text(&site.proxmox.cluster)),
        ("api_port", Value::Int(site.proxmox.port.into())),
        ("api_authority", text(&site.proxmox.authority)),
    ])
}

fn named<T>(entries: &BTreeMap<Slug, T>, value: impl Fn(&Slug, &T) -> Value) -> Value {
    let entries = entries.iter().map(|(name, entry)| {
        let mut value = value(name, entry);
        if let Value::Map(fields) = &mut value {
            fields.insert("name".into(), text(name));
        }
        (name.as_str(), value)
    });
    table(entries)
}

fn table<'n>(entries: impl IntoIterator<Item = (&'n str, Value)>) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn text(shown: impl ToString) -> Value {
    Value::Text(shown.to_string())
}

/// The site's types hold texts, small integers and lists of them; a value can hold all of that.
fn encoded<T: Serialize>(typed: &T) -> Value {
    Value::encode(typed).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse;
    use super::*;

    fn samakia() -> serde_json::Value {
        let site = parse("fabric.toml", include_str!("../../../../fabric.toml")).expect("the site is sound");
        serde_json::to_value(value(&site)).expect("plain data")
    }

    #[test]
    fn a_vip_names_its_members_by_priority() {
        let wanted = json!({
            "name": "dns", "address": "192.168.11.100", "prefix": 24, "network": "192.168.11.0/24",
            "interface": "eth0", "vrid": 11, "group": "dns",
            "members": ["dns-edge-1", "dns-edge-2"], "priorities": { "dns-edge-1": 150, "dns-edge-2": 100 },
            "services": [{ "protocol": "udp", "port": 53 }, { "protocol": "tcp", "port": 53 }],
        });
        assert_eq!(samakia().pointer("/vips/dns"), Some(&wanted));
        assert_eq!(samakia().pointer("/groups/dns"), Some(&json!(["dns", "dns-gateway"])));
    }

    #[test]
    fn a_host_has_its_tags_and_addresses() {
        let site = samakia();
        let tags = json!(["golden-v4", "plane-dns", "env-infra", "role-edge"]);
        assert_eq!(site.pointer("/hosts/dns-edge-1/tags"), Some(&tags));
        assert_eq!(site.pointer("/hosts/dns-edge-1/address"), Some(&json!("192.168.11.111")));
        assert_eq!(site.pointer("/hosts/dns-edge-1/interfaces/1/network"), Some(&json!("10.10.100.0/24")));
        assert_eq!(site.pointer("/hosts/dns-edge-1/vips"), Some(&json!(["dns", "dns-gateway"])));
        assert_eq!(site.pointer("/hosts/monitoring-1/address"), Some(&json!(null)));
        assert_eq!(site.pointer("/zones/internal/rrsets/1/type"), Some(&json!("CNAME")));
        assert_eq!(site.pointer("/planes/dns/sdn/vnet"), Some(&json!("vlandns")));
        assert_eq!(site.pointer("/environments/samakia-dns/golden"), Some(&json!(4)));
        assert_eq!(
            site.pointer("/nodes/proxmox1"),
            Some(&json!({ "name": "proxmox1", "address": "192.168.11.21" }))
        );
    }

    #[test]
    fn no_secret_handle_or_source_is_in_it() {
        let text = samakia().to_string();
        for word in [
            "proxmox/token",
            "ssh/operator",
            "PM_API_TOKEN",
            "terraform-prov",
            "known_hosts",
            "pki/",
            "secrets",
        ] {
            assert!(!text.contains(word), "{word}");
        }
    }
}
