//! Tokens that their makers have given a form of their own.

use std::ops::Range;

use super::any_exact;
use crate::class::Class;
use crate::text::{before, byte, is_base64, is_word, part, run};

/// Prefixes of GitHub's tokens.
pub(super) const GITHUB: &[&str] = &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];
/// Prefixes of GitLab's tokens.
pub(super) const GITLAB: &[&str] =
    &["glpat-", "gldt-", "glrt-", "glptt-", "glft-", "glsoat-", "glcbt-", "glimt-", "glagent-", "gloas-"];

/// A longer token is cut there; none of the listed ones is.
const TOKEN_LIMIT: usize = 16 << 10;
/// How far behind an access key of AWS its secret is looked for.
const BESIDE: usize = 160;

/// A run of such characters behind a prefix that is written like this and stands by itself.
fn prefixed(
    text: &[u8],
    anchor: &Range<usize>,
    prefixes: &[&str],
    shortest: usize,
    of: fn(u8) -> bool,
) -> Option<Range<usize>> {
    if !any_exact(text, anchor.start, prefixes) || is_word(before(text, anchor.start)) {
        return None;
    }
    let end = run(text, anchor.end, TOKEN_LIMIT, of);
    let body = part(text, anchor.end..end);
    let random = body.iter().any(u8::is_ascii_digit) && body.iter().any(u8::is_ascii_alphabetic);
    (body.len() >= shortest && random).then_some(anchor.start..end)
}

pub(super) fn github(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    prefixed(text, &anchor, GITHUB, 22, is_word).map(|range| (range, Class::GithubToken))
}

pub(super) fn gitlab(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    prefixed(text, &anchor, GITLAB, 20, |byte| is_word(byte) || byte == b'.')
        .map(|range| (range, Class::GitlabToken))
}

/// `hvs.…` and the like; of the older `s.…` and `b.…` those of their exact form.
pub(super) fn vault(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let range = match anchor.len() {
        4 => prefixed(text, &anchor, &["hvs.", "hvb.", "hvr."], 20, is_word)?,
        _ => {
            let range = prefixed(text, &anchor, &["s.", "b."], 24, |byte| is_word(byte) || byte == b'.')?;
            let body = part(text, anchor.end..range.end);
            let mixed = body.iter().any(u8::is_ascii_uppercase) && body.iter().any(u8::is_ascii_lowercase);
            let legacy = byte(text, anchor.start) == b's'
                && body.len() == 24
                && body.iter().all(u8::is_ascii_alphanumeric);
            let batch = byte(text, anchor.start) == b'b' && body.len() >= 90;
            if !mixed || !(legacy || batch) || before(text, anchor.start) == b'.' {
                return None;
            }
            range
        }
    };
    Some((range, Class::VaultToken))
}

/// An access key of AWS; with a secret key beside it, both and what lies between them.
pub(super) fn aws(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let end = run(text, anchor.start, 21, capital);
    let exact = any_exact(text, anchor.start, &["AKIA", "ASIA"]) && end - anchor.start == 20;
    if !exact || is_base64(before(text, anchor.start)) || is_base64(byte(text, end)) {
        return None;
    }
    let secret = secret_beside(text, end).unwrap_or(end);
    Some((anchor.start..secret, Class::AwsKey))
}

/// Where a secret key ends that stands close behind.
fn secret_beside(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at < from + BESIDE && at < text.len() {
        let begin = run(text, at, BESIDE, |byte| !is_base64(byte));
        let end = run(text, begin, BESIDE, is_base64);
        let word = part(text, begin..end);
        let has = |of: fn(&u8) -> bool| word.iter().any(of);
        if word.len() == 40
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_uppercase)
        {
            return Some(end);
        }
        at = end.max(at + 1);
    }
    None
}

/// Three parts in Base64 with dots between them, of which the first two are JSON; what is encrypted has five.
pub(super) fn jwt(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let in_word = is_base64(before(text, anchor.start));
    if in_word || !any_exact(text, anchor.start, &["eyJ"]) {
        return None;
    }
    let of = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut end = run(text, anchor.start, TOKEN_LIMIT, of);
    let head = end - anchor.start;
    let mut parts = 1;
    while byte(text, end) == b'.' && parts < 5 {
        end = run(text, end + 1, TOKEN_LIMIT, of);
        parts += 1;
    }
    let long = end - anchor.start >= 48;
    (head >= 12 && long && parts >= 3).then_some((anchor.start..end, Class::Jwt))
}
