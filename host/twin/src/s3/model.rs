//! What a played S3 server holds.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use fabric_model::Digest;
use fabric_model::site::{S3Server, Site};
use fabric_wire::endpoint::S3Keys;

use super::ill::{Ills, S3Ill};

/// How far the clocks may be apart ("RequestTimeTooSkewed" of the S3 API reference).
pub(super) const SKEW: Duration = Duration::from_secs(15 * 60);

/// One server as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(super) region: String,
    pub(super) keys: S3Keys,
    /// The time on its own clock.
    pub(super) now: SystemTime,
    pub(super) buckets: BTreeMap<String, BTreeMap<String, Object>>,
    pub(super) ills: Ills,
}

/// One object, of which there is one version.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) bytes: Vec<u8>,
    pub(super) etag: String,
}

impl Model {
    /// The server in the state that the site file and what is wrong with it lead to.
    pub(crate) fn new(site: &Site, server: &S3Server, keys: S3Keys, now: SystemTime, ills: Ills) -> Self {
        let ahead =
            if ills.contains(&S3Ill::ClockAhead) { Duration::from_secs(20 * 60) } else { Duration::ZERO };
        let named = server.buckets.iter().filter(|_| !ills.contains(&S3Ill::BucketsGone));
        Self {
            region: server.region.to_string(),
            keys,
            now: now + ahead,
            buckets: named.map(|bucket| (bucket.to_string(), states(site))).collect(),
            ills,
        }
    }

    pub(super) fn has(&self, ill: S3Ill) -> bool {
        self.ills.contains(&ill)
    }

    /// An object's entity tag as it stands in answers.
    pub(super) fn etag(&self, object: &Object) -> String {
        if self.has(S3Ill::BadEtag) { object.etag.clone() } else { format!("\"{}\"", object.etag) }
    }

    pub(super) fn versioning(&self) -> bool {
        !self.has(S3Ill::Unversioned)
    }
}

/// The state of each environment, as Terraform writes an empty one.
fn states(site: &Site) -> BTreeMap<String, Object> {
    let prefix = format!("{}-fabric", site.site.name);
    let state = |environment: &str| {
        let text = format!(
            "{{\"version\":4,\"serial\":1,\"lineage\":\"{environment}\",\"outputs\":{{}},\"resources\":[]}}\n"
        );
        let bytes = text.into_bytes();
        // An opaque text of 32 digits, as the digest of MD5 is that real servers give.
        let etag = Digest::of(&bytes).to_string().chars().take(32).collect();
        Object { bytes, etag }
    };
    let environments = site.environments.keys();
    environments.map(|name| (format!("{prefix}/{name}/terraform.tfstate"), state(name.as_str()))).collect()
}
