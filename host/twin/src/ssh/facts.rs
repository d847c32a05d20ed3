//! What `systemctl show` and `ip -json address show` print.

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use crate::state::{HostState, Nic, State};
use crate::unit::{Phase, UnitState};

/// A property with its value.
pub(super) type Property = (&'static str, String);

/// The properties of a unit in the order in which systemd 252 prints them, whatever the order of the question: those of the
/// service, then those of the unit. A property that was asked for is printed when it is empty, too.
pub(super) fn unit(host_name: &str, host: &HostState, unit: &str) -> Vec<Property> {
    let id = if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") };
    let known = id.strip_suffix(".service").and_then(|name| Some((name, host.units.get(name)?)));
    match known {
        Some((name, state)) => loaded(host_name, name, &id, state),
        None => not_found(&id),
    }
}

fn loaded(host: &str, name: &str, id: &str, state: &UnitState) -> Vec<Property> {
    let pid = if state.is_active() && !state.is_one_shot() { process_id(host, name) } else { 0 };
    let word = |holds: bool, yes: &str, no: &str| if holds { yes.to_owned() } else { no.to_owned() };
    let (active, sub) = state.shown();
    vec![
        ("Type", word(state.is_one_shot(), "oneshot", "notify")),
        ("Restart", state.restart.clone().unwrap_or_else(|| "no".to_owned())),
        ("MainPID", pid.to_string()),
        ("Result", word(state.phase == Phase::Failed, "signal", "success")),
        ("NRestarts", state.restarts.to_string()),
        ("Id", id.to_owned()),
        ("Description", format!("the played {name}")),
        ("LoadState", "loaded".to_owned()),
        ("ActiveState", active.to_owned()),
        ("SubState", sub.to_owned()),
        ("UnitFileState", word(state.enabled, "enabled", "disabled")),
    ]
}

fn not_found(id: &str) -> Vec<Property> {
    let mut properties = Vec::new();
    if id.ends_with(".service") {
        properties.extend([("Type", ""), ("Restart", "no"), ("MainPID", "0"), ("Result", "success")]);
        properties.push(("NRestarts", "0"));
    }
    if id.ends_with(".timer") {
        properties.extend([("NextElapseUSecRealtime", ""), ("NextElapseUSecMonotonic", "0")]);
        properties.extend([("ActiveEnterTimestamp", ""), ("ActiveEnterTimestampMonotonic", "0")]);
        properties.extend([("LastTriggerUSec", ""), ("Result", "success")]);
    }
    properties.extend([("Id", id), ("Description", id)]);
    properties.extend([("LoadState", "not-found"), ("ActiveState", "inactive")]);
    properties.extend([("SubState", "dead"), ("UnitFileState", "")]);
    properties.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

/// A process id that differs between daemons and stays the same: 200 to 8,391.
pub(super) fn process_id(host: &str, unit: &str) -> u32 {
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
    // A link that is down keeps its IPv4 addresses; those of IPv6 go.
    let (flags, operstate) = match nic.up {
        true => (vec!["BROADCAST", "MULTICAST", "UP", "LOWER_UP"], "UP"),
        false => (vec!["BROADCAST", "MULTICAST"], "DOWN"),
    };
    let six = nic.up.then(|| link_local(&nic.mac));
    json!({
        "ifindex": place + 2, "link_index": 100 + place, "ifname": nic.name,
        "flags": flags, "mtu": 1500, "qdisc": "noqueue", "operstate": operstate,
        "group": "default", "txqlen": 1000, "link_type": "ether", "address": nic.mac.to_lowercase(),
        "broadcast": "ff:ff:ff:ff:ff:ff", "link_netnsid": 0,
        "addr_info": primary.chain(further).chain(six).collect::<Vec<_>>(),
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
