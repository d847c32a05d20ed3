//! What is assigned to a name that says that it is a secret: in JSON, YAML, TOML, `.env`, shells, headers, queries and XML.

use std::ops::Range;

use crate::class::Class;
use crate::key_name::{NAME_LIMIT, class_of_name};
use crate::literal::{is_innocent, is_random};
use crate::text::{before, byte, is_blank, is_word, part, run, run_back, stands};

/// What such names end in.
pub(super) const ANCHORS: &[&str] = &[
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "access-key",
    "accesskey",
    "account_key",
    "accountkey",
    "account-key",
    "auth_key",
    "authkey",
    "auth-key",
    "auth_pass",
    "authpass",
    "authorization",
    "connection_string",
    "connectionstring",
    "connection-string",
    "credential",
    "dsn",
    "encryption_key",
    "encryptionkey",
    "encryption-key",
    "key-data",
    "key_data",
    "master_key",
    "masterkey",
    "master-key",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "private-key",
    "privatekey",
    "psk",
    "pwd",
    "secret_key",
    "secretkey",
    "secret-key",
    "secret",
    "secret_value",
    "secret-value",
    "shared_key",
    "shared-key",
    "sharedkey",
    "signing_key",
    "signing-key",
    "signingkey",
    "token",
    "token_value",
    "token-value",
];

/// A longer quoted value is cut there.
const VALUE_LIMIT: usize = 64 << 10;
/// The deepest quoting that is understood: JSON in JSON in JSON.
const DEPTHS: [usize; 4] = [0, 1, 3, 7];
/// Schemes of authorization; what stands behind them is the credential.
const SCHEMES: [&str; 6] = ["basic ", "bearer ", "token ", "digest ", "negotiate ", "AWS4-HMAC-SHA256 "];

/// Around a name.
struct Named {
    class: Class,
    /// Whether the name stands in quotes.
    quoted: bool,
    /// Whether nothing but a list's dash stands in front of it on its line.
    first: bool,
    /// Whether `<` stands in front of it.
    tag: bool,
}

/// The value behind the name in which the anchor stands.
pub(super) fn look(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    if is_word(byte(text, anchor.end)) {
        return None;
    }
    let begin = name_start(text, anchor.start);
    let name = std::str::from_utf8(part(text, begin..anchor.end)).ok()?;
    // The folder in which a shell is, and what another detector knows better.
    let class = class_of_name(name)
        .filter(|_| !matches!(name, "PWD" | "PVEAPIToken" | "PBSAPIToken" | "PMGAPIToken"))?;
    let named = surroundings(text, begin, class);
    let closed = quote(text, anchor.end).filter(|_| named.quoted).map_or(anchor.end, |(behind, ..)| behind);
    // A quote on one side alone is where a text begins: its first line.
    let named = match closed == anchor.end {
        true => Named { first: named.first || named.quoted, quoted: false, ..named },
        false => named,
    };
    let (at, separator, spaced) = separator(text, closed, &named)?;
    let at = behind_scheme(text, at, class);
    if separator == b'>' {
        let end = run(text, at, VALUE_LIMIT, |byte| byte != b'<' && byte != b'\n');
        return secret(text, at..end, class);
    }
    match quote(text, at) {
        Some((begin, mark, depth)) => {
            let begin = behind_scheme(text, begin, class);
            let range = begin..quote_end(text, begin, mark, depth);
            // `unexpected token: "foo"` is what parsers say.
            let said = separator == b':' && !named.quoted && !named.first && class == Class::Token;
            secret(text, range, class).filter(|(range, _)| !said || range.len() >= 8)
        }
        None => unquoted(text, at, separator, spaced, &named),
    }
}

fn secret(text: &[u8], range: Range<usize>, class: Class) -> Option<(Range<usize>, Class)> {
    (!is_innocent(part(text, range.clone()))).then_some((range, class))
}

/// Where the name begins whose end this is. A letter behind a backslash belongs to an escape.
fn name_start(text: &[u8], anchor: usize) -> usize {
    let start = run_back(text, anchor, NAME_LIMIT, |byte| is_word(byte) || byte == b'.');
    match before(text, start) {
        b'\\' if start < anchor && matches!(byte(text, start), b'n' | b'r' | b't') => start + 1,
        _ => start,
    }
}

fn surroundings(text: &[u8], begin: usize, class: Class) -> Named {
    let last = before(text, begin);
    let line = run_back(text, begin, 256, |byte| is_blank(byte) || byte == b'-');
    let escaped = begin >= 2 && before(text, begin - 1) == b'\\' && matches!(last, b'n' | b'r' | b't');
    let first =
        line == 0 || matches!(before(text, line), b'\n' | b'\r') || escaped || after_escape(text, line);
    Named { class, quoted: matches!(last, b'"' | b'\'' | b'`'), first, tag: last == b'<' }
}

/// Whether an escaped line end stands in front of this place.
fn after_escape(text: &[u8], at: usize) -> bool {
    at >= 2 && matches!(before(text, at), b'n' | b'r') && before(text, at - 1) == b'\\'
}

/// A quote with the backslashes in front of it: where it ends, which it is, and how many backslashes.
fn quote(text: &[u8], at: usize) -> Option<(usize, u8, usize)> {
    let mark = run(text, at, 8, |byte| byte == b'\\');
    let depth = mark - at;
    let found = byte(text, mark);
    (matches!(found, b'"' | b'\'' | b'`') && DEPTHS.contains(&depth)).then_some((mark + 1, found, depth))
}

/// Where the text ends that a quote of this depth began; without such an end, where its line does.
fn quote_end(text: &[u8], begin: usize, mark: u8, depth: usize) -> usize {
    let limit = text.len().min(begin.saturating_add(VALUE_LIMIT));
    let mut slashes = 0;
    for at in begin..limit {
        match byte(text, at) {
            b'\\' => slashes += 1,
            found if found == mark && slashes % (2 * (depth + 1)) == depth => return at - depth,
            _ => slashes = 0,
        }
    }
    run(text, begin, VALUE_LIMIT, |byte| byte != b'\n')
}

/// What separates name and value, where the value begins, and whether blanks stand around it.
fn separator(text: &[u8], at: usize, named: &Named) -> Option<(usize, u8, bool)> {
    if named.tag && byte(text, at) == b'>' {
        return Some((at + 1, b'>', false));
    }
    let sign = run(text, at, 16, is_blank);
    let (behind, found) = match byte(text, sign) {
        b'=' if byte(text, sign + 1) == b'>' => (sign + 2, b'='),
        b'=' if byte(text, sign + 1) == b'=' => return None,
        b':' if byte(text, sign + 1) == b'=' => (sign + 2, b'='),
        b':' if byte(text, sign + 1) == b':' => return None,
        found @ (b'=' | b':') => (sign + 1, found),
        _ => return None,
    };
    let value = run(text, behind, 64, is_blank);
    Some((value, found, sign > at || value > behind))
}

/// Behind the scheme of an authorization, where one stands here.
fn behind_scheme(text: &[u8], at: usize, class: Class) -> usize {
    let scheme = SCHEMES.iter().find(|scheme| class == Class::Authorization && stands(text, at, scheme));
    scheme.map_or(at, |scheme| at + scheme.len())
}

/// A value without quotes. Prose has colons and equals signs too, so here it takes more than a name.
fn unquoted(
    text: &[u8],
    at: usize,
    separator: u8,
    spaced: bool,
    named: &Named,
) -> Option<(Range<usize>, Class)> {
    let end = run(text, at, VALUE_LIMIT, |byte| byte > b' ');
    let end = at + inner_end(part(text, at..end));
    let value = part(text, at..end);
    let class = named.class;
    let structure = matches!(byte(text, at), b'{' | b'[' | b'(');
    // A token of Proxmox is found as such, and its name stays.
    let of_proxmox = part(text, at..end.min(at + 12)).ends_with(b"APIToken=");
    if is_innocent(value) || structure || of_proxmox {
        return None;
    }
    let number = value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if number {
        let line = at == end || run(text, end, 8, is_blank) > end;
        return (class == Class::Password && value.len() >= 4 && !line).then_some((at..end, class));
    }
    // Programs call functions and read variables there.
    let code = spaced && value.iter().any(|byte| matches!(byte, b'(' | b'[' | b'{'));
    let ends_line = ends_line(text, end);
    let secret = match separator {
        _ if named.quoted => is_random(value) && !code,
        _ if code => false,
        b'=' if !spaced => true,
        _ if is_random(value) => true,
        _ if named.first && ends_line => true,
        _ => false,
    };
    if secret {
        return Some((at..end, class));
    }
    if !named.first || class != Class::Password || separator != b':' {
        return None;
    }
    // A passphrase of several words, as YAML has it without quotes.
    let words = run(text, at, 1024, |byte| byte != b'\n' && byte != b'\r' && byte != b'\\');
    let phrase = part(text, at..words);
    let symbols = phrase.iter().any(|byte| byte.is_ascii_digit() || b"!#$%^&*+=~@".contains(byte));
    (symbols && !spaced_code(phrase)).then_some((at..words, class))
}

fn spaced_code(phrase: &[u8]) -> bool {
    phrase.iter().any(|byte| matches!(byte, b'(' | b'[' | b'{' | b'<' | b'"' | b'|'))
}

/// Where a word without quotes ends: at what separates it from the next of its kind. A quote within it belongs to it.
fn inner_end(word: &[u8]) -> usize {
    for (at, byte) in word.iter().enumerate() {
        let next = word.get(at + 1).copied().unwrap_or(b' ');
        let ends = match byte {
            b',' | b';' | b'&' | b'<' | b'>' | b'|' | b'`' => true,
            b'"' | b'\'' | b')' | b']' | b'}' => {
                matches!(next, b',' | b'}' | b']' | b')' | b':' | b';' | b' ' | b'"' | b'\'')
            }
            b'\\' => matches!(next, b'n' | b'r' | b't' | b'"' | b'\\'),
            _ => false,
        };
        if ends {
            return at;
        }
    }
    word.len()
}

/// Whether nothing follows on the line but blanks or a comment.
fn ends_line(text: &[u8], at: usize) -> bool {
    let next = run(text, at, 64, is_blank);
    matches!(byte(text, next), 0 | b'\n' | b'\r' | b'\\' | b'"') || (next > at && byte(text, next) == b'#')
}
