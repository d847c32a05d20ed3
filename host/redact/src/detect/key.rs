//! Private keys.

use std::ops::Range;

use crate::class::Class;
use crate::text::{before, byte, find, is_base64, is_word, part, run, stands};

/// A longer label is none.
const LABEL_LIMIT: usize = 64;
/// How much of a key is looked at for its end.
const KEY_LIMIT: usize = 64 << 10;
/// How much of a text in Base64 is decoded to see what begins there.
const PEEK: usize = 88;

/// `-----BEGIN … PRIVATE KEY-----` to its end: PKCS#1, PKCS#8, EC, OpenSSH, OpenPGP. Without an end, all that could belong to it.
pub(super) fn pem(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let end_of_label = find(text, anchor.end, LABEL_LIMIT, b"----")?;
    let label = part(text, anchor.end..end_of_label);
    let sound = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-');
    let private = label.windows(11).any(|words| words == b"PRIVATE KEY");
    if !private || !label.iter().all(sound) {
        return None;
    }
    let mut end = end_of_label;
    // Line by line, and never past what a key consists of.
    let body = run(text, end, KEY_LIMIT, is_of_key);
    let closing =
        find(text, end, body - end, b"END ").and_then(|last| find(text, last, LABEL_LIMIT + 8, b"----"));
    end = closing.map_or(body, |dashes| run(text, dashes, 5, |byte| byte == b'-'));
    Some((anchor.start..end, Class::PrivateKey))
}

/// What a key in its armour consists of: Base64, its headers, line ends, and those as JSON writes them.
fn is_of_key(byte: u8) -> bool {
    is_base64(byte)
        || matches!(
            byte,
            b'=' | b'-' | b' ' | b':' | b',' | b'.' | b'\r' | b'\n' | b'\t' | b'\\' | b'(' | b')'
        )
}

/// The same as a whole in Base64, as in a kubeconfig.
pub(super) fn pem_in_base64(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    if is_base64(before(text, anchor.start)) {
        return None;
    }
    let begin = decoded(part(text, anchor.start..anchor.start + PEEK));
    let private = begin.windows(11).any(|words| words == b"PRIVATE KEY");
    let end = run(text, anchor.start, KEY_LIMIT * 2, |byte| is_base64(byte) || byte == b'=');
    private.then_some((anchor.start..end, Class::PrivateKey))
}

/// What stands in the beginning of a text in Base64.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut bytes = Vec::new();
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap_or_default());
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

/// `user:password` in Base64, as HTTP's Basic authentication has it.
pub(super) fn is_pair_in_base64(text: &[u8]) -> bool {
    let decoded = decoded(part(text, 0..text.len().min(4 * PEEK)));
    decoded.contains(&b':') && decoded.iter().all(|byte| !byte.is_ascii_control())
}

/// An identity of age: `AGE-SECRET-KEY-1…`, and those of its newer kinds.
pub(super) fn age(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let end = run(text, anchor.end, KEY_LIMIT, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (end - anchor.end >= 40 && !is_word(before(text, anchor.start)))
        .then_some((anchor.start..end, Class::PrivateKey))
}

/// The private lines of a key of PuTTY.
pub(super) fn putty(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let mut begin = run(text, anchor.end, 8, |byte| byte.is_ascii_digit() || byte == b' ');
    if begin == anchor.end || !byte(text, begin - 1).is_ascii_digit() {
        return None;
    }
    while stands(text, begin, "\\r") || stands(text, begin, "\\n") {
        begin += 2;
    }
    let end =
        run(text, begin, KEY_LIMIT, |byte| is_base64(byte) || matches!(byte, b'=' | b'\r' | b'\n' | b'\\'));
    Some((begin..end, Class::PrivateKey)).filter(|_| end - begin >= 32)
}
