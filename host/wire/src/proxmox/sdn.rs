//! The software-defined network: what is configured, what runs, what waits to be applied, and what each node made of it.

use std::collections::BTreeMap;

use fabric_model::Slug;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::lenient;
use crate::deadline::Deadline;
use crate::error::WireError;
use crate::http::encoded;

/// Which of the three states of the configuration is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// The files as they stand.
    #[default]
    Configured,
    /// What was last applied.
    Running,
    /// Both together: objects that differ carry a state and the values that wait.
    Pending,
}

impl View {
    fn query(self) -> &'static str {
        match self {
            Self::Configured => "",
            Self::Running => "?running=1",
            Self::Pending => "?pending=1",
        }
    }
}

/// An SDN zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SdnZone {
    /// Its id, at most 8 characters.
    pub zone: String,
    /// Its kind: `vlan`, `simple`, `vxlan` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The bridge it stands on.
    #[serde(default, deserialize_with = "lenient::text")]
    pub bridge: Option<String>,
    /// The nodes it is limited to, separated by commas; none means all.
    #[serde(default, deserialize_with = "lenient::text")]
    pub nodes: Option<String>,
    /// `new`, `changed` or `deleted` in the view [`View::Pending`] where it differs from what runs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub state: Option<String>,
    /// The values that wait to be applied. Those of a new object stand only here.
    #[serde(default, deserialize_with = "lenient::table")]
    pub pending: BTreeMap<String, String>,
}

/// A virtual network of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SdnVnet {
    /// Its id, at most 8 characters.
    pub vnet: String,
    /// The zone it belongs to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub zone: Option<String>,
    /// Its VLAN tag or VXLAN id.
    #[serde(default, deserialize_with = "lenient::number")]
    pub tag: Option<u64>,
    /// A description.
    #[serde(default, deserialize_with = "lenient::text")]
    pub alias: Option<String>,
    /// `new`, `changed` or `deleted` in the view [`View::Pending`] where it differs from what runs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub state: Option<String>,
    /// The values that wait to be applied. Those of a new object stand only here.
    #[serde(default, deserialize_with = "lenient::table")]
    pub pending: BTreeMap<String, String>,
}

/// A subnet of a virtual network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SdnSubnet {
    /// Its id, `<zone>-<network>-<prefix length>`.
    pub subnet: String,
    /// Its network with prefix length.
    pub cidr: String,
    /// Its gateway.
    #[serde(default, deserialize_with = "lenient::text")]
    pub gateway: Option<String>,
    /// The virtual network it belongs to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub vnet: Option<String>,
    /// The zone it belongs to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub zone: Option<String>,
    /// `new`, `changed` or `deleted` in the view [`View::Pending`] where it differs from what runs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub state: Option<String>,
    /// The values that wait to be applied. Those of a new object stand only here.
    #[serde(default, deserialize_with = "lenient::table")]
    pub pending: BTreeMap<String, String>,
}

/// What a node made of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeZoneStatus {
    /// It is set up as applied.
    Available,
    /// The node has not reloaded yet.
    Pending,
    /// The node failed to set it up.
    Error,
}

/// A zone on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeZone {
    /// The zone's id.
    pub zone: String,
    /// What the node made of it.
    pub status: NodeZoneStatus,
}

impl Client {
    /// The zones that the token may see, by id: GET /cluster/sdn/zones.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn sdn_zones(&self, view: View, deadline: Deadline) -> Result<Vec<SdnZone>, WireError> {
        let mut zones: Vec<SdnZone> =
            self.get(&format!("/cluster/sdn/zones{}", view.query()), deadline).await?;
        zones.sort_by(|a, b| a.zone.cmp(&b.zone));
        Ok(zones)
    }

    /// The virtual networks that the token may see, by id: GET /cluster/sdn/vnets.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn sdn_vnets(&self, view: View, deadline: Deadline) -> Result<Vec<SdnVnet>, WireError> {
        let mut vnets: Vec<SdnVnet> =
            self.get(&format!("/cluster/sdn/vnets{}", view.query()), deadline).await?;
        vnets.sort_by(|a, b| a.vnet.cmp(&b.vnet));
        Ok(vnets)
    }

    /// The subnets of a virtual network, by id: GET /cluster/sdn/vnets/{vnet}/subnets.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn sdn_subnets(
        &self,
        vnet: &Slug,
        view: View,
        deadline: Deadline,
    ) -> Result<Vec<SdnSubnet>, WireError> {
        let path = format!("/cluster/sdn/vnets/{}/subnets{}", encoded(vnet.as_str()), view.query());
        let mut subnets: Vec<SdnSubnet> = self.get(&path, deadline).await?;
        subnets.sort_by(|a, b| a.subnet.cmp(&b.subnet));
        Ok(subnets)
    }

    /// What a node made of the zones, by id: GET /nodes/{node}/sdn/zones. Applying is a task whose success does not prove that
    /// every node followed; this does.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn node_zones(&self, node: &Slug, deadline: Deadline) -> Result<Vec<NodeZone>, WireError> {
        let mut zones: Vec<NodeZone> =
            self.get(&format!("/nodes/{}/sdn/zones", encoded(node.as_str())), deadline).await?;
        zones.sort_by(|a, b| a.zone.cmp(&b.zone));
        Ok(zones)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::proxmox::answer;

    fn read<T: DeserializeOwned>(data: &str) -> Result<Vec<T>, WireError> {
        answer::data(format!(r#"{{"data":{data}}}"#).as_bytes())
    }

    #[test]
    fn values_of_a_new_object_wait_in_pending() {
        let data = r#"[{"vnet":"v1","type":"vnet","digest":null,"state":"new","pending":{"zone":"z1","tag":7,"x":[]}}]"#;
        let vnets: Vec<SdnVnet> = read(data).expect("readable");
        let vnet = vnets.first().expect("one");
        assert_eq!((vnet.tag, vnet.state.as_deref()), (None, Some("new")));
        assert_eq!(vnet.pending.get("tag").map(String::as_str), Some("7"));
        assert_eq!(vnet.pending.len(), 2);
    }

    #[test]
    fn a_tag_may_be_a_text() {
        let vnets: Vec<SdnVnet> = read(r#"[{"vnet":"v1","tag":"140","future":{}}]"#).expect("readable");
        assert_eq!(vnets.first().and_then(|vnet| vnet.tag), Some(140));
    }

    #[test]
    fn what_lacks_its_id_is_garbage() {
        assert!(matches!(read::<SdnZone>(r#"[{"type":"vlan"}]"#), Err(WireError::Garbage(_))));
        assert!(matches!(read::<SdnVnet>(r#"[{"zone":"z"}]"#), Err(WireError::Garbage(_))));
        assert!(matches!(read::<SdnSubnet>(r#"[{"subnet":"s"}]"#), Err(WireError::Garbage(_))));
        assert!(matches!(read::<NodeZone>(r#"[{"zone":"z"}]"#), Err(WireError::Garbage(_))));
        assert!(matches!(read::<NodeZone>(r#"[{"zone":"z","status":"fine"}]"#), Err(WireError::Garbage(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = answer::data::<Vec<SdnZone>>(&bytes);
            let _ = answer::data::<Vec<SdnVnet>>(&bytes);
            let _ = answer::data::<Vec<SdnSubnet>>(&bytes);
            let _ = answer::data::<Vec<NodeZone>>(&bytes);
        }
    }
}
