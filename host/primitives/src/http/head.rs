//! Sends one HTTP HEAD request.
//!
//! # Observes
//! Status, reason, headers. No redirect is followed, no certificate goes unverified, no body over the limit is read.
//!
//! # Denied when
//! The target, an address it resolves to, or the host in `via` is not granted.

use std::time::Duration;

use fabric_model::{Fault, Value};
use fabric_wire::Deadline;
use fabric_wire::http::Method;

use super::request::{self, Args, Response};
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::target::Targets;

pub(crate) struct Head;

impl Observing for Head {
    const NAME: &'static str = "http.head";
    const SUMMARY: &'static str = "Sends one HTTP HEAD request.";

    type Args = Args;
    type Output = Response;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(request::needs(args))
    }

    fn timeout(args: &Args) -> Duration {
        request::timeout(args)
    }

    async fn observe(
        args: Args,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> Result<Observation<Response>, Fault> {
        request::send(Method::Head, args, targets, means, deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([
            ("target", "name:example.com".into()),
            ("port", 80.into()),
            ("via", "dns-auth-1".into()),
        ])]
    }
}
