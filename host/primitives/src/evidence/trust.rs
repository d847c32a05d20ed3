//! Tells what the operator's trust file demands of packets of a realm.
//!
//! # Observes
//! Whose signatures count in which roles, what packets must have beside their seal, and which timestamp authorities there are.
//!
//! # Denied when
//! `packet:trust` is not granted.

use std::time::Duration;

use fabric_model::site::Realm;
use fabric_model::{Fault, Value};
use fabric_wire::Deadline;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::local::TrustFile;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::on_this_machine;
use crate::target::Targets;

/// Arguments of `evidence.trust`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The realm whose packets it is about.
    pub realm: Realm,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

pub(crate) struct Trust;

impl Observing for Trust {
    const NAME: &'static str = "evidence.trust";
    const SUMMARY: &'static str = "Tells what the operator's trust file demands of packets of a realm.";

    type Args = Args;
    type Output = TrustFile;

    fn needs(_: &Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::trust()?])
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        args: Args,
        _: Targets,
        means: Means,
        _: Deadline,
    ) -> Result<Observation<TrustFile>, Fault> {
        on_this_machine::seen(means.local.trust(args.realm)?)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("realm", "real".into())])]
    }
}
