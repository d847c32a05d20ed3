//! Asking a timestamp authority over HTTP (RFC 3161, 3.4). What it answers is not judged here.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderValue};

use crate::deadline::Deadline;
use crate::error::WireError;
use crate::http::{Post, Request, RequestPath, Tls, exchange};
use crate::seam::{BoxStream, Clock, Dial};
use crate::tls;

/// Where an authority answers.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its address.
    pub address: SocketAddr,
    /// The value of the `Host` field.
    pub host: &'a str,
    /// The path.
    pub path: &'a RequestPath,
    /// TLS, or none for plain HTTP: a token needs no cover, its signature is checked.
    pub tls: Option<Tls<'a>>,
}

/// Sends a query and gives the answer's bytes, `limit` at most.
///
/// # Errors
/// Those of the connection; [`WireError::Garbage`] where the answer is not one of such an authority, with its status.
pub async fn ask(
    dial: &dyn Dial,
    clock: Arc<dyn Clock>,
    place: Place<'_>,
    query: &[u8],
    limit: usize,
    deadline: Deadline,
) -> Result<Vec<u8>, WireError> {
    let stream = dial.dial(place.address, deadline).await?;
    let stream: BoxStream = match place.tls {
        Some(Tls { server_name, authority }) => {
            Box::new(tls::client(stream, server_name, authority, clock, deadline).await?)
        }
        None => stream,
    };
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/timestamp-query"))];
    let request = Request {
        method: Post(query),
        host: place.host,
        path: place.path,
        headers: &headers,
        tls: None,
        body_limit: limit,
    };
    let answer = exchange(stream, &request, deadline).await?;
    let kind = answer.headers.get(CONTENT_TYPE.as_str()).map(String::as_str).unwrap_or_default();
    if answer.status != 200 || !kind.starts_with("application/timestamp-reply") {
        let message = format!("status {} with content of type `{}`", answer.status, kind.escape_debug());
        return Err(WireError::Garbage(message));
    }
    Ok(answer.body)
}
