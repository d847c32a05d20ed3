//! One connection to a played S3 server.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::{Answer, Asked};
use super::document::http_date;
use super::ill::S3Ill;
use super::model::Model;

/// Answers the requests of one connection; `model` gives the server as it is when each comes.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    model: impl Fn() -> Option<Model> + Clone + Send + 'static,
) -> io::Result<()> {
    let service = service_fn(|request: Request<Incoming>| {
        let model = model();
        async move {
            let model = model.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted))?;
            Ok::<_, io::Error>(respond(&model, &request))
        }
    });
    let server = hyper::server::conn::http1::Builder::new();
    server.serve_connection(TokioIo::new(stream), service).await.map_err(io::Error::other)
}

fn respond(model: &Model, request: &Request<Incoming>) -> Response<Sent> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<String, String> =
        request.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let asked = Asked {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers,
    };
    let answer = match asked.method.as_str() {
        "GET" | "HEAD" => model.answer(&asked),
        _ => Answer { status: 405, headers: Vec::new(), body: Vec::new() },
    };
    let length = answer.body.len();
    let end = match () {
        () if model.has(S3Ill::Truncates) && length > 0 => End::Breaks,
        () if model.has(S3Ill::Stalls) && length > 0 => End::Stalls,
        () => End::Whole,
    };
    let mut bytes = Bytes::from(answer.body);
    if end != End::Whole {
        bytes.truncate(length / 2);
    }
    let mut response = Response::new(Sent { bytes: Some(bytes), end });
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(date) = HeaderValue::try_from(http_date(model.now)) {
        headers.insert(hyper::header::DATE, date);
    }
    response
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Breaks,
    Stalls,
}

/// A body, or the first half of one.
struct Sent {
    bytes: Option<Bytes>,
    end: End,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match (self.bytes.take().filter(|bytes| !bytes.is_empty()), self.end) {
            (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            (None, End::Whole) => Poll::Ready(None),
            (None, End::Breaks) => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            (None, End::Stalls) => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.bytes, self.end) {
            (Some(bytes), End::Whole) => SizeHint::with_exact(bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
