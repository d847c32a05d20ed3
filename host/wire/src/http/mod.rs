//! An HTTP/1.1 client that sends one reading request to one address and gives the answer as it came: no redirect is followed, no
//! compression is offered, nothing is kept open.

mod exchange;
mod path;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use hyper::header::{HeaderName, HeaderValue};
pub use path::{NotAPath, RequestPath};
pub(crate) use path::{encoded, encoded_but};

use crate::deadline::Deadline;
use crate::error::WireError;
use crate::seam::{BoxStream, Route, Seams};
use crate::tls::{self, Authority};

/// The most header fields of an answer that are taken.
pub const HEADER_LIMIT: usize = 100;

/// The most bytes that the status line and all header fields may have.
pub const HEAD_LIMIT: usize = 64 << 10;

/// The methods that read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// The whole answer.
    #[default]
    Get,
    /// The answer without its body.
    Head,
}

/// What a request does, and what it brings along.
pub(crate) trait Verb: Copy {
    /// The method.
    fn method(self) -> hyper::Method;
    /// The body, empty for none.
    fn body(&self) -> &[u8];
}

impl Verb for Method {
    fn method(self) -> hyper::Method {
        match self {
            Self::Get => hyper::Method::GET,
            Self::Head => hyper::Method::HEAD,
        }
    }

    fn body(&self) -> &[u8] {
        &[]
    }
}

/// The method that writes, with its body. It has no name outside this crate: only the typed clients that are made from ways to write, and
/// the one that asks a timestamp authority, send it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Post<'a>(pub(crate) &'a [u8]);

impl Verb for Post<'_> {
    fn method(self) -> hyper::Method {
        hyper::Method::POST
    }

    fn body(&self) -> &[u8] {
        self.0
    }
}

/// With whom TLS is spoken.
#[derive(Clone, Copy, Debug)]
pub struct Tls<'a> {
    /// The name or address that the certificate must bear.
    pub server_name: &'a str,
    /// The authority that must have issued it.
    pub authority: &'a Authority,
}

/// One request; what it brings along belongs to the method.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a, M = Method> {
    /// The method.
    pub method: M,
    /// The value of the `Host` field: the name, with the port where it is not the scheme's own.
    pub host: &'a str,
    /// Path and query.
    pub path: &'a RequestPath,
    /// Further header fields.
    pub headers: &'a [(HeaderName, HeaderValue)],
    /// TLS, or none for plain HTTP.
    pub tls: Option<Tls<'a>>,
    /// The largest body that is taken, in bytes.
    pub body_limit: usize,
}

/// One answer, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase as sent, empty where there is none; bytes that are no UTF-8 are replaced.
    pub reason: String,
    /// The header fields by lower-case name; the values of a field that stands more than once are joined with `, ` (RFC 9110,
    /// 5.3).
    pub headers: BTreeMap<String, String>,
    /// The body, empty for [`Method::Head`].
    pub body: Vec<u8>,
}

/// Sends one request and takes the whole answer, whatever its status.
///
/// # Errors
/// Those of the seams; [`WireError::Tls`]; [`WireError::Closed`] when the answer breaks off; [`WireError::TooLarge`] when the
/// body is over the request's limit; [`WireError::Garbage`] for anything that is not HTTP/1.
pub async fn request(
    seams: &Seams,
    route: &Route,
    to: SocketAddr,
    request: &Request<'_>,
    deadline: Deadline,
) -> Result<Response, WireError> {
    let stream = open(seams, route, to, request.tls, deadline).await?;
    exchange::exchange(stream, request, deadline).await
}

/// Opens the connection that a request goes over.
pub(crate) async fn open(
    seams: &Seams,
    route: &Route,
    to: SocketAddr,
    tls: Option<Tls<'_>>,
    deadline: Deadline,
) -> Result<BoxStream, WireError> {
    let stream = deadline.bound(seams.open(route, to, deadline)).await?;
    let Some(tls) = tls else { return Ok(stream) };
    let clock = seams.clock.clone();
    let stream = tls::client(stream, tls.server_name, tls.authority, clock, deadline).await?;
    Ok(Box::new(stream))
}

pub(crate) use exchange::exchange;
