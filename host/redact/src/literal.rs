//! Values that stand where a secret could and are none: markers, placeholders, references, states.

use crate::text::{part, stands};

/// What replaced a secret begins like this, in all the ways that a report writes it.
const MARKERS: [&str; 7] = [
    "<redacted:",
    "[redacted:",
    "&lt;redacted:",
    "\\<redacted:",
    "\\[redacted:",
    "\\u003credacted:",
    "[redacted]",
];

/// What others write in place of a secret.
const PLACEHOLDERS: [&str; 10] = ["${", "$(", "{{", "{%", "<", "&lt;", "***", "•••", "...", "…"];

/// Schemes of references to secrets.
const SCHEMES: [&str; 8] = ["vault://", "vault:", "env:", "file:", "file://", "ref:", "secret://", "op://"];

/// Words that say of a secret what became of it. None of them is one.
const STATES: [&[u8]; 48] = [
    b"absent",
    b"accepted",
    b"changed",
    b"changeme",
    b"configured",
    b"default",
    b"denied",
    b"disabled",
    b"empty",
    b"enabled",
    b"expected",
    b"expired",
    b"false",
    b"found",
    b"generated",
    b"hidden",
    b"incorrect",
    b"invalid",
    b"loaded",
    b"masked",
    b"mismatch",
    b"missing",
    b"nil",
    b"no",
    b"none",
    b"null",
    b"ok",
    b"omitted",
    b"optional",
    b"present",
    b"prompt",
    b"redacted",
    b"refused",
    b"rejected",
    b"removed",
    b"required",
    b"revoked",
    b"rotated",
    b"set",
    b"stored",
    b"string",
    b"true",
    b"undefined",
    b"unknown",
    b"unset",
    b"valid",
    b"wrong",
    b"yes",
];

/// The longest reference to a secret.
const REFERENCE_LIMIT: usize = 128;

/// Whether this is no secret wherever it stands.
pub(crate) fn is_innocent(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    value.is_empty() || is_marker(value) || is_placeholder(value) || is_reference(value) || is_state(value)
}

/// Whether something was redacted here already.
pub(crate) fn is_marker(value: &[u8]) -> bool {
    MARKERS.iter().any(|marker| stands(value, 0, marker))
}

fn is_placeholder(value: &[u8]) -> bool {
    let variable = |name: &[u8]| {
        !name.is_empty()
            && name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
    };
    let same = |of: &[u8]| value.iter().all(|byte| of.contains(byte));
    PLACEHOLDERS.iter().any(|begin| stands(value, 0, begin))
        || value.strip_prefix(b"$").is_some_and(variable)
        || same(b"*")
        || same(b"xX")
        || same(b"-")
        || same(b"?")
}

/// A handle such as `proxmox/token`, a path, or where something else keeps a secret.
fn is_reference(value: &[u8]) -> bool {
    if SCHEMES.iter().any(|scheme| stands(value, 0, scheme)) {
        return true;
    }
    let path = value.strip_prefix(b"/").unwrap_or(value);
    let is_name = |name: &[u8]| {
        name.first().is_some_and(u8::is_ascii_lowercase)
            && name.iter().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
            })
    };
    value.len() <= REFERENCE_LIMIT && path.contains(&b'/') && path.split(|byte| *byte == b'/').all(is_name)
}

/// Whether this says what became of a secret.
pub(crate) fn is_state(value: &[u8]) -> bool {
    let word = value.trim_ascii();
    let word = word.strip_suffix(b"!").or_else(|| word.strip_suffix(b".")).unwrap_or(word);
    STATES.iter().any(|state| word.eq_ignore_ascii_case(state))
}

/// Whether a word is more likely to be a secret than to be a word: it mixes letters with digits, cases or symbols.
pub(crate) fn is_random(word: &[u8]) -> bool {
    let word = match word.iter().rposition(|byte| !matches!(byte, b'.' | b',' | b'!' | b'?' | b':' | b')')) {
        Some(last) => part(word, 0..last + 1),
        None => return false,
    };
    let any = |of: fn(&u8) -> bool| word.iter().any(of);
    let letters = any(u8::is_ascii_alphabetic);
    let digits = any(u8::is_ascii_digit);
    let mixed = any(u8::is_ascii_lowercase) && part(word, 1..word.len()).iter().any(u8::is_ascii_uppercase);
    let symbols = any(|byte| b"!#$%^&*+=~@".contains(byte));
    word.len() >= 6 && letters && (digits || mixed || symbols)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_references_and_placeholders_are_innocent_and_passwords_are_not() {
        for innocent in [
            "",
            " ",
            "<redacted:password>",
            "[redacted:proxmox/token]x",
            "${PASSWORD}",
            "$PASSWORD",
            "{{ password }}",
            "****",
            "proxmox/token",
            "tenants/canary/db",
            "/run/secrets/token",
            "vault://kv/db",
            "expired",
            "Invalid.",
            "None",
        ] {
            assert!(is_innocent(innocent.as_bytes()), "{innocent}");
        }
        for secret in ["hunter2", "p", "Tr0ub4dor&3", "a/B/c", "$ecret", "correct horse battery staple"] {
            assert!(!is_innocent(secret.as_bytes()), "{secret}");
        }
        for random in ["hunter2", "wJalrXUtnFEMI", "0x3f29ab", "abc$def"] {
            assert!(is_random(random.as_bytes()), "{random}");
        }
        for word in ["expired", "Expired.", "read-only", "2026", "abc1", "PASSWORD"] {
            assert!(!is_random(word.as_bytes()), "{word}");
        }
    }
}
