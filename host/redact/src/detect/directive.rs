//! Directives of configuration files and command lines that have a secret behind a blank.

use std::ops::Range;

use crate::class::Class;
use crate::literal::{is_innocent, is_marker};
use crate::text::{before, byte, is_blank, is_word, part, run};

/// keepalived, Redis and its kin, HAProxy, and the long options of many programs.
pub(super) const ANCHORS: &[&str] = &[
    "auth_pass",
    "requirepass",
    "masterauth",
    "stats auth",
    "--password",
    "--passphrase",
    "--token",
    "--secret",
    "--api-key",
    "--secret-key",
    "--auth-token",
];

/// A longer word is none.
const LIMIT: usize = 1024;

/// The word behind the directive; of `stats auth user:password` what is behind the colon.
pub(super) fn look(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let blank = run(text, anchor.end, 64, is_blank);
    if blank == anchor.end || is_word(before(text, anchor.start)) {
        return None;
    }
    let (begin, end) = word(text, blank);
    let begin = match byte(text, anchor.end - 5) {
        b' ' => begin + 1 + part(text, begin..end).iter().position(|byte| *byte == b':')?,
        _ => begin,
    };
    let value = part(text, begin..end);
    let redacted = is_marker(part(text, begin..end + 32));
    (!redacted && !is_innocent(value) && !value.starts_with(b"-")).then_some((begin..end, Class::Password))
}

/// `mc alias set NAME URL ACCESS SECRET`, of MinIO and RustFS: both keys.
pub(super) fn mc_alias(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let mut at = anchor.end;
    for _ in 0..2 {
        let (_, end) = word(text, at);
        at = run(text, end, 64, is_blank);
        if at == end {
            return None;
        }
    }
    let (access, end) = word(text, at);
    let (begin, secret) = word(text, run(text, end, 64, is_blank));
    let innocent = is_innocent(part(text, access..end)) || is_innocent(part(text, begin..secret));
    (begin > end && secret > begin && !innocent).then_some((access..secret, Class::ApiKey))
}

/// The word that begins here, without quotes around it.
fn word(text: &[u8], at: usize) -> (usize, usize) {
    let quote = byte(text, at);
    if matches!(quote, b'"' | b'\'') {
        return (at + 1, run(text, at + 1, LIMIT, |byte| byte != quote && byte != b'\n'));
    }
    (
        at,
        run(text, at, LIMIT, |byte| {
            byte > b' ' && !matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b';' | b',')
        }),
    )
}
