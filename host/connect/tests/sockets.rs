//! The clients over real sockets on the loopback interface, against servers that misbehave.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fabric_wire::dns::{self, Answer, RrType, Transport};
use fabric_wire::endpoint::SshHost;
use fabric_wire::http::{self, Method, Request, RequestPath, Response};
use fabric_wire::seam::{Pending, Route, Ssh};
use fabric_wire::ssh::{AuthProbe, CommandOutput, ReadCommand};
use fabric_wire::tcp::{self, State};
use fabric_wire::{BoxStream, Deadline, Seams, WireError, tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// Long enough for anything on the loopback interface.
fn ample() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// For peers that never finish.
fn brief() -> Deadline {
    Deadline::after(Duration::from_millis(300))
}

/// No test here goes through a host.
struct NoSsh;

impl Ssh for NoSsh {
    fn read<'a>(&'a self, _: &'a SshHost, _: &'a ReadCommand, _: Deadline) -> Pending<'a, CommandOutput> {
        Box::pin(async { Err(WireError::Refused) })
    }

    fn forward<'a>(&'a self, _: &'a SshHost, _: SocketAddr, _: Deadline) -> Pending<'a, BoxStream> {
        Box::pin(async { Err(WireError::Refused) })
    }

    fn probe_authentication<'a>(&'a self, _: &'a SshHost, _: &'a str, _: Deadline) -> Pending<'a, AuthProbe> {
        Box::pin(async { Err(WireError::Refused) })
    }
}

fn seams() -> Seams {
    fabric_connect::seams(Arc::new(NoSsh))
}

/// A server that does the same with each connection.
async fn listen<F, S>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(LOOPBACK).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// A server that answers each datagram with several.
async fn answer_datagrams(answers: fn(&[u8]) -> Vec<Vec<u8>>) -> SocketAddr {
    let socket = UdpSocket::bind(LOOPBACK).await.expect("a port");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut request = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut request).await {
            for answer in answers(request.get(..length).unwrap_or_default()) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    address
}

/// An address on which nothing listens.
async fn unused() -> SocketAddr {
    TcpListener::bind(LOOPBACK).await.and_then(|listener| listener.local_addr()).expect("a port")
}

async fn ask(server: SocketAddr, transport: Transport, deadline: Deadline) -> Result<Answer, WireError> {
    let name = "www.example".parse().expect("a name");
    dns::query(&seams(), &Route::Direct, server, &name, RrType::A, transport, deadline).await
}

async fn get(server: SocketAddr, deadline: Deadline) -> Result<Response, WireError> {
    let path: RequestPath = "/".parse().expect("a path");
    let request =
        Request { method: Method::Get, host: "h", path: &path, headers: &[], tls: None, body_limit: 1 << 20 };
    http::request(&seams(), &Route::Direct, server, &request, deadline).await
}

/// The question with its header turned into that of an empty NOERROR answer.
fn honest(request: &[u8]) -> Vec<u8> {
    let mut answer = request.to_vec();
    if let Some(flags) = answer.get_mut(2) {
        *flags |= 0x80;
    }
    answer
}

#[tokio::test]
async fn a_port_is_open_or_refused() {
    let open = listen(|stream| async move { drop(stream) }).await;
    let state = async |to| tcp::connect(&seams(), &Route::Direct, to, ample()).await.map(|found| found.state);
    assert_eq!(state(open).await, Ok(State::Open));
    assert_eq!(state(unused().await).await, Ok(State::Refused));
}

#[tokio::test]
async fn a_dns_server_is_asked_over_udp() {
    let server = answer_datagrams(|request| vec![honest(request)]).await;
    let answer = ask(server, Transport::Udp, ample()).await.expect("an answer");
    assert_eq!((answer.rcode.as_str(), answer.rrset.len()), ("NOERROR", 0));
}

#[tokio::test]
async fn a_closed_udp_port_is_refused() {
    assert_eq!(ask(unused().await, Transport::Udp, ample()).await, Err(WireError::Refused));
}

#[tokio::test]
async fn garbage_over_udp_is_reported_as_garbage() {
    let server = answer_datagrams(|_| vec![b"this is no DNS".to_vec()]).await;
    assert!(matches!(ask(server, Transport::Udp, brief()).await, Err(WireError::Garbage(_))));
}

#[tokio::test]
async fn a_wrong_id_is_never_an_answer() {
    let server = answer_datagrams(|request| {
        let mut answer = honest(request);
        if let Some(id) = answer.first_mut() {
            *id ^= 1;
        }
        vec![answer]
    })
    .await;
    let error = ask(server, Transport::Udp, brief()).await.expect_err("a forged answer");
    assert!(matches!(&error, WireError::Garbage(text) if text.contains("another id")), "{error}");
}

#[tokio::test]
async fn questions_differ_in_id_and_port() {
    let socket = UdpSocket::bind(LOOPBACK).await.expect("a port");
    let server = socket.local_addr().expect("an address");
    let questions = tokio::spawn(async move {
        let mut seen = Vec::new();
        let mut request = [0; 512];
        while seen.len() < 3 {
            let (length, from) = socket.recv_from(&mut request).await.expect("a question");
            let request = request.get(..length).unwrap_or_default();
            seen.push((request.get(..2).unwrap_or_default().to_vec(), from.port()));
            socket.send_to(&honest(request), from).await.expect("sent");
        }
        seen
    });
    for _ in 0..3 {
        ask(server, Transport::Udp, ample()).await.expect("an answer");
    }
    let seen = questions.await.expect("three questions");
    // One pair may collide by chance; three equal ids or ports in a row mean that they are not random.
    assert!(seen.windows(2).any(|pair| pair.first().map(|q| &q.0) != pair.last().map(|q| &q.0)), "{seen:?}");
    assert!(seen.windows(2).any(|pair| pair.first().map(|q| q.1) != pair.last().map(|q| q.1)), "{seen:?}");
}

#[tokio::test]
async fn a_dns_stream_that_is_closed_early_is_closed() {
    let server = listen(|mut stream| async move {
        let _ = stream.read(&mut [0; 512]).await;
        let _ = stream.write_all(&[0, 64, 1, 2]).await;
    })
    .await;
    assert_eq!(ask(server, Transport::Tcp, ample()).await, Err(WireError::Closed));
}

#[tokio::test]
async fn a_tls_handshake_that_is_cut_off_is_a_tls_error() {
    let server = listen(|mut stream| async move {
        let _ = stream.read(&mut [0; 2048]).await;
        // A record that announces 64 bytes and holds 3.
        let _ = stream.write_all(&[22, 3, 3, 0, 64, 2, 0, 0]).await;
    })
    .await;
    let authority = include_bytes!("fixtures/authority.pem");
    let error = tls::handshake(&seams(), &Route::Direct, server, "h", authority, ample()).await;
    assert!(matches!(error, Err(WireError::Tls(_))), "{error:?}");
}

#[tokio::test]
async fn a_body_of_10_mb_is_refused_where_1_mb_is_allowed() {
    for head in ["content-length: 10485760\r\n", ""] {
        let server = listen(move |mut stream| async move {
            let _ = stream.read(&mut [0; 2048]).await;
            let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes()).await;
            for _ in 0..160 {
                if stream.write_all(&[b'x'; 1 << 16]).await.is_err() {
                    return;
                }
            }
        })
        .await;
        assert_eq!(get(server, ample()).await, Err(WireError::TooLarge { limit: 1 << 20 }));
    }
}

#[tokio::test]
async fn a_server_that_dribbles_runs_into_the_deadline() {
    let server = listen(|mut stream| async move {
        let _ = stream.read(&mut [0; 2048]).await;
        while stream.write_all(b"H").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    })
    .await;
    assert_eq!(get(server, brief()).await, Err(WireError::Timeout));
}

#[tokio::test]
async fn an_answer_that_is_closed_early_is_closed() {
    let server = listen(|mut stream| async move {
        let _ = stream.read(&mut [0; 2048]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").await;
    })
    .await;
    assert_eq!(get(server, ample()).await, Err(WireError::Closed));
}
