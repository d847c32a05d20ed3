//! Sends one HTTP HEAD request.
//!
//! # Observes
//! Status, reason, headers. No redirect is followed, no certificate goes unverified, no body over the limit is read.
//!
//! # Denied when
//! The target, an address it resolves to, or the host in `via` is not granted.

use fabric_wire::http::Method;

use super::request::Verb;

pub(crate) struct Head;

impl Verb for Head {
    const NAME: &'static str = "http.head";
    const SUMMARY: &'static str = "Sends one HTTP HEAD request.";
    const METHOD: Method = Method::Head;
}
