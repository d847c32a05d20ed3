//! The closed list of reading commands. Each renders a fixed argv; there is no variant that takes a command.

use fabric_model::{RemotePath, Slug};

use super::change::LOCK_UNIT;
use super::integrity::WatchedFile;

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
    pub(in crate::ssh) const IDENTITY: &str = "host name and release";
    pub(in crate::ssh) const ACCOUNTS: &str = "accounts";
    pub(in crate::ssh) const PROCESSES: &str = "ps";
    pub(in crate::ssh) const ROUTES: &str = "ip route show";
    pub(in crate::ssh) const PACKAGES: &str = "dpkg-query --show";
    pub(in crate::ssh) const FILE_DIGEST: &str = "sha256sum";
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
    /// What the host is: its name, its kernel, its distribution.
    Identity,
    /// The accounts of the host, without the file that has their passwords.
    Accounts,
    /// What runs, without arguments, which may hold secrets.
    Processes,
    /// The routes of the main table, as JSON.
    Routes,
    /// What is installed.
    Packages,
    /// The digest of a file of the closed list. Some are root's alone, so it goes through `sudo -n`.
    FileDigest {
        /// The file.
        file: WatchedFile,
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
            Self::Identity => name::IDENTITY,
            Self::Accounts => name::ACCOUNTS,
            Self::Processes => name::PROCESSES,
            Self::Routes => name::ROUTES,
            Self::Packages => name::PACKAGES,
            Self::FileDigest { .. } => name::FILE_DIGEST,
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
            Self::Identity => vec![
                "/usr/bin/cat",
                "/proc/sys/kernel/hostname",
                "/proc/sys/kernel/osrelease",
                "/etc/os-release",
            ],
            Self::Accounts => vec!["/usr/bin/cat", "/etc/passwd"],
            Self::Processes => vec!["/usr/bin/ps", "-eo", "pid=,ppid=,user:32=,etimes=,comm="],
            Self::Routes => vec!["/usr/bin/ip", "-json", "route", "show"],
            Self::Packages => vec!["/usr/bin/dpkg-query", "--show"],
            Self::FileDigest { file } => {
                vec!["/usr/bin/sudo", "-n", "/usr/bin/sha256sum", "--", file.path().as_str()]
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

    /// The command that renders exactly this line; none where no command does. For whoever has to tell reading from changing on the
    /// far side of the connection.
    pub fn parse(line: &str) -> Option<Self> {
        // What a variant holds is the last word of its line: the candidates that this word allows are few, and one of them renders
        // the line or none does.
        let word = line.rsplit(' ').next()?;
        let slug: Option<Slug> = word.parse().ok();
        let timer: Option<Slug> = word.strip_suffix(".service").and_then(|timer| timer.parse().ok());
        let path: Option<RemotePath> = word.parse().ok();
        let watched = path.clone().and_then(|path| WatchedFile::try_from(path).ok());
        let fixed = [
            Self::Addresses,
            Self::NftRuleset,
            Self::Sockets,
            Self::Clock,
            Self::NftText,
            Self::Identity,
            Self::Accounts,
            Self::Processes,
            Self::Routes,
            Self::Packages,
            Self::LockShow,
        ];
        let named = slug
            .into_iter()
            .flat_map(|name| [Self::UnitShow { unit: name.clone() }, Self::Sysctl { key: name }]);
        let filed = path
            .into_iter()
            .flat_map(|path| [Self::FileFacts { path: path.clone() }, Self::FileContent { path }]);
        let timed = timer.into_iter().map(|timer| Self::TimerShow { timer });
        let digested = watched.into_iter().map(|file| Self::FileDigest { file });
        fixed
            .into_iter()
            .chain(named)
            .chain(filed)
            .chain(digested)
            .chain(timed)
            .find(|command| command.line() == line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::change::{ChangeCommand, Signal};

    /// One of each variant.
    fn all() -> Vec<ReadCommand> {
        let slug = |text: &str| text.parse::<Slug>().expect("a name");
        vec![
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
            ReadCommand::Identity,
            ReadCommand::Accounts,
            ReadCommand::Processes,
            ReadCommand::Routes,
            ReadCommand::Packages,
            ReadCommand::FileDigest { file: watched("/etc/sudoers") },
            ReadCommand::LockShow,
        ]
    }

    fn watched(path: &str) -> WatchedFile {
        path.parse::<RemotePath>().expect("a path").try_into().expect("a file of the list")
    }

    #[test]
    fn no_word_needs_quoting() {
        for word in all().iter().flat_map(ReadCommand::argv) {
            assert!(word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@:+-/=,%".contains(&b)), "{word}");
        }
    }

    #[test]
    fn the_line_of_each_command_is_read_as_that_command() {
        for command in all() {
            // A new variant does not compile here, so that it is not forgotten above.
            match &command {
                ReadCommand::UnitShow { .. }
                | ReadCommand::Addresses
                | ReadCommand::Sysctl { .. }
                | ReadCommand::NftRuleset
                | ReadCommand::Sockets
                | ReadCommand::Clock
                | ReadCommand::NftText
                | ReadCommand::FileFacts { .. }
                | ReadCommand::FileContent { .. }
                | ReadCommand::TimerShow { .. }
                | ReadCommand::Identity
                | ReadCommand::Accounts
                | ReadCommand::Processes
                | ReadCommand::Routes
                | ReadCommand::Packages
                | ReadCommand::FileDigest { .. }
                | ReadCommand::LockShow => {}
            }
            assert_eq!(ReadCommand::parse(&command.line()), Some(command));
        }
    }

    #[test]
    fn a_line_that_no_command_renders_is_none() {
        let unit: Slug = "keepalived.service".parse().expect("a name");
        let mut lines = vec![
            ChangeCommand::UnitStop { unit: unit.clone() }.line(),
            ChangeCommand::UnitKill { unit: unit.clone(), signal: Signal::Kill }.line(),
            ChangeCommand::NftCheck { path: "/run/fabric-run-1.new.nft".parse().expect("a path") }.line(),
            ChangeCommand::NftLoad { path: "/run/fabric-run-1.new.nft".parse().expect("a path") }.line(),
            ChangeCommand::TimerDisarm { timer: "fabric-run-1".parse().expect("a name") }.line(),
            ChangeCommand::LockDrop.line(),
            String::new(),
            "id".to_owned(),
            "/usr/bin/ip -json address show eth0".to_owned(),
            "/usr/bin/date --utc +%s.%N ; id".to_owned(),
            "/usr/bin/sudo -n /usr/bin/cat -- etc/shadow".to_owned(),
            "/usr/sbin/sysctl --values net.ipv4.ip_forward=1".to_owned(),
            "/usr/bin/sudo -n /usr/bin/sha256sum -- /etc/shadow".to_owned(),
            "/usr/bin/cat /etc/shadow".to_owned(),
            "/usr/bin/ps -eo pid=,args=".to_owned(),
        ];
        for command in all() {
            let line = command.line();
            lines.extend([
                format!(" {line}"),
                format!("{line} "),
                format!("{line}\n"),
                line.replacen(' ', "  ", 1),
            ]);
        }
        for line in lines {
            assert_eq!(ReadCommand::parse(&line), None, "{line:?}");
        }
    }
}
