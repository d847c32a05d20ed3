//! Answers of an HTTP server.

use fabric_wire::http::{self, HEAD_LIMIT, Method, Request};
use fabric_wire::seam::Route;

use super::choice;
use crate::outside::{Outside, PEER, deadline, wait};

/// The largest body that is asked for, in bytes: small, so that the limit is met.
const BODY_LIMIT: usize = 512;

/// A method by the first byte, and all that the server sends. No limit is passed over.
pub fn run(bytes: &[u8]) {
    let (method, answer) = choice(bytes);
    let method = if method % 2 == 0 { Method::Get } else { Method::Head };
    let Ok(path) = "/x?y=z".parse() else { return };
    let seams = Outside::answering(answer);
    let request =
        Request { method, host: "www.example", path: &path, headers: &[], tls: None, body_limit: BODY_LIMIT };
    let Ok(response) = wait(http::request(&seams, &Route::Direct, PEER, &request, deadline())) else {
        return;
    };
    assert!((100..1000).contains(&response.status));
    assert!(response.body.len() <= if method == Method::Head { 0 } else { BODY_LIMIT });
    let head: usize = response.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(head <= HEAD_LIMIT);
    assert!(
        response
            .headers
            .keys()
            .all(|name| name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()))
    );
}
