//! The documents of answers.

use std::time::SystemTime;

use jiff::Timestamp;

/// When everything on the server was written.
pub(super) const WRITTEN: &str = "2026-06-01T00:00:00.000Z";

/// The same, as HTTP writes it (RFC 9110, 5.6.7).
pub(super) const WRITTEN_HTTP: &str = "Mon, 01 Jun 2026 00:00:00 GMT";

/// The id of every version.
pub(super) const VERSION: &str = "5f0c2d3e-0000-4000-8000-000000000001";

/// A document with this root.
pub(super) fn document(root: &str, inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</{root}>"
    )
}

/// One element; its text is escaped.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A key as a listing with `encoding-type=url` has it.
pub(super) fn encoded(key: &str) -> String {
    let byte = |b: u8| match b {
        b if b.is_ascii_alphanumeric() || b"-._~/".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    key.bytes().map(byte).collect()
}

/// A moment as HTTP writes it.
pub(super) fn http_date(at: SystemTime) -> String {
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let at = Timestamp::try_from(at).ok();
    at.and_then(|at| printer.timestamp_to_rfc9110_string(&at).ok()).unwrap_or_default()
}
