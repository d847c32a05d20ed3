//! The closed list of reading commands. Each renders a fixed argv; there is no variant that takes a command.

use fabric_model::{RemotePath, Slug};

use super::change::LOCK_UNIT;

/// Time stamps as `@` and seconds since the epoch; otherwise they come in the host's language and time zone.
const TIMER_SHOW: [&str; 6] = [
    "/usr/bin/systemctl",
    "show",
    "--no-pager",
    "--timestamp=unix",
    "--property=Id,LoadState,ActiveState,SubState,NextElapseUSecMonotonic,ActiveEnterTimestamp,ActiveEnterTimestampMonotonic,ExecStart",
    "--",
];

/// The commands' names in messages, shared with the parsers of their output.
pub(super) mod name {
    pub(in crate::ssh) const UNIT_SHOW: &str = "systemctl show";
    pub(in crate::ssh) const ADDRESSES: &str = "ip address show";
    pub(in crate::ssh) const SYSCTL: &str = "sysctl";
    pub(in crate::ssh) const NFT_RULESET: &str = "nft list ruleset";
    pub(in crate::ssh) const SOCKETS: &str = "socket tables";
    pub(in crate::ssh) const CLOCK: &str = "date";
    pub(in crate::ssh) const NFT_TEXT: &str = "nft --stateless list ruleset";
    pub(in crate::ssh) const FILE_FACTS: &str = "stat";
    pub(in crate::ssh) const FILE_CONTENT: &str = "cat";
}

/// A command that reads and changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReadCommand {
    /// The properties of a systemd unit, as `systemctl show` prints them.
    UnitShow {
        /// The unit's full name, such as `keepalived.service`.
        unit: Slug,
    },
    /// All interfaces and their addresses, as JSON.
    Addresses,
    /// One kernel parameter.
    Sysctl {
        /// Its key with dots, such as `net.ipv4.ip_forward`.
        key: Slug,
    },
    /// The whole nftables ruleset, as JSON. Needs root, so it goes through `sudo -n`.
    NftRuleset,
    /// The kernel's socket tables: `/proc/net/{tcp,tcp6,udp,udp6}`.
    Sockets,
    /// The host's wall clock: seconds since the epoch with nanoseconds.
    Clock,
    /// The whole nftables ruleset in nft's text form and without counters: what loading it again restores.
    NftText,
    /// What a path is: kind, mode, owner, group, size.
    FileFacts {
        /// The path.
        path: RemotePath,
    },
    /// The bytes of a file.
    FileContent {
        /// The path.
        path: RemotePath,
    },
    /// A dead-man timer and the service that it triggers, as `systemctl show` prints them: two blocks.
    TimerShow {
        /// Its name, without `.timer`.
        timer: Slug,
    },
    /// The unit that stands for the lock of the host.
    LockShow,
}

impl ReadCommand {
    /// A short name for messages and evidence.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UnitShow { .. } => name::UNIT_SHOW,
            Self::Addresses => name::ADDRESSES,
            Self::Sysctl { .. } => name::SYSCTL,
            Self::NftRuleset => name::NFT_RULESET,
            Self::Sockets => name::SOCKETS,
            Self::Clock => name::CLOCK,
            Self::NftText => name::NFT_TEXT,
            Self::FileFacts { .. } => name::FILE_FACTS,
            Self::FileContent { .. } => name::FILE_CONTENT,
            Self::TimerShow { .. } | Self::LockShow => name::UNIT_SHOW,
        }
    }

    /// The fixed argv. Every word consists of letters, digits and `._@:+-/=,%`, so the remote shell that sshd hands it to
    /// splits it into exactly these words.
    pub fn argv(&self) -> Vec<String> {
        let words: Vec<&str> = match self {
            Self::UnitShow { unit } => vec![
                "/usr/bin/systemctl",
                "show",
                "--no-pager",
                "--property=Id,LoadState,ActiveState,SubState,UnitFileState,Type,Restart",
                "--",
                unit.as_str(),
            ],
            // Debian's iproute2 ships /bin/ip; with /bin merged into /usr/bin (every release since 12) this path is the same
            // file, and unlike /usr/sbin/ip it does not rest on a compatibility link.
            Self::Addresses => vec!["/usr/bin/ip", "-json", "address", "show"],
            Self::Sysctl { key } => vec!["/usr/sbin/sysctl", "--values", key.as_str()],
            Self::NftRuleset => vec!["/usr/bin/sudo", "-n", "/usr/sbin/nft", "--json", "list", "ruleset"],
            Self::Sockets => {
                vec!["/usr/bin/cat", "/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"]
            }
            Self::Clock => vec!["/usr/bin/date", "--utc", "+%s.%N"],
            Self::NftText => {
                vec!["/usr/bin/sudo", "-n", "/usr/sbin/nft", "--stateless", "list", "ruleset"]
            }
            Self::FileFacts { path } => {
                vec!["/usr/bin/sudo", "-n", "/usr/bin/stat", "--format=%F,%a,%U,%G,%s", "--", path.as_str()]
            }
            Self::FileContent { path } => {
                vec!["/usr/bin/sudo", "-n", "/usr/bin/cat", "--", path.as_str()]
            }
            Self::TimerShow { timer } => {
                let (unit, service) = (format!("{timer}.timer"), format!("{timer}.service"));
                let mut words = TIMER_SHOW.map(str::to_owned).to_vec();
                words.extend([unit, service]);
                return words;
            }
            Self::LockShow => vec![
                "/usr/bin/systemctl",
                "show",
                "--no-pager",
                "--property=LoadState,ActiveState,Description",
                "--",
                LOCK_UNIT,
            ],
        };
        words.into_iter().map(str::to_owned).collect()
    }

    /// The argv as the one string that an SSH `exec` request carries (RFC 4254, 6.5).
    pub fn line(&self) -> String {
        self.argv().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_needs_quoting() {
        let slug = |text: &str| text.parse::<Slug>().expect("a name");
        let all = [
            ReadCommand::UnitShow { unit: slug("getty@tty1.service") },
            ReadCommand::Addresses,
            ReadCommand::Sysctl { key: slug("net.ipv4.ip_forward") },
            ReadCommand::NftRuleset,
            ReadCommand::Sockets,
            ReadCommand::Clock,
            ReadCommand::NftText,
            ReadCommand::FileFacts { path: "/etc/x".parse().expect("a path") },
            ReadCommand::FileContent { path: "/etc/x".parse().expect("a path") },
            ReadCommand::TimerShow { timer: slug("fabric-run-1") },
            ReadCommand::LockShow,
        ];
        for word in all.iter().flat_map(ReadCommand::argv) {
            assert!(word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@:+-/=,%".contains(&b)), "{word}");
        }
    }
}
