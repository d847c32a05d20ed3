//! A container's network interface as its configuration spells it: `name=eth0,bridge=vmbr0,ip=10.0.0.2/24,…`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::garbage;
use crate::error::WireError;

/// One `netN` of a container's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkInterface {
    /// The configuration key, `net0` …
    pub key: String,
    /// The interface's name inside the container.
    pub name: String,
    /// The bridge or vnet it is attached to.
    pub bridge: Option<String>,
    /// The IPv4 address with prefix length, or `dhcp` or `manual`.
    pub address: Option<String>,
    /// The IPv4 default gateway.
    pub gateway: Option<String>,
    /// The IPv6 address with prefix length, or `auto`, `dhcp` or `manual`.
    pub address6: Option<String>,
    /// The IPv6 default gateway.
    pub gateway6: Option<String>,
    /// The MAC address as configured, upper case with colons.
    pub mac: Option<String>,
    /// The VLAN tag.
    pub tag: Option<u16>,
    /// The MTU in bytes.
    pub mtu: Option<u32>,
    /// Whether the Proxmox firewall filters it.
    pub firewall: bool,
    /// Whether its link is kept down.
    pub link_down: bool,
}

/// Reads the value of one `netN`. Keys that are not read here are passed over.
pub(super) fn parse(key: &str, value: &str) -> Result<NetworkInterface, WireError> {
    let unread = |what: String| garbage(&format!("Proxmox gives {key} as `{value}`: {what}"));
    let mut parts = BTreeMap::new();
    for part in value.split(',') {
        let (name, text) = part.split_once('=').ok_or_else(|| unread(format!("`{part}` has no value")))?;
        if parts.insert(name, text).is_some() {
            return Err(unread(format!("`{name}` stands twice")));
        }
    }
    let text = |name: &str| parts.get(name).map(|text| (*text).to_owned());
    let flag = |name: &str| match parts.get(name) {
        Some(&"1") => Ok(true),
        Some(&"0") | None => Ok(false),
        Some(other) => Err(unread(format!("`{other}` is not a flag"))),
    };
    let number = |name: &str| match parts.get(name).map(|text| text.parse::<u32>()) {
        Some(Err(_)) => Err(unread(format!("{name} is not a number"))),
        Some(Ok(number)) => Ok(Some(number)),
        None => Ok(None),
    };
    let tag = number("tag")?.map(u16::try_from).transpose();
    Ok(NetworkInterface {
        key: key.to_owned(),
        name: text("name").ok_or_else(|| unread("it has no name".into()))?,
        bridge: text("bridge"),
        address: text("ip"),
        gateway: text("gw"),
        address6: text("ip6"),
        gateway6: text("gw6"),
        mac: text("hwaddr"),
        tag: tag.map_err(|_| unread("the tag is over 16 bits".into()))?,
        mtu: number("mtu")?,
        firewall: flag("firewall")?,
        link_down: flag("link_down")?,
    })
}

/// The number of an interface's key, where it is one.
pub(super) fn place(key: &str) -> Option<u32> {
    let digits = key.strip_prefix("net")?;
    // `+1` and the like parse as numbers but are no keys.
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_interface_is_taken_apart() {
        let value = "name=eth1,bridge=vlan7,firewall=1,hwaddr=BC:24:11:00:00:07,ip=10.7.0.2/24,gw=10.7.0.1,mtu=1400,tag=7,type=veth";
        let parsed = parse("net1", value).expect("well formed");
        assert_eq!((parsed.key.as_str(), parsed.name.as_str()), ("net1", "eth1"));
        assert_eq!(parsed.bridge.as_deref(), Some("vlan7"));
        assert_eq!(parsed.address.as_deref(), Some("10.7.0.2/24"));
        assert_eq!(parsed.gateway.as_deref(), Some("10.7.0.1"));
        assert_eq!(parsed.mac.as_deref(), Some("BC:24:11:00:00:07"));
        assert_eq!((parsed.tag, parsed.mtu), (Some(7), Some(1400)));
        assert!(parsed.firewall && !parsed.link_down);
    }

    #[test]
    fn what_is_no_interface_is_garbage() {
        for bad in
            ["", "eth0", "bridge=b", "name=a,name=b", "name=a,tag=x", "name=a,tag=70000", "name=a,firewall=2"]
        {
            assert!(matches!(parse("net0", bad), Err(WireError::Garbage(_))), "{bad}");
        }
        let error = parse("net0", "bridge=b\n\u{1b}[2J").expect_err("it has no name");
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }

    #[test]
    fn only_net_and_digits_is_a_key() {
        assert_eq!(place("net10"), Some(10));
        for other in ["net", "net+1", "netx", "nets0", "hostname"] {
            assert_eq!(place(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(key in "\\PC{0,8}", value in "[a-z0-9=,;./: \\PC]{0,80}") {
            let _ = parse(&key, &value);
            let _ = place(&key);
        }
    }
}
