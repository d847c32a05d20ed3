//! What `http.get` and `http.head` have in common.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Fault, Kind, Resource, Slug, Value};
use fabric_wire::Deadline;
use fabric_wire::http::{self, Method, RequestPath, Tls};
use fabric_wire::tls::Authority;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{BodyLimit, TimeoutMs};
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
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
    /// The name for the `Host` field and, with TLS, for the certificate; unless given, the name of a `name:` target, else the
    /// target's address.
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

/// A method that reads, under the name by which scripts know it.
pub(crate) trait Verb: Send + Sync + 'static {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    const METHOD: Method;
}

/// A request as an observing primitive.
pub(crate) struct Request<V>(PhantomData<V>);

impl<V: Verb> Observing for Request<V> {
    const NAME: &'static str = V::NAME;
    const SUMMARY: &'static str = V::SUMMARY;

    type Args = Args;
    type Output = Response;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(Need::probe(&args.target, args.via.as_ref()))
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        args: Args,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> Result<Observation<Response>, Fault> {
        send(V::METHOD, args, targets, means, deadline).await
    }

    fn unserved(response: &Self::Output) -> Option<String> {
        (response.status >= 500).then(|| format!("the server answers {}", response.status))
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([
            ("target", "name:example.com".into()),
            ("port", 80.into()),
            ("via", "dns-auth-1".into()),
        ])]
    }
}

/// The name that a server is asked by: that of a `name:` target. What the site calls a host or a VIP is no name that its server
/// knows, so for every other target it is the address.
fn own_name(target: &Resource, address: IpAddr) -> String {
    match target {
        Resource::Named { kind: Kind::Name, name, .. } => name.to_string(),
        _ => address.to_string(),
    }
}

/// A name or an address as the `Host` field has it (RFC 3986, 3.2.2: an IPv6 address in brackets).
fn host_field(server_name: &str) -> Cow<'_, str> {
    match server_name.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]").into(),
        Err(_) => server_name.into(),
    }
}

async fn send(
    method: Method,
    args: Args,
    targets: Targets,
    means: Means,
    deadline: Deadline,
) -> Result<Observation<Response>, Fault> {
    let route = targets.route();
    let endpoint = targets.endpoint()?;
    let server_name = args.server_name.unwrap_or_else(|| own_name(&args.target, endpoint.address));
    let authority = match &args.authority {
        Some(name) => Some(Authority::from_pem(&means.authorities.pem(name)?)?),
        None => None,
    };
    let request = http::Request {
        method,
        host: &host_field(&server_name),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_by_its_name_or_address_and_never_by_a_resource() {
        let address = IpAddr::from([192, 0, 2, 53]);
        let asked = |target: &str| own_name(&target.parse().expect("a resource"), address);
        assert_eq!(asked("name:example.com"), "example.com");
        for target in ["vip:dns", "host:dns-edge-1", "node:proxmox1", "addr:192.0.2.53"] {
            assert_eq!(asked(target), "192.0.2.53", "{target}");
        }
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        assert_eq!(host_field("2001:db8::1"), "[2001:db8::1]");
        assert_eq!(host_field("192.0.2.53"), "192.0.2.53");
    }
}
