//! Credentials behind the scheme of an `Authorization` header.

use std::ops::Range;

use super::key::is_pair_in_base64;
use crate::class::Class;
use crate::text::{before, is_base64, is_word, part, run};

/// A longer credential is cut there.
const LIMIT: usize = 16 << 10;

/// `Basic` with a pair in Base64, `Bearer` with a token: the credential.
pub(super) fn scheme(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    if is_word(before(text, anchor.start)) {
        return None;
    }
    let begin = run(text, anchor.end, 8, |byte| byte == b' ');
    let end = run(text, begin, LIMIT, |byte| is_base64(byte) || matches!(byte, b'.' | b'~' | b'='));
    let word = part(text, begin..end);
    let secret = match anchor.len() {
        6 => word.len() >= 4 && is_pair_in_base64(word),
        _ => word.len() >= 16 && word.iter().any(u8::is_ascii_digit),
    };
    secret.then_some((begin..end, Class::Authorization))
}
