//! The played internet's web server, and daemons of which nothing is modelled but the open port.

use std::convert::Infallible;
use std::io;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, DuplexStream};

/// Answers every request with one short page.
pub(crate) async fn serve(stream: DuplexStream) -> io::Result<()> {
    let page = |_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"example\n"))))
    };
    let server = hyper::server::conn::http1::Builder::new();
    server.serve_connection(TokioIo::new(stream), service_fn(page)).await.map_err(io::Error::other)
}

/// Reads until the client closes, and says nothing.
pub(crate) async fn idle(mut stream: DuplexStream) -> io::Result<()> {
    let mut sink = [0; 1024];
    while stream.read(&mut sink).await? > 0 {}
    Ok(())
}
