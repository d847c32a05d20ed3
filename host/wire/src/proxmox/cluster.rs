//! The cluster itself: quorum, nodes, and what high availability manages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::lenient;
use crate::deadline::Deadline;
use crate::error::WireError;

/// The state of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterStatus {
    /// The cluster's name; none for a node that is in no cluster.
    pub name: Option<String>,
    /// Whether the cluster has quorum; none for a node that is in no cluster.
    pub quorate: Option<bool>,
    /// The nodes, by name.
    pub nodes: Vec<ClusterNode>,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterNode {
    /// Its name.
    pub name: String,
    /// Whether it is in touch with the node that answered.
    pub online: bool,
    /// Its address in the cluster.
    pub address: Option<String>,
    /// Whether it is the node that answered.
    pub local: bool,
}

/// A guest that high availability manages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HaResource {
    /// Its id, `ct:<vmid>` or `vm:<vmid>`.
    pub sid: String,
    /// The state that is asked for: `started`, `stopped`, `disabled`, `ignored`.
    #[serde(default)]
    pub state: Option<String>,
    /// Its group; PVE 9 has rules instead.
    #[serde(default)]
    pub group: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Row {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default, deserialize_with = "lenient::flag")]
    quorate: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    online: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    local: bool,
    #[serde(default)]
    ip: Option<String>,
}

impl Client {
    /// Quorum and nodes: GET /cluster/status.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn cluster_status(&self, deadline: Deadline) -> Result<ClusterStatus, WireError> {
        status(self.get("/cluster/status", deadline).await?)
    }

    /// What high availability manages, by id: GET /cluster/ha/resources.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn ha_resources(&self, deadline: Deadline) -> Result<Vec<HaResource>, WireError> {
        let mut resources: Vec<HaResource> = self.get("/cluster/ha/resources", deadline).await?;
        resources.sort_by(|a, b| a.sid.cmp(&b.sid));
        Ok(resources)
    }
}

pub(super) fn status(rows: Vec<Row>) -> Result<ClusterStatus, WireError> {
    let cluster = rows.iter().find(|row| row.kind == "cluster");
    let mut status = ClusterStatus {
        name: cluster.map(|row| row.name.clone()),
        quorate: cluster.map(|row| row.quorate),
        nodes: Vec::new(),
    };
    for row in rows.into_iter().filter(|row| row.kind == "node") {
        let Row { name, online, ip: address, local, .. } = row;
        status.nodes.push(ClusterNode { name, online, address, local });
    }
    if status.nodes.is_empty() {
        return Err(WireError::Garbage("Proxmox answers a cluster without nodes".into()));
    }
    status.nodes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(status)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proxmox::answer;

    fn read(data: &str) -> Result<ClusterStatus, WireError> {
        status(answer::data(format!(r#"{{"data":{data}}}"#).as_bytes())?)
    }

    #[test]
    fn a_cluster_is_told_from_a_lone_node() {
        let node = r#"{"type":"node","name":"n2","online":1,"local":1,"ip":"10.0.0.2"}"#;
        let lone = read(&format!("[{node}]")).expect("readable");
        assert_eq!((lone.name, lone.quorate), (None, None));
        let off = r#"{"type":"node","name":"n1","online":0}"#;
        let cluster = r#"{"type":"cluster","name":"lab","quorate":"1"}"#;
        let whole = read(&format!("[{node},{cluster},{off}]")).expect("readable");
        assert_eq!((whole.name.as_deref(), whole.quorate), (Some("lab"), Some(true)));
        let nodes: Vec<(&str, bool)> = whole.nodes.iter().map(|n| (n.name.as_str(), n.online)).collect();
        assert_eq!(nodes, [("n1", false), ("n2", true)]);
    }

    #[test]
    fn a_cluster_without_nodes_is_garbage() {
        for bad in ["[]", r#"[{"type":"cluster","name":"lab"}]"#, r#"[{"type":"node"}]"#] {
            assert!(matches!(read(bad), Err(WireError::Garbage(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = answer::data(&bytes).and_then(status);
            let _ = answer::data::<Vec<HaResource>>(&bytes);
        }
    }
}
