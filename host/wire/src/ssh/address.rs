//! Interfaces and their addresses.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::ADDRESSES;
use super::output::garbage;
use crate::error::WireError;

/// A network interface of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// Whether it is switched on (the kernel's flag `UP`).
    pub up: bool,
    /// Whether it has a carrier (the kernel's flag `LOWER_UP`).
    pub carrier: bool,
    /// Its hardware address in lower case with colons; absent where the link has none.
    pub mac: Option<String>,
    /// Its addresses in the kernel's order.
    pub addresses: Vec<InterfaceAddress>,
}

/// One address of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// The length of its prefix in bits.
    pub prefix: u8,
    /// `global`, `link`, `host` or `site`.
    pub scope: String,
}

/// What `ip -json address show` prints, as far as it is read (iproute2, `ip/ipaddress.c`).
#[derive(Deserialize)]
struct Link {
    ifname: String,
    #[serde(default)]
    flags: Vec<String>,
    address: Option<String>,
    #[serde(default)]
    addr_info: Vec<LinkAddress>,
}

#[derive(Deserialize)]
struct LinkAddress {
    local: IpAddr,
    prefixlen: u8,
    scope: String,
}

/// Reads the output of [`super::ReadCommand::Addresses`].
///
/// # Errors
/// [`WireError::Command`] when the tool failed, [`WireError::Garbage`] when its JSON is not as documented.
pub fn addresses(output: &CommandOutput) -> Result<Vec<Interface>, WireError> {
    let links: Vec<Link> = serde_json::from_str(output.text(ADDRESSES)?)
        .map_err(|error| garbage(ADDRESSES, &format!("unexpected JSON: {error}")))?;
    links.into_iter().map(interface).collect()
}

fn interface(link: Link) -> Result<Interface, WireError> {
    let flag = |name: &str| link.flags.iter().any(|flag| flag == name);
    let (up, carrier) = (flag("UP"), flag("LOWER_UP"));
    let addresses = link.addr_info.into_iter().map(interface_address).collect::<Result<_, _>>()?;
    let mac = link.address.map(|mac| mac.to_ascii_lowercase());
    Ok(Interface { name: link.ifname, up, carrier, mac, addresses })
}

fn interface_address(entry: LinkAddress) -> Result<InterfaceAddress, WireError> {
    let LinkAddress { local, prefixlen, scope } = entry;
    let bits = if local.is_ipv4() { 32 } else { 128 };
    if prefixlen > bits {
        return Err(garbage(ADDRESSES, &format!("{local} has a prefix of {prefixlen} bits")));
    }
    Ok(InterfaceAddress { address: local, prefix: prefixlen, scope })
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::{ended, printed};
    use super::*;

    const EDGE: &str = r#"[
      {"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"operstate":"UNKNOWN",
       "link_type":"loopback","address":"00:00:00:00:00:00","addr_info":[
         {"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"}]},
      {"ifindex":2,"link_index":7,"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],
       "operstate":"UP","address":"BC:24:11:AD:49:D1","link_netnsid":0,"addr_info":[
         {"family":"inet","local":"192.168.11.111","prefixlen":24,"broadcast":"192.168.11.255","scope":"global"},
         {"family":"inet","local":"192.168.11.100","prefixlen":32,"scope":"global","secondary":true},
         {"family":"inet6","local":"fe80::be24:11ff:fead:49d1","prefixlen":64,"scope":"link"}]},
      {"ifindex":3,"ifname":"eth1","flags":["BROADCAST","MULTICAST"],"operstate":"DOWN","addr_info":[]}]"#;

    #[test]
    fn a_vip_beside_the_own_address_is_seen() {
        let interfaces = addresses(&printed(EDGE)).expect("the output is complete");
        let eth0 = interfaces.iter().find(|i| i.name == "eth0").expect("eth0 is listed");
        let vip = eth0.addresses.iter().find(|a| a.address.to_string() == "192.168.11.100");
        assert_eq!(vip.map(|a| a.prefix), Some(32));
        assert_eq!(eth0.mac.as_deref(), Some("bc:24:11:ad:49:d1"));
        assert!(eth0.up && eth0.carrier);
    }

    #[test]
    fn an_interface_that_is_switched_off_is_not_up() {
        let interfaces = addresses(&printed(EDGE)).expect("the output is complete");
        let eth1 = interfaces.iter().find(|i| i.name == "eth1").expect("eth1 is listed");
        assert!(!eth1.up && !eth1.carrier && eth1.mac.is_none());
    }

    #[test]
    fn output_in_another_form_is_garbage() {
        for bad in [
            "",
            "{}",
            "[{}]",
            "2: eth0: <UP>",
            &EDGE.replace(":24,", ":33,"),
            &EDGE.replace("\"local\"", "\"l\""),
        ] {
            assert!(matches!(addresses(&printed(bad)), Err(WireError::Garbage(_))), "{bad}");
        }
        assert!(matches!(addresses(&ended(127, "", "not found")), Err(WireError::Command { .. })));
    }
}
