//! Pinned host keys, read from a file in the format of OpenSSH's `known_hosts` (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! Stricter than OpenSSH in three ways: a line that cannot be understood is an error instead of being skipped, a key is never
//! learnt, and a host that is pinned under one type of key is not accepted under another.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use fabric_wire::endpoint::SshHost;
use russh::keys::ssh_key::known_hosts::Marker;
use russh::keys::{PublicKey, PublicKeyOrCertificate};

use super::host_key::{Pin, TrustedKeys};
use super::host_names::HostNames;

/// The largest `known_hosts` that is read, in bytes. A line of an Ed25519 key has some 120, so this is tens of thousands of hosts.
const FILE_LIMIT: u64 = 8 << 20;

/// The pinned host keys of a site.
#[derive(Clone, Debug)]
pub struct KnownHosts {
    file: Arc<str>,
    lines: Arc<[Line]>,
}

#[derive(Debug)]
struct Line {
    number: usize,
    marker: Option<Marker>,
    names: HostNames,
    key: PublicKey,
}

/// Why a `known_hosts` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KnownHostsError {
    /// The file cannot be read; for a missing one that is all there is to say.
    #[error("cannot read the pinned host keys in `{file}`: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is over 8 MiB.
    #[error("`{file}` is over {FILE_LIMIT} bytes, which no list of host keys is")]
    TooLarge {
        /// The file.
        file: String,
    },
    /// A line is not in the format.
    #[error("`{file}`, line {line}: {what}")]
    Malformed {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl KnownHosts {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is over 8 MiB, is not UTF-8, or has a malformed line.
    pub fn read(path: &Path) -> Result<Self, KnownHostsError> {
        let file = path.display().to_string();
        let mut text = String::new();
        let unreadable = |source| KnownHostsError::Unreadable { file: file.clone(), source };
        let opened = std::fs::File::open(path).map_err(unreadable)?;
        opened.take(FILE_LIMIT + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > FILE_LIMIT {
            return Err(KnownHostsError::TooLarge { file });
        }
        Self::parse(&file, &text)
    }

    /// Reads text; `name` is what messages call it.
    ///
    /// # Errors
    /// When a line is malformed.
    pub fn parse(name: &str, text: &str) -> Result<Self, KnownHostsError> {
        let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let relevant = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let lines = relevant.map(|(number, line)| {
            let malformed = |what| KnownHostsError::Malformed { file: name.to_owned(), line: number, what };
            Line::parse(number, line).map_err(malformed)
        });
        Ok(Self { file: name.into(), lines: lines.collect::<Result<_, _>>()? })
    }

    /// Whether a server that offers `key`, in the format of OpenSSH, passes for `host`.
    ///
    /// # Errors
    /// Why it does not, as a connection would be refused.
    pub fn judge(&self, host: &SshHost, key: &str) -> Result<(), String> {
        let key = PublicKey::from_openssh(key).map_err(|error| format!("it offers no key: {error}"))?;
        self.trusted_for(host).check(&PublicKeyOrCertificate::from(key))
    }

    /// The keys that may prove that a server is `host`.
    ///
    /// Lines for its name in the site (with or without its port) decide; only when there are none, lines for its address do, so
    /// that a stale line for an address which now belongs to another host is no second way in. Revocations count under both.
    pub(super) fn trusted_for(&self, host: &SshHost) -> TrustedKeys {
        let (by_name, by_address) = lookups(host);
        let all = [by_name.clone(), by_address.clone()].concat();
        let pins = |marker: Option<Marker>, names: &[String]| -> Vec<Pin> {
            let about = |line: &&Line| line.marker == marker && line.names.contain(names, &all);
            let lines = self.lines.iter().filter(about);
            lines.map(|line| Pin { key: line.key.key_data().clone(), line: line.number }).collect()
        };
        let trusted = |names: &[String]| (pins(None, names), pins(Some(Marker::CertAuthority), names));
        let (mut keys, mut authorities) = trusted(&by_name);
        if keys.is_empty() && authorities.is_empty() {
            (keys, authorities) = trusted(&by_address);
        }
        let revoked = pins(Some(Marker::Revoked), &all);
        let file = self.file.clone();
        TrustedKeys { host: host.name.to_string(), file, names: all, keys, authorities, revoked }
    }
}

/// What a host is looked up as: its name, and its address. Names are compared in lower case, as OpenSSH does; an address without
/// a port means port 22.
fn lookups(host: &SshHost) -> (Vec<String>, Vec<String>) {
    let name = host.name.as_str().to_ascii_lowercase();
    let (address, port) = (host.address.ip().to_canonical(), host.address.port());
    let by_name = vec![format!("[{name}]:{port}"), name];
    let mut by_address = vec![format!("[{address}]:{port}")];
    if port == 22 {
        by_address.push(address.to_string());
    }
    (by_name, by_address)
}

impl Line {
    fn parse(number: usize, line: &str) -> Result<Self, &'static str> {
        let mut words = line.split_ascii_whitespace().peekable();
        let marker = match words.peek().filter(|word| word.starts_with('@')) {
            Some(word) => {
                Some(word.parse::<Marker>().map_err(|_| "the marker is not @revoked or @cert-authority")?)
            }
            None => None,
        };
        if marker.is_some() {
            words.next();
        }
        let names = words.next().ok_or("there are no host names")?;
        let algorithm = words.next().ok_or("there is no key type")?;
        let key = words.next().ok_or("there is no key")?;
        // What follows the key is a comment.
        let names = HostNames::parse(names)?;
        let key = PublicKey::from_openssh(&format!("{algorithm} {key}"))
            .map_err(|_| "the key is not of the type that is named before it, or is damaged")?;
        Ok(Self { number, marker, names, key })
    }
}

#[cfg(test)]
mod tests {
    use super::super::host_key::tests::{ECDSA, ED25519_A, ED25519_B, host_at, offered};
    use super::*;

    fn parse(text: &str) -> KnownHosts {
        KnownHosts::parse("known_hosts", text).expect("the lines are well-formed")
    }

    /// Whether `text` makes a server that offers `key` pass for `edge` at `address`.
    fn accepts(text: &str, address: &str, key: &str) -> Result<(), String> {
        parse(text).trusted_for(&host_at("edge", address)).check(&offered(key))
    }

    #[test]
    fn a_pinned_key_is_accepted_by_name_and_by_address() {
        for names in ["edge", "other,edge", "192.0.2.1", "[192.0.2.1]:22", "[edge]:22", "e?ge", "EDGE"] {
            assert_eq!(
                accepts(&format!("{names}  \t{ED25519_A}  a comment\n"), "192.0.2.1:22", ED25519_A),
                Ok(()),
                "{names}"
            );
        }
    }

    #[test]
    fn other_hosts_keys_are_not_this_hosts() {
        for names in ["edge2", "192.0.2.2", "192.0.2.1", "[192.0.2.1]:22", "[edge]:22", "*,!edge", "!*"] {
            let refused = accepts(&format!("{names} {ED25519_A}\n"), "192.0.2.1:2222", ED25519_A);
            assert!(
                refused.as_ref().is_err_and(|reason| reason.contains("no key is pinned")),
                "{names}: {refused:?}"
            );
        }
    }

    #[test]
    fn a_key_of_another_type_is_a_mismatch_and_not_unknown() {
        let refused = accepts(&format!("edge {ED25519_A}\n"), "192.0.2.1:22", ECDSA);
        assert!(refused.as_ref().is_err_and(|reason| reason.contains("known_hosts:1")), "{refused:?}");
    }

    #[test]
    fn hashed_names_are_found() {
        // What `ssh-keygen -H` made of the name `edge`.
        let line = format!("|1|/SVY+xkodoDTrjhhyleWx7E6GGk=|gXzDORmDVcJuSFodfNV+suaAWPU= {ED25519_A}\n");
        assert_eq!(accepts(&line, "192.0.2.1:22", ED25519_A), Ok(()));
        assert!(accepts(&line.replace("|1|/", "|1|A"), "192.0.2.1:22", ED25519_A).is_err());
    }

    #[test]
    fn a_revoked_key_is_refused_even_when_it_is_pinned() {
        for revoked in ["*", "edge", "192.0.2.1"] {
            let text = format!("edge {ED25519_A}\n@revoked {revoked} {ED25519_A}\n");
            let refused = accepts(&text, "192.0.2.1:22", ED25519_A);
            assert!(refused.as_ref().is_err_and(|reason| reason.contains("revoked")), "{refused:?}");
        }
    }

    #[test]
    fn a_line_for_the_name_outranks_one_for_the_address() {
        let text = format!("edge {ED25519_A}\n192.0.2.1 {ED25519_B}\n");
        assert_eq!(accepts(&text, "192.0.2.1:22", ED25519_A), Ok(()));
        assert!(accepts(&text, "192.0.2.1:22", ED25519_B).is_err());
    }

    #[test]
    fn an_authority_is_not_a_host_key() {
        let refused = accepts(&format!("@cert-authority edge {ED25519_A}\n"), "192.0.2.1:22", ED25519_A);
        assert!(refused.is_err());
    }

    #[test]
    fn malformed_lines_are_named() {
        for (text, line) in [
            ("edge", 1),
            ("# fine\n\nedge ssh-ed25519\n", 3),
            (&*format!("@revoke edge {ED25519_A}"), 1),
            (&*format!("@revoked {ED25519_A}"), 1),
            (&*format!("edge {}", ED25519_A.replace("ssh-ed25519", "ssh-rsa")), 1),
            (&*format!("|1|xx|yy {ED25519_A}"), 1),
            (&*format!(", {ED25519_A}"), 1),
        ] {
            let error = KnownHosts::parse("known_hosts", text).expect_err(text);
            assert!(error.to_string().starts_with(&format!("`known_hosts`, line {line}:")), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_an_error_and_not_an_empty_list() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = KnownHosts::read(&folder.path().join("known_hosts")).expect_err("there is no file");
        assert!(matches!(error, KnownHostsError::Unreadable { .. }), "{error}");
    }
}
