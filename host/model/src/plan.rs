//! A plan: what a dry run found that a script would change, where, and on what that rests. It holds no time, so that two dry runs
//! over the same world give the same plan.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::Heals;
use crate::digest::Digest;
use crate::name::Slug;
use crate::primitive::{Class, PrimitiveName};
use crate::resource::Resource;
use crate::site::Realm;
use crate::value::Value;

/// The only version of plans so far.
pub const FORMAT: u32 = 1;

/// A plan. Its digest is that of its canonical JSON (RFC 8785).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this form: 1.
    pub format: u32,
    /// The script.
    pub script: PlannedScript,
    /// Digests of the modules that it imports, by path.
    pub modules: BTreeMap<String, Digest>,
    /// Digest of the policy file.
    pub policy: Digest,
    /// The site.
    pub site: PlannedSite,
    /// The script's parameters.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub params: BTreeMap<String, Value>,
    /// The changes in the order in which they are made.
    pub changes: Vec<PlannedChange>,
    /// Titles of the checks that could not be looked at before the changes are made.
    pub deferred: Vec<String>,
}

/// The script of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedScript {
    /// Its path as the operator wrote it.
    pub path: String,
    /// Digest of its text.
    pub digest: Digest,
    /// Its title.
    pub title: String,
    /// `gameday`, `dr` or `operation`.
    pub kind: String,
}

/// The site of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedSite {
    /// Its name.
    pub name: Slug,
    /// Real, lab or twin.
    pub realm: Realm,
    /// Digest of the site file.
    pub digest: Digest,
}

/// Whence the state before a change is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grounds {
    /// It was read from the target, which no earlier change of the plan touches. It is read again before the first change.
    Observed,
    /// It follows from earlier changes of the plan.
    Projected,
}

/// One planned change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedChange {
    /// Its number, from 0.
    pub change: u32,
    /// The title of the scope that it stands in; none for the change of an operation.
    pub scope: Option<String>,
    /// Which primitive.
    pub primitive: PrimitiveName,
    /// Its strength.
    pub class: Class,
    /// The decoded arguments, with selectors resolved.
    #[schemars(with = "serde_json::Value")]
    pub arguments: Value,
    /// The selectors that the script wrote, such as `holder(vip:dns)`, with the host that each stood for.
    pub selectors: BTreeMap<String, Slug>,
    /// Where.
    pub targets: Vec<PlannedTarget>,
    /// The observations since the change before, on which this one rests: primitive and resource.
    pub rests_on: Vec<String>,
    /// The state before.
    #[schemars(with = "serde_json::Value")]
    pub before: Value,
    /// Whence that is known.
    pub grounds: Grounds,
    /// What is to be done, in the primitive's own terms; none where nothing is.
    #[schemars(with = "Option<serde_json::Value>")]
    pub action: Option<Value>,
    /// The same for people.
    pub summary: String,
    /// The state afterwards.
    #[schemars(with = "serde_json::Value")]
    pub after: Value,
    /// What takes it back, for people; none where nothing has to be.
    pub inverse: Option<String>,
    /// What becomes of it when the host never comes back.
    pub heals: Heals,
    /// What it may be felt by.
    pub blast: BlastRadius,
}

/// A resolved target of a planned change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedTarget {
    /// The resource.
    #[schemars(with = "String")]
    pub resource: Resource,
    /// The environment that it lies in.
    pub environment: Slug,
    /// What it was resolved to.
    pub addresses: Vec<IpAddr>,
}

/// What a change may be felt by, from the site file alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlastRadius {
    /// VIPs that the changed host is a member of.
    pub vips: Vec<Slug>,
    /// Services behind them, and services of the host: `dns 192.168.11.100:53/udp`.
    pub services: Vec<String>,
    /// What is left of the redundancy: `vip:dns: dns-edge-2 alone`.
    pub left: Vec<String>,
}
