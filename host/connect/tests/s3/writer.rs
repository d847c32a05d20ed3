//! Puts into a real S3 server what the tests read. It writes its requests by hand, so that it shares no more with the client that is
//! tested than the signature, which published examples hold.

use std::time::Duration;

use fabric_connect::{SystemClock, TcpDial};
use fabric_wire::Deadline;
use fabric_wire::endpoint::S3Server;
use fabric_wire::s3::sign::{self, Signed};
use fabric_wire::seam::{Clock as _, Dial as _};
use fabric_wire::tls::{self, Authority};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Sends one signed request, and gives the status and the text of the answer. `path` is percent-encoded already.
pub(crate) async fn send(
    server: &S3Server,
    method: &str,
    (path, query): (&str, &str),
    fields: &[(&str, &str)],
    body: &[u8],
) -> (u16, String) {
    let deadline = Deadline::after(Duration::from_secs(20));
    let stamp = sign::stamp(SystemClock.now()).expect("a date");
    let host = format!("{}:{}", server.server_name, server.address.port());
    let digest = sign::digest(body);
    let mut headers: Vec<(String, String)> =
        [("host", host.as_str()), ("x-amz-content-sha256", &digest), ("x-amz-date", &stamp)]
            .iter()
            .chain(fields)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
    headers.sort();
    let signed = Signed { method, path, query, headers: &headers, body: &digest };
    let keys = server.keys.as_ref().expect("keys");
    let authorization =
        sign::authorization(&signed, keys, server.region.as_str(), &stamp).expect("it can be signed");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\n{lines}authorization: {authorization}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    let authority = Authority::from_pem(&server.authority).expect("an authority");
    let stream = TcpDial.dial(server.address, deadline).await.expect("it listens");
    let clock = std::sync::Arc::new(SystemClock);
    let mut stream =
        tls::client(stream, &server.server_name, &authority, clock, deadline).await.expect("it speaks TLS");
    stream.write_all(head.as_bytes()).await.expect("it takes the head");
    stream.write_all(body).await.expect("it takes the body");
    let mut answer = Vec::new();
    // Some servers close without the end of TLS; what came until then is whole or does not parse.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no HTTP answer: {answer:?}")), answer)
}
