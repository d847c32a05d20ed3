//! Containers: configuration, state and addresses.

use std::collections::BTreeMap;

use fabric_model::Slug;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::garbage;
use super::client::Client;
use super::lenient;
use super::network::{self, NetworkInterface};
use crate::deadline::Deadline;
use crate::error::WireError;
use crate::http::encoded;

/// What a container is configured to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestConfig {
    /// Its host name.
    pub hostname: Option<String>,
    /// Its tags in the order in which the API gives them, which is sorted.
    pub tags: Vec<String>,
    /// Its network interfaces, by number.
    pub interfaces: Vec<NetworkInterface>,
    /// Whether it starts with its node.
    pub onboot: bool,
    /// Whether it runs in a user namespace.
    pub unprivileged: bool,
    /// Whether it is a template.
    pub template: bool,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// CPU cores; none means all.
    pub cores: Option<u64>,
    /// The distribution, as Proxmox calls it.
    pub ostype: Option<String>,
    /// The operation that locks it: `backup`, `create`, `migrate` …
    pub lock: Option<String>,
    /// The digest of the configuration file; it changes with every change.
    pub digest: String,
}

/// Whether a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GuestState {
    /// It runs.
    Running,
    /// It does not.
    Stopped,
}

/// The present state of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestStatus {
    /// Whether it runs.
    pub status: GuestState,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Seconds since it was started; 0 where it does not run.
    #[serde(default, deserialize_with = "seconds")]
    pub uptime: u64,
    /// The operation that locks it.
    #[serde(default)]
    pub lock: Option<String>,
}

/// A network interface as it is inside a running container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestInterface {
    /// Its name inside the container.
    pub name: String,
    /// Its MAC address, lower case with colons.
    pub mac: String,
    /// All its addresses with prefix length in the kernel's order, virtual ones included.
    pub addresses: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RawConfig {
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default)]
    tags: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    onboot: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    unprivileged: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    template: bool,
    #[serde(default, deserialize_with = "lenient::number")]
    memory: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    cores: Option<u64>,
    #[serde(default)]
    ostype: Option<String>,
    #[serde(default)]
    lock: Option<String>,
    digest: String,
    /// The interfaces are keys with a number.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct RawInterface {
    name: String,
    #[serde(default)]
    hwaddr: Option<String>,
    /// The same as `hwaddr`; the API sends either or both.
    #[serde(default, rename = "hardware-address")]
    hardware_address: Option<String>,
    #[serde(default)]
    inet: Option<String>,
    #[serde(default)]
    inet6: Option<String>,
    #[serde(default, rename = "ip-addresses")]
    addresses: Option<Vec<RawAddress>>,
}

#[derive(Deserialize)]
struct RawAddress {
    #[serde(rename = "ip-address")]
    address: String,
    #[serde(default, deserialize_with = "lenient::number")]
    prefix: Option<u64>,
}

impl Client {
    /// A container's configuration: GET /nodes/{node}/lxc/{vmid}/config.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn guest_config(
        &self,
        node: &Slug,
        vmid: u32,
        deadline: Deadline,
    ) -> Result<GuestConfig, WireError> {
        config(self.get(&format!("/nodes/{}/lxc/{vmid}/config", encoded(node.as_str())), deadline).await?)
    }

    /// Whether a container runs: GET /nodes/{node}/lxc/{vmid}/status/current.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn guest_status(
        &self,
        node: &Slug,
        vmid: u32,
        deadline: Deadline,
    ) -> Result<GuestStatus, WireError> {
        self.get(&format!("/nodes/{}/lxc/{vmid}/status/current", encoded(node.as_str())), deadline).await
    }

    /// A container's interfaces as they are inside it: GET /nodes/{node}/lxc/{vmid}/interfaces. Empty while it does not run.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn guest_interfaces(
        &self,
        node: &Slug,
        vmid: u32,
        deadline: Deadline,
    ) -> Result<Vec<GuestInterface>, WireError> {
        let path = format!("/nodes/{}/lxc/{vmid}/interfaces", encoded(node.as_str()));
        interfaces(self.get(&path, deadline).await?)
    }
}

/// The data is `null` for a container that does not run.
pub(super) fn interfaces(raw: Option<Vec<RawInterface>>) -> Result<Vec<GuestInterface>, WireError> {
    raw.unwrap_or_default().into_iter().map(interface).collect()
}

pub(super) fn config(raw: RawConfig) -> Result<GuestConfig, WireError> {
    let mut interfaces = Vec::new();
    for (key, value) in &raw.others {
        let Some(place) = network::place(key) else { continue };
        let text = value.as_str().ok_or_else(|| garbage(&format!("Proxmox gives {key} not as text")))?;
        interfaces.push((place, network::parse(key, text)?));
    }
    interfaces.sort_by_key(|(place, _)| *place);
    Ok(GuestConfig {
        hostname: raw.hostname,
        tags: split_list(raw.tags.as_deref().unwrap_or_default()),
        interfaces: interfaces.into_iter().map(|(_, interface)| interface).collect(),
        onboot: raw.onboot,
        unprivileged: raw.unprivileged,
        template: raw.template,
        memory_mib: raw.memory,
        cores: raw.cores,
        ostype: raw.ostype,
        lock: raw.lock,
        digest: raw.digest,
    })
}

/// Takes a list apart as PVE does: at commas, semicolons and white space, however many.
fn split_list(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| matches!(c, ',' | ';' | '\0') || c.is_whitespace());
    parts.filter(|part| !part.is_empty()).map(String::from).collect()
}

fn interface(raw: RawInterface) -> Result<GuestInterface, WireError> {
    let mac = raw.hwaddr.or(raw.hardware_address);
    let mac = mac.ok_or_else(|| garbage(&format!("Proxmox gives `{}` without a MAC address", raw.name)))?;
    let addresses = match raw.addresses {
        Some(addresses) => addresses
            .into_iter()
            .map(|RawAddress { address, prefix }| match prefix {
                Some(prefix) => format!("{address}/{prefix}"),
                None => address,
            })
            .collect(),
        // PVE 8 before 8.4 gives one address of each family.
        None => raw.inet.into_iter().chain(raw.inet6).collect(),
    };
    Ok(GuestInterface { name: raw.name, mac: mac.to_ascii_lowercase(), addresses })
}

fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(lenient::number(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proxmox::answer;

    fn read(data: &str) -> Result<GuestConfig, WireError> {
        config(answer::data(format!(r#"{{"data":{data}}}"#).as_bytes())?)
    }

    #[test]
    fn interfaces_come_in_the_order_of_their_numbers() {
        let read = read(
            r#"{"digest":"d","net10":"name=c","net2":"name=b","net0":"name=a","nets":1,"new":{"x":[]}}"#,
        )
        .expect("readable");
        let names: Vec<&str> = read.interfaces.iter().map(|i| i.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn tags_are_split_as_pve_splits_lists() {
        assert_eq!(
            split_list("env-a;golden-v1,plane-x  role-y;"),
            ["env-a", "golden-v1", "plane-x", "role-y"]
        );
        assert!(split_list("").is_empty() && split_list(" ;, ").is_empty());
    }

    #[test]
    fn a_config_without_digest_or_with_a_broken_interface_is_garbage() {
        for bad in [
            r#"{"hostname":"x"}"#,
            r#"{"digest":"d","net0":7}"#,
            r#"{"digest":"d","net0":"bridge=b"}"#,
            "[]",
            "null",
        ] {
            assert!(matches!(read(bad), Err(WireError::Garbage(_))), "{bad}");
        }
    }

    #[test]
    fn every_address_of_an_interface_is_kept() {
        let raw = r#"{"name":"eth0","hwaddr":"BC:24:11:00:00:01","inet":"10.0.0.2/32",
            "ip-addresses":[{"ip-address":"10.0.0.1","prefix":24},{"ip-address":"fe80::1","prefix":"64"}]}"#;
        let read = |raw: &str| interface(serde_json::from_str(raw).expect("readable"));
        let whole = read(raw).expect("well formed");
        assert_eq!(whole.addresses, ["10.0.0.1/24", "fe80::1/64"]);
        assert_eq!(whole.mac, "bc:24:11:00:00:01");
        let old = read(r#"{"name":"lo","hardware-address":"0","inet":"127.0.0.1/8"}"#).expect("well formed");
        assert_eq!(old.addresses, ["127.0.0.1/8"]);
        assert!(matches!(read(r#"{"name":"lo"}"#), Err(WireError::Garbage(_))));
    }

    #[test]
    fn a_state_that_does_not_exist_is_garbage() {
        let read = |text: &str| answer::data::<GuestStatus>(text.as_bytes());
        assert!(read(r#"{"data":{"status":"stopped","uptime":"7"}}"#).is_ok_and(|s| s.uptime == 7));
        assert!(matches!(read(r#"{"data":{"status":"asleep"}}"#), Err(WireError::Garbage(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = answer::data(&bytes).and_then(config);
            let _ = answer::data::<GuestStatus>(&bytes);
            let _ = answer::data::<Vec<RawInterface>>(&bytes);
        }
    }
}
