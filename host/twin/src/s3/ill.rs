//! What can be wrong with an S3 server.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A defect of a played S3 server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum S3Ill {
    /// Its buckets give their objects to anybody, by their policy.
    Public,
    /// It does not know the access key.
    KeyUnknown,
    /// It has another secret key.
    SecretChanged,
    /// The keys may do nothing.
    WithoutRights,
    /// Its clock is 20 minutes ahead.
    ClockAhead,
    /// Its buckets lie in another region.
    OtherRegion,
    /// It answers 503 to everything but its health.
    Overloaded,
    /// It has lost its quorum: it runs, and serves nothing.
    QuorumLost,
    /// Its entity tags are not quoted.
    BadEtag,
    /// Each body ends in the middle.
    Truncates,
    /// Each body stops in the middle, and the connection stays open.
    Stalls,
    /// Pages of listings do not come on.
    Circles,
    /// Its buckets are not there.
    BucketsGone,
    /// Its buckets keep no versions.
    Unversioned,
}

/// What is wrong with one server.
pub(crate) type Ills = BTreeSet<S3Ill>;
