//! What `systemctl show` and `ip -json address show` print.

use std::fmt::Write as _;

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use crate::state::{HostState, Nic, State};

/// The properties of a unit in the order in which systemd 252 prints them: those of the service, then those of the unit.
pub(crate) fn unit(host_name: &str, host: &HostState, unit: &str) -> String {
    let id = if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") };
    let known = id.strip_suffix(".service").and_then(|name| Some((name, host.units.get(name)?)));
    let mut text = String::new();
    let mut property = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{name}={value}");
    };
    let Some((name, state)) = known else {
        if id.ends_with(".service") {
            property("Type", "");
            property("Restart", "no");
            property("MainPID", "0");
            property("NRestarts", "0");
        }
        property("Id", &id);
        property("LoadState", "not-found");
        property("ActiveState", "inactive");
        property("SubState", "dead");
        property("UnitFileState", "");
        return text;
    };
    let one_shot = state.sub_state == "exited";
    let pid = if state.active && !one_shot { process_id(host_name, name) } else { 0 };
    property("Type", if one_shot { "oneshot" } else { "notify" });
    property("Restart", state.restart.as_deref().unwrap_or("no"));
    property("MainPID", &pid.to_string());
    property("NRestarts", "0");
    property("Id", &id);
    property("LoadState", "loaded");
    property("ActiveState", if state.active { "active" } else { "inactive" });
    property("SubState", if state.active { &state.sub_state } else { "dead" });
    property("UnitFileState", if state.enabled { "enabled" } else { "disabled" });
    text
}

/// A process id that differs between daemons and stays the same: 200 to 8,391.
fn process_id(host: &str, unit: &str) -> u32 {
    let seed = host.bytes().chain(unit.bytes());
    200 + (seed.fold(17_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) & 0x1FFF)
}

/// All interfaces as one line of JSON.
pub(crate) fn addresses(state: &State, name: &str, host: &HostState) -> String {
    let mut links = vec![loopback()];
    links.extend(
        host.nics.iter().enumerate().map(|(place, nic)| link(place, nic, &state.vips_on(name, &nic.name))),
    );
    format!("{}\n", Value::Array(links))
}

const FOREVER: u32 = u32::MAX;

fn loopback() -> Value {
    json!({
        "ifindex": 1, "ifname": "lo", "flags": ["LOOPBACK", "UP", "LOWER_UP"], "mtu": 65536, "qdisc": "noqueue",
        "operstate": "UNKNOWN", "group": "default", "txqlen": 1000, "link_type": "loopback",
        "address": "00:00:00:00:00:00", "broadcast": "00:00:00:00:00:00",
        "addr_info": [
            {"family": "inet", "local": "127.0.0.1", "prefixlen": 8, "scope": "host", "label": "lo",
             "valid_life_time": FOREVER, "preferred_life_time": FOREVER},
            {"family": "inet6", "local": "::1", "prefixlen": 128, "scope": "host",
             "valid_life_time": FOREVER, "preferred_life_time": FOREVER},
        ],
    })
}

fn link(place: usize, nic: &Nic, vips: &[Ipv4Net]) -> Value {
    let primary = nic.address.iter().map(|own| address(nic, *own, false));
    // keepalived adds its addresses without a broadcast address; in the network of the first they are secondary.
    let further = nic.stray.iter().chain(vips).map(|added| address(nic, *added, true));
    json!({
        "ifindex": place + 2, "link_index": 100 + place, "ifname": nic.name,
        "flags": ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"], "mtu": 1500, "qdisc": "noqueue", "operstate": "UP",
        "group": "default", "txqlen": 1000, "link_type": "ether", "address": nic.mac.to_lowercase(),
        "broadcast": "ff:ff:ff:ff:ff:ff", "link_netnsid": 0,
        "addr_info": primary.chain(further).chain([link_local(&nic.mac)]).collect::<Vec<_>>(),
    })
}

fn address(nic: &Nic, address: Ipv4Net, added: bool) -> Value {
    let mut entry = json!({
        "family": "inet", "local": address.addr(), "prefixlen": address.prefix_len(), "scope": "global",
        "label": nic.name, "valid_life_time": FOREVER, "preferred_life_time": FOREVER,
    });
    if let Some(fields) = entry.as_object_mut() {
        let same_network = nic.address.is_some_and(|own| own.trunc() == address.trunc());
        if added && same_network {
            fields.insert("secondary".to_owned(), json!(true));
        } else if !added {
            fields.insert("broadcast".to_owned(), json!(address.broadcast()));
        }
    }
    entry
}

/// The address that the kernel makes of a MAC address (RFC 4291, appendix A).
fn link_local(mac: &str) -> Value {
    let bytes: Vec<u8> = mac.split(':').filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let address = match bytes.as_slice() {
        [a, b, c, d, e, f] => {
            let group = |high: u8, low: u8| u16::from_be_bytes([high, low]);
            std::net::Ipv6Addr::new(
                0xfe80,
                0,
                0,
                0,
                group(a ^ 2, *b),
                group(*c, 0xff),
                group(0xfe, *d),
                group(*e, *f),
            )
        }
        _ => std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
    };
    json!({"family": "inet6", "local": address, "prefixlen": 64, "scope": "link",
           "valid_life_time": FOREVER, "preferred_life_time": FOREVER})
}
