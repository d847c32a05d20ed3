//! The API's HTTP/1.1: its header fields and its reason phrases.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::ext::ReasonPhrase;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::proxmox::ProxmoxModel;
use crate::proxmox::api::{Answer, Call};

/// The largest request body that is read, in bytes; forms are far smaller.
const BODY_LIMIT: usize = 64 << 10;

/// Serves the API as the node `node` over one connection, behind TLS where there is any, until the client closes or an answer
/// closes. A wrong token is refused at once, which the real API does some 3 seconds late.
///
/// # Errors
/// When the connection breaks or the client does not speak HTTP/1.1.
pub async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    node: &str,
    model: Arc<Mutex<ProxmoxModel>>,
) -> io::Result<()> {
    serve_over(stream, node, model).await
}

/// Whoever answers requests, one at a time.
pub(crate) trait Answering: Clone + Send + 'static {
    /// Answers one; an error closes the connection without a word.
    fn answer(&self, call: Call) -> impl Future<Output = io::Result<Answer>> + Send;
}

impl Answering for Arc<Mutex<ProxmoxModel>> {
    async fn answer(&self, call: Call) -> io::Result<Answer> {
        Ok(self.lock().unwrap_or_else(PoisonError::into_inner).answer(&call))
    }
}

/// The same as [`serve`], over anything that answers.
pub(crate) async fn serve_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    node: &str,
    answering: impl Answering,
) -> io::Result<()> {
    let service = service_fn(|request| {
        let answering = answering.clone();
        let node = node.to_owned();
        async move { respond(node, answering, request).await }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.title_case_headers(true).auto_date_header(false);
    server.serve_connection(TokioIo::new(stream), service).await.map_err(io::Error::other)
}

async fn respond(
    node: String,
    answering: impl Answering,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    // The body decides nothing; it is read so that the connection can go on.
    let _body = Limited::new(body, BODY_LIMIT).collect().await;
    let authorization = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let call = Call {
        node,
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: authorization.map(str::to_owned),
    };
    Ok(response(&answering.answer(call).await?))
}

fn response(answer: &Answer) -> Response<Full<Bytes>> {
    let body = answer.body.as_ref().map(|body| Bytes::from(body.to_string()));
    let has_body = body.is_some();
    let mut response = Response::new(Full::new(body.unwrap_or_default()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(reason) = ReasonPhrase::try_from(answer.reason.as_bytes()) {
        response.extensions_mut().insert(reason);
    }
    let headers = response.headers_mut();
    let connection = if answer.status == 200 { "Keep-Alive" } else { "close" };
    for (name, value) in [
        ("cache-control", "max-age=0"),
        ("pragma", "no-cache"),
        ("server", "pve-api-daemon/3.0"),
        ("connection", connection),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if has_body {
        headers.insert("content-type", HeaderValue::from_static("application/json;charset=UTF-8"));
    }
    if let Ok(date) = HeaderValue::from_str(&date_now()) {
        headers.insert("date", date.clone());
        headers.insert("expires", date);
    }
    response
}

/// Now, as HTTP writes it (RFC 9110, 5.6.7).
fn date_now() -> String {
    let printed = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
    printed.unwrap_or_default()
}
