//! One request and its answer on an open stream.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::ext::ReasonPhrase;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;

use super::{HEAD_LIMIT, HEADER_LIMIT, Request, Response, Verb};
use crate::deadline::Deadline;
use crate::error::WireError;
use crate::seam::BoxStream;

/// Sends the request over `stream`, takes the answer, and closes.
pub(crate) async fn exchange<M: Verb>(
    stream: BoxStream,
    request: &Request<'_, M>,
    deadline: Deadline,
) -> Result<Response, WireError> {
    let outgoing = encode(request)?;
    deadline.bound(converse(stream, outgoing, request.body_limit)).await
}

fn encode<M: Verb>(request: &Request<'_, M>) -> Result<hyper::Request<Full<Bytes>>, WireError> {
    let unsendable = |what: &str| WireError::Unreachable(format!("{what} cannot be sent in a request"));
    let host = HeaderValue::from_str(request.host)
        .map_err(|_| unsendable(&format!("the host `{}`", request.host)))?;
    let (method, body) = (request.method.method(), Bytes::copy_from_slice(request.method.body()));
    let empty = method == hyper::Method::POST && body.is_empty();
    let mut outgoing = hyper::Request::builder()
        .method(method)
        .uri(request.path.as_str())
        .body(Full::new(body))
        .map_err(|_| unsendable(&format!("the path `{}`", request.path)))?;
    let headers = outgoing.headers_mut();
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static("fabric"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if empty {
        // RFC 9110, 8.6: where a body could be expected, that there is none is said.
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    headers.extend(request.headers.iter().cloned());
    Ok(outgoing)
}

async fn converse(
    stream: BoxStream,
    outgoing: hyper::Request<Full<Bytes>>,
    body_limit: usize,
) -> Result<Response, WireError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .max_headers(HEADER_LIMIT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|e| failed(&e))?;
    let answer = async move {
        let incoming = sender.send_request(outgoing).await.map_err(|e| failed(&e))?;
        take(incoming, body_limit).await
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        taken = &mut answer => taken,
        // Whatever ended the connection is handed on to the answer that waits for it.
        _ = &mut connection => answer.await,
    }
}

async fn take(incoming: hyper::Response<Incoming>, limit: usize) -> Result<Response, WireError> {
    let (head, body) = incoming.into_parts();
    // A body that announces its size is refused before it is taken; the others on the way.
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(WireError::TooLarge { limit });
    }
    let body = Limited::new(body, limit).collect().await.map_err(|e| {
        if e.is::<LengthLimitError>() {
            WireError::TooLarge { limit }
        } else {
            e.downcast_ref::<hyper::Error>().map_or_else(|| WireError::Garbage(e.to_string()), failed)
        }
    })?;
    let reason = head.extensions.get::<ReasonPhrase>().map(ReasonPhrase::as_bytes);
    let reason = reason.map(String::from_utf8_lossy).map(String::from);
    Ok(Response {
        status: head.status.as_u16(),
        reason: reason.or_else(|| head.status.canonical_reason().map(String::from)).unwrap_or_default(),
        headers: headers(&head.headers),
        body: body.to_bytes().to_vec(),
    })
}

fn headers(fields: &HeaderMap) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in fields {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|joined| {
                joined.push_str(", ");
                joined.push_str(&value);
            })
            .or_insert_with(|| value.to_string());
    }
    headers
}

fn failed(error: &hyper::Error) -> WireError {
    if error.is_parse() || error.is_parse_too_large() {
        return WireError::Garbage(format!("not HTTP/1: {error}"));
    }
    // A server that speaks before it is asked cancels the request; the cause says that, not the cancellation.
    if let Some(cause) = error.source().and_then(|source| source.downcast_ref::<hyper::Error>()) {
        return failed(cause);
    }
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match io {
        Some(io) => match io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => WireError::Tls(tls.to_string()),
            None => WireError::from_io(io),
        },
        None if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
            WireError::Closed
        }
        None => WireError::Garbage(error.to_string()),
    }
}
