//! What is known of a run before it begins: the content of its first event.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fabric_model::site::Realm;
use fabric_model::{Class, Confinement, Digest, Slug, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exact;
use crate::fingerprint::Fingerprint;
use crate::stamp::Stamp;

/// What is known of a run before it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunHead {
    /// Unique per site, and the name of the packet's folder.
    pub run_id: Slug,
    /// The version of fabric.
    pub version: String,
    /// `run`, `rehearse` or `offline`.
    pub mode: Mode,
    /// What it may do: observe, plan, execute, recover.
    pub act: Act,
    /// When it began.
    pub started: Stamp,
    /// Where.
    pub site: SiteRecord,
    /// What.
    pub script: ScriptRecord,
    /// The modules that the script imports, in the order of their paths.
    pub modules: Vec<FileRecord>,
    /// Digest of the policy file.
    pub policy: Digest,
    /// Digest of the trust file.
    pub trust: Digest,
    /// Who: the holder of the key that will sign.
    pub principal: Principal,
    /// The script's parameters, redacted.
    #[serde(with = "exact::named")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub params: BTreeMap<String, Value>,
    /// On which machine, under which account.
    pub host: HostRecord,
    /// What keeps script and executor in, in words, such as "full; advisory: the executor can rewrite policy.toml".
    pub boundary: String,
    /// What keeps the script in its process, as its worker said and the host saw; nothing where no script ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confinement: Option<Confinement>,
    /// For a run that follows a recovery: the packet that was recovered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_from: Option<PacketLink>,
    /// For an offline run: the digest of the recording whose answers it got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Digest>,
}

/// How a run touches the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// `fabric run`.
    Run,
    /// `fabric rehearse`: on the twin.
    Rehearse,
    /// `fabric run --offline`: on the answers of a recording, without the site.
    Offline,
}

impl Mode {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Rehearse => "rehearse",
            Self::Offline => "offline",
        }
    }
}

/// What a run may do to its site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// The script only observes.
    Observe,
    /// A dry run of a script that changes things: it observes, and makes a plan.
    Plan,
    /// It changes things.
    Execute,
    /// It takes back what a killed run left.
    Recover,
}

impl Act {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Plan => "plan",
            Self::Execute => "execute",
            Self::Recover => "recover",
        }
    }
}

/// The site of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteRecord {
    /// Its name.
    pub name: Slug,
    /// Real, lab or twin.
    pub realm: Realm,
    /// Digest of the site file.
    pub digest: Digest,
}

/// The script of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptRecord {
    /// Its path as the operator wrote it.
    pub path: String,
    /// Digest of its text.
    pub digest: Digest,
    /// The title in its header.
    pub title: String,
    /// `acceptance`, `gameday`, `dr` or `operation`.
    pub kind: String,
    /// The strongest class of primitive that it may call.
    pub reach: Class,
}

/// A file that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Its path as the script names it.
    pub path: String,
    /// Digest of its bytes.
    pub digest: Digest,
}

/// Somebody with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The primary fingerprint of his certificate.
    pub fingerprint: Fingerprint,
    /// The roles that the trust file gave him at that time.
    pub roles: Vec<Slug>,
}

/// The machine on which the host ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostRecord {
    /// Its host name.
    pub hostname: String,
    /// The account.
    pub user: String,
}

/// Another packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PacketLink {
    /// Its run.
    pub run_id: Slug,
    /// The digest of its `manifest.sha256`.
    pub manifest: Digest,
}

/// A rule of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleRecord {
    /// The file as the operator named it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The resource or name, such as `vip:dns`.
    pub name: String,
    /// Every address that the connection may use.
    pub addresses: Vec<IpAddr>,
}
