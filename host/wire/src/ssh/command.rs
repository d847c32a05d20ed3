//! The closed list of reading commands. Each renders a fixed argv; there is no variant that takes a command.

use fabric_model::Slug;

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
}

impl ReadCommand {
    /// A short name for messages and evidence.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UnitShow { .. } => "systemctl show",
            Self::Addresses => "ip address show",
            Self::Sysctl { .. } => "sysctl",
            Self::NftRuleset => "nft list ruleset",
            Self::Sockets => "socket tables",
            Self::Clock => "date",
        }
    }

    /// The fixed argv. Every word consists of letters, digits and `._@:+-/=,%`, so the remote shell that sshd hands it to
    /// splits it into exactly these words.
    pub fn argv(&self) -> Vec<&str> {
        match self {
            Self::UnitShow { unit } => vec![
                "/usr/bin/systemctl",
                "show",
                "--no-pager",
                "--property=Id,LoadState,ActiveState,SubState,UnitFileState,Type,Restart,NRestarts,MainPID",
                "--",
                unit.as_str(),
            ],
            Self::Addresses => vec!["/usr/bin/ip", "-json", "address", "show"],
            Self::Sysctl { key } => vec!["/usr/sbin/sysctl", "--values", key.as_str()],
            Self::NftRuleset => vec!["/usr/bin/sudo", "-n", "/usr/sbin/nft", "--json", "list", "ruleset"],
            Self::Sockets => {
                vec!["/usr/bin/cat", "/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"]
            }
            Self::Clock => vec!["/usr/bin/date", "--utc", "+%s.%N"],
        }
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
        ];
        for word in all.iter().flat_map(ReadCommand::argv) {
            assert!(word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@:+-/=,%".contains(&b)), "{word}");
        }
    }
}
