//! The HTTP client against servers that answer well and badly.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fabric_wire::http::{self, Method, Request, RequestPath, Response};
use fabric_wire::seam::Route;
use fabric_wire::{Deadline, WireError};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use crate::peers::{World, peer, seams, soon};

const LIMIT: usize = 1 << 20;

async fn head(stream: &mut DuplexStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.expect("a request"));
    }
    String::from_utf8(read).expect("text")
}

fn answering(answer: &[u8]) -> Arc<World> {
    let answer = answer.to_vec();
    World::of_streams(move |_, mut stream| {
        let answer = answer.clone();
        async move {
            head(&mut stream).await;
            // The client may have had enough before the end.
            let _ = stream.write_all(&answer).await;
        }
    })
}

async fn ask(world: &Arc<World>, method: Method) -> Result<Response, WireError> {
    let path: RequestPath = "/health?full=1".parse().expect("a path");
    let request = Request {
        method,
        host: "edge.example:8080",
        path: &path,
        headers: &[],
        tls: None,
        body_limit: LIMIT,
    };
    http::request(&seams(world), &Route::Direct, peer(), &request, soon()).await
}

async fn get(answer: &[u8]) -> Result<Response, WireError> {
    ask(&answering(answer), Method::Get).await
}

#[tokio::test]
async fn an_answer_is_given_as_it_came() {
    let answer = get(
        b"HTTP/1.1 403 Permission check failed (/vms/7, VM.Audit)\r\nX-B: 2\r\nx-a: 1\r\nX-B: 3\r\ncontent-length: 2\r\n\r\nno",
    )
    .await
    .expect("an answer");
    assert_eq!((answer.status, answer.body.as_slice()), (403, b"no".as_slice()));
    assert_eq!(answer.reason, "Permission check failed (/vms/7, VM.Audit)");
    let headers: Vec<(&str, &str)> = answer.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(headers, [("content-length", "2"), ("x-a", "1"), ("x-b", "2, 3")]);
    let until_close = get(b"HTTP/1.0 200 OK\r\n\r\nabc").await.expect("an answer");
    assert_eq!((until_close.reason.as_str(), until_close.body.as_slice()), ("OK", b"abc".as_slice()));
}

#[tokio::test]
async fn the_request_says_what_was_asked() {
    let seen = Arc::new(Mutex::new(String::new()));
    let kept = seen.clone();
    let world = World::of_streams(move |_, mut stream| {
        let kept = kept.clone();
        async move {
            let head = head(&mut stream).await;
            *kept.lock().expect("no test panicked") = head;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n").await;
        }
    });
    let answer = ask(&world, Method::Head).await.expect("an answer");
    assert!(answer.body.is_empty());
    let seen = seen.lock().expect("no test panicked").to_ascii_lowercase();
    assert!(seen.starts_with("head /health?full=1 http/1.1\r\n"), "{seen}");
    assert!(seen.contains("\r\nhost: edge.example:8080\r\n") && !seen.contains("accept-encoding"), "{seen}");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let answer =
        get(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(answer.expect("an answer").status, 302);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_however_it_is_sent() {
    let too_large = Err(WireError::TooLarge { limit: LIMIT });
    let body = vec![b'x'; LIMIT + 1];
    let announced =
        [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
    assert_eq!(get(&announced).await, too_large);
    // Announced is enough: nothing of it is sent.
    assert_eq!(get(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n").await, too_large);
    assert_eq!(get(&[b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &body].concat()).await, too_large);
    let chunk = format!("{:x}\r\n", body.len());
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".as_slice();
    assert_eq!(get(&[head, chunk.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat()).await, too_large);
    let exact =
        [format!("HTTP/1.1 200 OK\r\ncontent-length: {LIMIT}\r\n\r\n").as_bytes(), &vec![b'x'; LIMIT]]
            .concat();
    assert_eq!(get(&exact).await.map(|answer| answer.body.len()), Ok(LIMIT));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_closed() {
    for cut in [
        b"".as_slice(),
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
    ] {
        assert_eq!(get(cut).await, Err(WireError::Closed), "{}", String::from_utf8_lossy(cut));
    }
}

#[tokio::test]
async fn what_is_not_http_is_garbage() {
    let flood = ["HTTP/1.1 200 OK\r\n".into(), "x: y\r\n".repeat(101), "\r\n".into()].concat();
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(http::HEAD_LIMIT));
    for bad in
        ["SSH-2.0-OpenSSH_9.6\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 99999 x\r\n\r\n", &flood, &long]
    {
        let answer = get(bad.as_bytes()).await;
        assert!(matches!(answer, Err(WireError::Garbage(_))), "{bad:.40}: {answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_first_speaks_something_else() {
    let world = World::of_streams(|_, mut stream| async move {
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.read(&mut [0; 1024]).await;
    });
    for _ in 0..20 {
        let answer = ask(&world, Method::Get).await;
        assert!(matches!(answer, Err(WireError::Garbage(_))), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dribbles_times_out() {
    let world = World::of_streams(|_, mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
        for _ in 0..1000 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _ = stream.write_all(b"x").await;
        }
    });
    assert_eq!(ask(&world, Method::Get).await, Err(WireError::Timeout));
}

proptest! {
    #[test]
    fn no_answer_panics(tail in proptest::collection::vec(any::<u8>(), 0..200), honest_start in any::<bool>()) {
        let start = if honest_start { b"HTTP/1.1 200 ".as_slice() } else { b"" };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let path: RequestPath = "/".parse().expect("a path");
            let request =
                Request { method: Method::Get, host: "h", path: &path, headers: &[], tls: None, body_limit: 64 };
            let world = answering(&[start, &tail].concat());
            let deadline = Deadline::after(Duration::from_secs(1));
            let _ = http::request(&seams(&world), &Route::Direct, peer(), &request, deadline).await;
        });
    }
}
