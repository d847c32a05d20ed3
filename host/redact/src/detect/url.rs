//! Passwords of addresses.

use std::ops::Range;

use crate::class::Class;
use crate::literal::is_innocent;
use crate::text::{byte, is_word, part, run, run_back};

/// A longer user or password is none.
const LIMIT: usize = 512;

fn is_of_userinfo(byte: u8) -> bool {
    byte > b' ' && !matches!(byte, b'/' | b'?' | b'#' | b'@' | b'"' | b'\'' | b'`' | b'\\' | 0x7f)
}

/// `scheme://user:password@host`: the password.
pub(super) fn password(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let user = run(text, anchor.end, LIMIT, |byte| is_of_userinfo(byte) && byte != b':');
    if byte(text, user) != b':' {
        return None;
    }
    let begin = user + 1;
    let end = run(text, begin, LIMIT, is_of_userinfo);
    // The last `@` in front of the host: a password may hold one as well.
    let rest = run(text, end, LIMIT, |byte| byte == b'@' || is_of_userinfo(byte));
    let last = part(text, end..rest).iter().rposition(|byte| *byte == b'@')?;
    let end = end + last;
    (!is_innocent(part(text, begin..end))).then_some((begin..end, Class::UrlPassword))
}

/// `user:password@tcp(host:3306)/db`, as programs in Go have it: the password.
pub(super) fn go_dsn(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let of = |byte: u8| byte > b' ' && !matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b'=');
    let begin = run_back(text, anchor.start, LIMIT, of);
    let colon = begin + part(text, begin..anchor.start).iter().position(|byte| *byte == b':')?;
    let user = part(text, begin..colon);
    let range = colon + 1..anchor.start;
    let sound = !user.is_empty() && user.iter().all(|byte| is_word(*byte) || *byte == b'.');
    (sound && !is_innocent(part(text, range.clone()))).then_some((range, Class::Dsn))
}
