//! Looking into a text without leaving it.

use std::ops::Range;

/// The byte at a place; zero behind the end.
pub(crate) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The byte in front of a place; zero at the beginning.
pub(crate) fn before(text: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(0, |at| byte(text, at))
}

/// A part of the text, as far as there is one.
pub(crate) fn part(text: &[u8], range: Range<usize>) -> &[u8] {
    text.get(range.start..range.end.min(text.len())).unwrap_or_default()
}

/// Whether this stands there, whatever the case of its letters.
pub(crate) fn stands(text: &[u8], at: usize, what: &str) -> bool {
    part(text, at..at.saturating_add(what.len())).eq_ignore_ascii_case(what.as_bytes())
}

/// Where a run of such bytes ends that begins here and is at most this long.
pub(crate) fn run(text: &[u8], from: usize, limit: usize, of: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take(limit).take_while(|byte| of(**byte)).count()
}

/// Where a run of such bytes begins that ends here and is at most this long.
pub(crate) fn run_back(text: &[u8], to: usize, limit: usize, of: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(..to).unwrap_or_default();
    to - rest.iter().rev().take(limit).take_while(|byte| of(**byte)).count()
}

/// Where this stands first behind a place, within so many bytes.
pub(crate) fn find(text: &[u8], from: usize, limit: usize, what: &[u8]) -> Option<usize> {
    let rest = part(text, from..text.len().min(from.saturating_add(limit)));
    rest.windows(what.len().max(1)).position(|window| window == what).map(|found| from + found)
}

/// Letters, digits and what holds words of an identifier together.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The characters of Base64, standard and URL-safe.
pub(crate) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// A blank within a line.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
