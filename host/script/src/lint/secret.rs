//! Texts that look like secrets.

use std::collections::BTreeMap;

use fabric_model::Value;

use super::Subject;
use super::rule::{Finding, SECRET_LITERAL};
use super::tree::{Expression, File, Spot, Statement, Visit, walk};

const HINT: &str = "Keep it where `[secrets]` of the site file says, and revoke it if it was ever committed.";

/// Words in a name that say that the value is a secret.
const NAMES: [&str; 9] =
    ["apikey", "api_key", "credential", "passphrase", "passwd", "password", "private_key", "secret", "token"];
/// Words in a name that say that a long random value is meant to be seen.
const PUBLIC: [&str; 8] =
    ["checksum", "digest", "fingerprint", "hash", "nonce", "serial", "sha256", "sha512"];
/// How tokens of well-known services begin.
const PREFIXES: [&str; 8] =
    ["AGE-SECRET-KEY-1", "AKIA", "ghp_", "github_pat_", "glpat-", "hvs.", "xoxb-", "xoxp-"];
/// The shortest text of random characters that is taken for a secret: 128 bits in hexadecimal.
const RANDOM: usize = 32;
/// Bits of information per character from which a text is taken for random: hexadecimal digits have at most 4.
const RANDOM_HEX_BITS: f64 = 3.0;
/// The same for base64, which has at most 6; a sentence without blanks stays under it.
const RANDOM_BASE64_BITS: f64 = 4.3;

/// Secrets among the texts of a file.
pub(super) fn literals(file: &File) -> Vec<Finding> {
    let mut found = Texts::default();
    walk(&file.body, &mut found);
    let judged = found.texts.iter().filter_map(|(text, spot)| {
        let what = judge(found.names.get(spot).copied(), text)?;
        // The text itself is not repeated: findings are shown and stored.
        let message = format!("this text looks like {what}");
        Some(Finding::at(&SECRET_LITERAL, &file.path, *spot, message).hint(HINT))
    });
    judged.collect()
}

/// Secrets among the defaults of the script's parameters.
pub(super) fn defaults(subject: &Subject<'_>) -> Vec<Finding> {
    let defaults = subject.header.params.iter().filter_map(|(name, param)| match &param.default {
        Some(Value::Text(text)) => Some((name, judge(Some(name), text)?)),
        _ => None,
    });
    let finding = |(name, what): (&String, &str)| {
        let table = format!("[params.{name}]");
        let line = subject.source.lines().position(|line| line.contains(&table)).map_or(0, |index| index + 1);
        let message = format!("the default of `{name}` looks like {what}");
        Finding::at(&SECRET_LITERAL, subject.path, Spot { line, column: 0 }, message).hint(HINT)
    };
    defaults.map(finding).collect()
}

/// The texts of a file, and what those are called that have a name.
#[derive(Default)]
struct Texts<'t> {
    texts: Vec<(&'t str, Spot)>,
    names: BTreeMap<Spot, &'t str>,
}

impl<'t> Visit<'t> for Texts<'t> {
    fn statement(&mut self, statement: &'t Statement) {
        match statement {
            Statement::Define { name, value: Some(value), .. } => {
                self.names.insert(value.spot(), &name.text);
            }
            Statement::Assign { target, value, .. } => {
                self.names.extend(last_name(target).map(|name| (value.spot(), name)));
            }
            _ => {}
        }
    }

    fn expression(&mut self, expression: &'t Expression) {
        match expression {
            Expression::Table(table) => {
                self.names
                    .extend(table.fields.iter().map(|(name, value)| (value.spot(), name.text.as_str())));
            }
            Expression::Literal(Value::Text(text), spot) => self.texts.push((text, *spot)),
            _ => {}
        }
    }
}

fn last_name(target: &Expression) -> Option<&str> {
    match target {
        Expression::Name(name) => Some(&name.text),
        Expression::Member(_, name) => Some(&name.text),
        _ => None,
    }
}

/// What kind of secret a text looks like.
fn judge(name: Option<&str>, text: &str) -> Option<&'static str> {
    let name = name.unwrap_or_default();
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY") {
        Some("a private key")
    } else if is_proxmox_token(text) {
        Some("a token of the Proxmox VE API")
    } else if PREFIXES.iter().any(|prefix| text.starts_with(prefix) && text.len() >= prefix.len() + 12) {
        Some("a token")
    } else if is_secret(name) && !text.is_empty() {
        Some("a secret, by its name")
    } else if !is_public(name) && is_random(text) {
        Some("a key or a token: it is long and random")
    } else {
        None
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES
        .iter()
        .any(|word| name == *word || name.ends_with(&format!("_{word}")) || name == format!("{word}s"))
}

fn is_public(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PUBLIC.iter().any(|word| name.contains(word))
}

/// `user@realm!id=uuid`, with or without what the header of a request puts before it.
fn is_proxmox_token(text: &str) -> bool {
    let Some((who, uuid)) = text.rsplit_once('=') else { return false };
    let is_uuid = uuid.len() == 36
        && uuid.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        });
    is_uuid && who.split_once('!').is_some_and(|(user, id)| user.contains('@') && !id.is_empty())
}

/// Whether a text is one long word of characters that no language would put together so.
fn is_random(text: &str) -> bool {
    let bytes = text.trim_end_matches('=').as_bytes();
    if bytes.len() < RANDOM {
        return false;
    }
    if bytes.iter().all(u8::is_ascii_hexdigit) {
        return entropy(bytes) >= RANDOM_HEX_BITS;
    }
    let in_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
    let mixed = bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().any(u8::is_ascii_lowercase)
        && bytes.iter().any(u8::is_ascii_uppercase);
    mixed && bytes.iter().all(in_base64) && entropy(bytes) >= RANDOM_BASE64_BITS
}

/// Bits of information per character, by how often each occurs (Shannon).
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = BTreeMap::new();
    for byte in bytes {
        *counts.entry(byte).or_insert(0_u32) += 1;
    }
    let all = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    counts.values().map(|count| f64::from(*count) / all).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_form_or_their_name_and_other_texts_are_not() {
        let uuid = "0b9c2d9e-6a0f-4f7e-9d2a-3c1f5b7a8e60";
        for (name, text) in [
            ("", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl"),
            ("", &format!("PVEAPIToken=fabric@pve!ci={uuid}")),
            ("", &format!("fabric@pve!ci={uuid}")),
            ("password", "hunter2"),
            ("db_password", "x"),
            ("", "9f86d081884c7d659a2feaa0c55ad015"),
            ("", "kJ8vQ2mZx0RtY7uLpW3nEaB5cD9fGhI1sT4oV6"),
            ("", "ghp_abcdefghijklmnop"),
        ] {
            assert!(judge(Some(name), text).is_some(), "{name} {text}");
        }
        for (name, text) in [
            ("password", ""),
            ("", "password"),
            ("token_file", "/etc/fabric/token"),
            ("", uuid),
            ("digest", "9f86d081884c7d659a2feaa0c55ad015"),
            ("", "00000000000000000000000000000000"),
            ("", "thequickbrownfoxjumpsoverthelazydog"),
            ("", "host:dns-edge-1/net.ipv4.conf.all.forwarding"),
            ("", "a sentence that has many words, none of which is random"),
        ] {
            assert_eq!(judge(Some(name), text), None, "{name} {text}");
        }
    }
}
