//! What the internet node runs besides its name server: a web site of one page, and a name server that answers garbage.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use crate::error::LabError;
use crate::node::WEB_ADDRESS;

/// The one page.
const PAGE: &str = "fabric lab: the internet\n";

/// How long a client may take for its request, and how many header lines it may send.
const PATIENCE: Duration = Duration::from_secs(5);
const HEADER_LIMIT: usize = 100;

/// Bytes that are no DNS message: shorter than a header.
const GARBAGE: &[u8] = b"\xff\xffnot dns";

/// How large the page of the fault `web-huge` is, in bytes.
const HUGE: usize = 10 << 20;

/// Serves the page on port 80 until killed.
pub(crate) fn serve() -> Result<(), LabError> {
    serve_page(PAGE.to_owned())
}

/// Serves far more than anybody wants.
pub(crate) fn serve_huge() -> Result<(), LabError> {
    serve_page("x".repeat(HUGE))
}

fn serve_page(page: String) -> Result<(), LabError> {
    let page: Arc<str> = page.into();
    let address = format!("{WEB_ADDRESS}:80");
    let listener = TcpListener::bind(&address).map_err(LabError::file(address.as_ref()))?;
    for stream in listener.incoming().flatten() {
        let page = Arc::clone(&page);
        std::thread::spawn(move || {
            // A client that goes away in the middle is its own affair.
            let _gone = answer(&stream, &page);
        });
    }
    Ok(())
}

fn answer(mut stream: &TcpStream, page: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines.take(HEADER_LIMIT) {
        if line?.is_empty() {
            break;
        }
    }
    let (status, body) = match request.split(' ').next() {
        Some("GET") => ("200 OK", page),
        Some("HEAD") => ("200 OK", ""),
        _ => ("405 Method Not Allowed", ""),
    };
    let length = if status == "200 OK" { page.len() } else { 0 };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nServer: fabric-lab\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Answers every datagram and every connection on port 53 of `addresses` with garbage until killed.
pub(crate) fn serve_garbage(addresses: &[String]) -> Result<(), LabError> {
    let mut threads = Vec::new();
    for address in addresses {
        let at = format!("{address}:53");
        let socket = UdpSocket::bind(&at).map_err(LabError::file(at.as_ref()))?;
        threads.push(std::thread::spawn(move || {
            let mut question = [0_u8; 512];
            while let Ok((_, asker)) = socket.recv_from(&mut question) {
                let _gone = socket.send_to(GARBAGE, asker);
            }
        }));
        let listener = TcpListener::bind(&at).map_err(LabError::file(at.as_ref()))?;
        threads.push(std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _gone = garbage_over_tcp(stream);
            }
        }));
    }
    // The threads end only with the process.
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Ok(())
}

/// The length that it promises is right: what is wrong is the message.
fn garbage_over_tcp(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let _question = stream.read(&mut [0_u8; 512])?;
    let length = u16::try_from(GARBAGE.len()).unwrap_or(u16::MAX);
    stream.write_all(&[&length.to_be_bytes(), GARBAGE].concat())
}
