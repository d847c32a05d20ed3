//! Sends one HTTP GET request.
//!
//! # Observes
//! Status, reason, headers and body. No redirect is followed, no certificate goes unverified, no body over the limit is read.
//!
//! # Denied when
//! The target, an address it resolves to, or the host in `via` is not granted.

use fabric_wire::http::Method;

use super::request::Verb;

pub(crate) struct Get;

impl Verb for Get {
    const NAME: &'static str = "http.get";
    const SUMMARY: &'static str = "Sends one HTTP GET request.";
    const METHOD: Method = Method::Get;
}
