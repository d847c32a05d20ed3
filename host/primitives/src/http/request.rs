//! What `http.get` and `http.head` have in common.

use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Fault, Resource, Slug};
use fabric_wire::Deadline;
use fabric_wire::http::{self, Method, RequestPath, Tls};
use fabric_wire::tls::Authority;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{BodyLimit, TimeoutMs};
use crate::means::Means;
use crate::need::Need;
use crate::observing::Observation;
use crate::target::Targets;
use crate::transport::over;

/// Arguments of `http.get` and `http.head`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The target: a `vip:`, `host:`, `node:`, `name:` or `addr:` resource.
    #[schemars(with = "String")]
    pub target: Resource,
    /// The port.
    pub port: u16,
    /// The path with its query, beginning with `/`.
    #[serde(default)]
    pub path: RequestPath,
    /// The name for the `Host` field and, with TLS, for the certificate; the target's name unless given.
    #[serde(default)]
    pub server_name: Option<String>,
    /// The authority that must have signed the certificate, by its name in the site file. Without it the request is plain HTTP.
    #[serde(default)]
    pub authority: Option<Slug>,
    /// A host from which to ask.
    #[serde(default)]
    pub via: Option<Slug>,
    /// The largest body; a larger one is a fault.
    #[serde(default)]
    pub body_limit: BodyLimit,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// An HTTP answer. Redirects are answers; they are not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase, as sent.
    pub reason: String,
    /// Header fields with lower-case names, in the order of their names.
    pub headers: Vec<Header>,
    /// The body as text; bytes that are not UTF-8 are replaced.
    pub body: String,
}

/// One header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Header {
    /// The name in lower case.
    pub name: String,
    /// The value.
    pub value: String,
}

pub(super) fn needs(args: &Args) -> Vec<Need> {
    let mut needs = vec![Need::endpoint(args.target.clone())];
    needs.extend(args.via.as_ref().map(Need::via));
    needs
}

pub(super) fn timeout(args: &Args) -> Duration {
    args.timeout_ms.duration()
}

pub(super) async fn send(
    method: Method,
    args: Args,
    targets: Targets,
    means: Means,
    deadline: Deadline,
) -> Result<Observation<Response>, Fault> {
    let route = targets.route();
    let endpoint = targets.endpoint()?;
    let server_name = args.server_name.unwrap_or_else(|| endpoint.name.clone());
    let authority = match &args.authority {
        Some(name) => Some(Authority::from_pem(&means.authorities.pem(name)?)?),
        None => None,
    };
    let request = http::Request {
        method,
        host: &server_name,
        path: &args.path,
        headers: &[],
        tls: authority.as_ref().map(|authority| Tls { server_name: &server_name, authority }),
        body_limit: args.body_limit.bytes(),
    };
    let to = targets.socket(args.port)?;
    let response = http::request(&means.seams, &route, to, &request, deadline).await?;
    let headers = response.headers.into_iter().map(|(name, value)| Header { name, value }).collect();
    let output = Response {
        status: response.status,
        reason: response.reason,
        headers,
        body: String::from_utf8_lossy(&response.body).into_owned(),
    };
    let protocol = if args.authority.is_some() { "https" } else { "http" };
    Ok(Observation { output, basis: Basis::Probed, transport: over(protocol, &route) })
}
