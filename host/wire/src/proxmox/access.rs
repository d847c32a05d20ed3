//! What a token may see.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::lenient;
use crate::deadline::Deadline;
use crate::error::WireError;

/// The privileges that show an SDN object in a list.
const SDN_SEEN_WITH: [&str; 2] = ["SDN.Audit", "SDN.Allocate"];

/// The rights of the token that asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Permissions {
    /// By path of the access tree, the privileges held there; the value says whether the privilege reaches down to the paths
    /// below.
    pub paths: BTreeMap<String, BTreeMap<String, bool>>,
}

impl Permissions {
    /// Whether the token holds the privilege at the path or inherits it from the nearest path above that the API lists.
    pub fn holds(&self, path: &str, privilege: &str) -> bool {
        let mut at = path;
        loop {
            if let Some(privileges) = self.paths.get(at) {
                return privileges.get(privilege).is_some_and(|reaches_down| at == path || *reaches_down);
            }
            at = match at.rsplit_once('/') {
                Some(("", "")) | None => return false,
                Some(("", _)) => "/",
                Some((above, _)) => above,
            };
        }
    }
}

/// Whether every SDN object is in the lists that the token gets: it may audit or allocate on `/sdn` and downwards, and no path
/// below takes that away. A path on which the token holds nothing at all is not always listed by the API; where such a path
/// lies below `/sdn`, this says yes too readily.
pub fn can_see_all_sdn(permissions: &Permissions) -> bool {
    let sees = |path: &str| SDN_SEEN_WITH.iter().any(|privilege| permissions.holds(path, privilege));
    let below = permissions.paths.keys().filter(|path| path.starts_with("/sdn/"));
    // A path that is surely not listed shows what is inherited.
    sees("/sdn/*") && below.map(String::as_str).all(sees)
}

/// The answer's data: by path and privilege, whether the privilege reaches down.
pub(super) type Listing = BTreeMap<String, BTreeMap<String, Reach>>;

#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Reach(#[serde(deserialize_with = "lenient::flag")] bool);

impl Client {
    /// The token's own rights: GET /access/permissions.
    ///
    /// # Errors
    /// Those of every read, listed at [`Client`].
    pub async fn permissions(&self, deadline: Deadline) -> Result<Permissions, WireError> {
        self.get::<Listing>("/access/permissions", deadline).await.map(permissions)
    }
}

pub(super) fn permissions(listing: Listing) -> Permissions {
    let reaches = |privileges: BTreeMap<String, Reach>| {
        privileges.into_iter().map(|(privilege, reach)| (privilege, reach.0)).collect()
    };
    Permissions { paths: listing.into_iter().map(|(path, held)| (path, reaches(held))).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxmox::answer;

    fn read(data: &str) -> Permissions {
        permissions(answer::data(format!(r#"{{"data":{data}}}"#).as_bytes()).expect("readable"))
    }

    #[test]
    fn rights_on_sdn_show_all_of_it() {
        assert!(can_see_all_sdn(&read(r#"{"/sdn":{"SDN.Audit":1}}"#)));
        assert!(can_see_all_sdn(&read(r#"{"/":{"SDN.Allocate":"1"}}"#)));
        assert!(can_see_all_sdn(&read(r#"{"/sdn":{"SDN.Audit":1},"/sdn/zones/z":{"SDN.Allocate":0}}"#)));
    }

    #[test]
    fn anything_less_may_hide_something() {
        for less in [
            "{}",
            r#"{"/vms/7":{"VM.Audit":1}}"#,
            r#"{"/sdn":{"SDN.Use":1}}"#,
            r#"{"/sdn":{"SDN.Audit":0}}"#,
            r#"{"/":{"SDN.Audit":0}}"#,
            r#"{"/":{"SDN.Audit":1},"/sdn":{"SDN.Use":1}}"#,
            r#"{"/sdn/zones/z":{"SDN.Audit":1}}"#,
            r#"{"/sdn":{"SDN.Audit":1},"/sdn/zones/z":{"SDN.Use":1}}"#,
        ] {
            assert!(!can_see_all_sdn(&read(less)), "{less}");
        }
    }

    #[test]
    fn a_right_at_a_path_counts_there_even_when_it_does_not_reach_down() {
        let held = read(r#"{"/vms/7":{"VM.Audit":0},"/":{"Sys.Audit":1}}"#);
        assert!(held.holds("/vms/7", "VM.Audit"));
        assert!(!held.holds("/vms/7/x", "VM.Audit"));
        assert!(held.holds("/nodes/n1", "Sys.Audit"));
        assert!(!held.holds("", "Sys.Audit") && !held.holds("nodes", "Sys.Audit"));
    }
}
