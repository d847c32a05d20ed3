//! The first field of a `known_hosts` line: which hosts it is about.

use ring::hmac;
use russh::keys::ssh_key::known_hosts::HostPatterns;

/// The names of a line.
#[derive(Debug)]
pub(super) enum HostNames {
    /// Patterns with `*` and `?`, in lower case. A negated one that matches takes the whole line out.
    Patterns { wanted: Vec<String>, negated: Vec<String> },
    /// One name, as its HMAC-SHA1 under a salt.
    Hashed { salt: hmac::Key, hash: [u8; 20] },
}

impl HostNames {
    pub(super) fn parse(field: &str) -> Result<Self, &'static str> {
        match field.parse::<HostPatterns>().map_err(|_| "the hashed host name is damaged")? {
            HostPatterns::HashedName { salt, hash } => {
                let salt = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
                Ok(Self::Hashed { salt, hash })
            }
            HostPatterns::Patterns(patterns) => {
                let (mut wanted, mut negated) = (Vec::new(), Vec::new());
                for pattern in patterns {
                    let pattern = pattern.to_ascii_lowercase();
                    match pattern.strip_prefix('!') {
                        Some("") => return Err("a host name is empty"),
                        Some(pattern) => negated.push(pattern.to_owned()),
                        None if pattern.is_empty() => return Err("a host name is empty"),
                        None => wanted.push(pattern),
                    }
                }
                Ok(Self::Patterns { wanted, negated })
            }
        }
    }

    /// Whether the line is about a host under one of `names`, which are in lower case. A negated pattern counts against all names
    /// that the host has, `all`: `*,!edge` leaves out `edge` also when it is looked up as `[edge]:22`.
    pub(super) fn contain(&self, names: &[String], all: &[String]) -> bool {
        let any = |patterns: &[String], names: &[String]| {
            patterns.iter().any(|p| names.iter().any(|name| matches(p.as_bytes(), name.as_bytes())))
        };
        match self {
            Self::Patterns { wanted, negated } => any(wanted, names) && !any(negated, all),
            Self::Hashed { salt, hash } => {
                names.iter().any(|name| hmac::verify(salt, name.as_bytes(), hash).is_ok())
            }
        }
    }
}

/// Whether `name` fits a pattern of `*` (any bytes, also none) and `?` (one byte). Goes back to the last `*` only, so the time is
/// bounded by the product of the lengths.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || Some(byte) == name.get(n) => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_whole_names_only() {
        let cases = [
            ("edge", "edge", true),
            ("edge", "edge1", false),
            ("*", "", true),
            ("dns-*", "dns-edge-1", true),
            ("*-1", "dns-edge-1", true),
            ("*-1", "dns-edge-11", false),
            ("*edge*1*", "dns-edge-1", true),
            ("dns-edge-?", "dns-edge-1", true),
            ("dns-edge-?", "dns-edge-", false),
            ("[*]:2222", "[edge]:2222", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = "*a".repeat(60) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(4000).as_bytes()));
    }
}
