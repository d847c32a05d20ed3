//! The closed list of changing commands. Each renders a fixed argv; there is no variant that takes a command. Contents travel over
//! standard input, never on a command line.

use std::fmt;

use fabric_model::{RemotePath, Slug};
use serde::{Deserialize, Serialize};

/// A signal for the processes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Signal {
    /// Ends a process that does not catch it; most daemons end orderly.
    #[serde(rename = "TERM")]
    Term,
    /// Ends a process at once: a crash.
    #[serde(rename = "KILL")]
    Kill,
    /// Stops a process until `CONT`: it hangs.
    #[serde(rename = "STOP")]
    Stop,
    /// Lets a stopped process go on.
    #[serde(rename = "CONT")]
    Cont,
}

impl Signal {
    /// As `systemctl kill --signal` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Cont => "CONT",
        }
    }
}

/// A command that changes a host. All of them need root, so each goes through `sudo -n`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChangeCommand {
    /// Starts a unit and waits until systemd says that it is started. A failed unit starts as well.
    UnitStart {
        /// The unit's full name.
        unit: Slug,
    },
    /// Stops a unit and waits until it is stopped.
    UnitStop {
        /// The unit's full name.
        unit: Slug,
    },
    /// Restarts a unit and waits until it is started.
    UnitRestart {
        /// The unit's full name.
        unit: Slug,
    },
    /// Sends a signal to every process of a unit.
    UnitKill {
        /// The unit's full name.
        unit: Slug,
        /// The signal.
        signal: Signal,
    },
    /// Takes a network interface up or down.
    LinkSet {
        /// The interface.
        interface: Slug,
        /// Up or down.
        up: bool,
    },
    /// Sets a kernel parameter until the next boot.
    SysctlSet {
        /// Its key with dots.
        key: Slug,
        /// Its value: one word.
        value: Slug,
    },
    /// Only checks a ruleset in nft's text form, from a file that lies on the host.
    NftCheck {
        /// The file.
        path: RemotePath,
    },
    /// Loads a ruleset in nft's text form as one transaction, from a file that lies on the host. It flushes what it replaces itself.
    ///
    /// It does not come over standard input: where a connection breaks off, the far side sees an orderly end, and the beginning of a
    /// ruleset, such as its `flush ruleset`, is a ruleset too.
    NftLoad {
        /// The file.
        path: RemotePath,
    },
    /// Writes standard input to a new file with owner, group and mode, for [`Self::FileRename`] to put in its place or for
    /// [`Self::NftLoad`] to load. Where the connection breaks off, the file may hold a beginning of it.
    FileStage {
        /// The new file.
        path: RemotePath,
        /// Its owner.
        owner: Slug,
        /// Its group.
        group: Slug,
        /// Its mode, in octal: at most `0o7777`.
        mode: u32,
    },
    /// Puts a staged file in the place of another, atomically (rename(2)); both lie in one folder.
    FileRename {
        /// The staged file.
        from: RemotePath,
        /// Where it goes.
        to: RemotePath,
    },
    /// Removes a file; one that is not there is no error.
    FileRemove {
        /// The file.
        path: RemotePath,
    },
    /// Arms a dead-man timer: a transient systemd timer that runs a fixed argv once. Fails where a timer of this name exists.
    TimerArm {
        /// The timer's name, without `.timer`.
        timer: Slug,
        /// Seconds from now.
        seconds: u32,
        /// What it does.
        restore: Restore,
    },
    /// Disarms a dead-man timer and forgets it.
    TimerDisarm {
        /// The timer's name, without `.timer`.
        timer: Slug,
    },
    /// Takes the lock of a host: a transient unit whose name only one can hold. Fails where somebody holds it.
    LockTake {
        /// Who takes it: the run.
        owner: Slug,
    },
    /// Gives the lock of a host back.
    LockDrop,
}

/// What a dead-man timer does: an idempotent fixed argv, run by systemd as root without a shell.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "restore", rename_all = "snake_case", deny_unknown_fields)]
pub enum Restore {
    /// Starts a unit.
    UnitStart {
        /// The unit's full name.
        unit: Slug,
    },
    /// Stops a unit.
    UnitStop {
        /// The unit's full name.
        unit: Slug,
    },
    /// Lets the stopped processes of a unit go on.
    UnitContinue {
        /// The unit's full name.
        unit: Slug,
    },
    /// Takes a network interface up or down.
    LinkSet {
        /// The interface.
        interface: Slug,
        /// Up or down.
        up: bool,
    },
    /// Sets a kernel parameter.
    SysctlSet {
        /// Its key with dots.
        key: Slug,
        /// Its value: one word.
        value: Slug,
    },
    /// Loads a ruleset from a file that lies on the host, readable by root alone.
    NftLoad {
        /// The file.
        path: RemotePath,
    },
}

/// The unit that stands for the lock of a host.
pub const LOCK_UNIT: &str = "fabric-lock.service";

const SUDO: [&str; 2] = ["/usr/bin/sudo", "-n"];
const SYSTEMCTL: &str = "/usr/bin/systemctl";
const NFT: &str = "/usr/sbin/nft";
const SYSCTL: &str = "/usr/sbin/sysctl";
const IP: &str = "/usr/bin/ip";

impl ChangeCommand {
    /// A short name for messages and evidence.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UnitStart { .. } => "systemctl start",
            Self::UnitStop { .. } => "systemctl stop",
            Self::UnitRestart { .. } => "systemctl restart",
            Self::UnitKill { .. } => "systemctl kill",
            Self::LinkSet { .. } => "ip link set",
            Self::SysctlSet { .. } => "sysctl",
            Self::NftCheck { .. } => "nft --check",
            Self::NftLoad { .. } => "nft --file",
            Self::FileStage { .. } => "install",
            Self::FileRename { .. } => "mv",
            Self::FileRemove { .. } => "rm",
            Self::TimerArm { .. } => "systemd-run",
            Self::TimerDisarm { .. } | Self::LockDrop => "systemctl stop",
            Self::LockTake { .. } => "systemd-run",
        }
    }

    /// The fixed argv. Every word consists of letters, digits and `._@:+-/=,%`, so the remote shell that sshd hands it to splits it
    /// into exactly these words.
    pub fn argv(&self) -> Vec<String> {
        let mut argv: Vec<String> = SUDO.map(str::to_owned).to_vec();
        argv.extend(self.privileged());
        argv
    }

    /// The argv as the one string that an SSH `exec` request carries (RFC 4254, 6.5).
    pub fn line(&self) -> String {
        self.argv().join(" ")
    }

    fn privileged(&self) -> Vec<String> {
        match self {
            Self::UnitStart { unit } => words([SYSTEMCTL, "start", "--", unit.as_str()]),
            Self::UnitStop { unit } => words([SYSTEMCTL, "stop", "--", unit.as_str()]),
            Self::UnitRestart { unit } => words([SYSTEMCTL, "restart", "--", unit.as_str()]),
            Self::UnitKill { unit, signal } => {
                let signal = format!("--signal={}", signal.as_str());
                words([SYSTEMCTL, "kill", "--kill-whom=all", &signal, "--", unit.as_str()])
            }
            Self::LinkSet { interface, up } => link(interface, *up),
            Self::SysctlSet { key, value } => sysctl(key, value),
            Self::NftCheck { path } => words([NFT, "--check", "--file", path.as_str()]),
            Self::NftLoad { path } => words([NFT, "--file", path.as_str()]),
            Self::FileStage { path, owner, group, mode } => words([
                "/usr/bin/install",
                "--no-target-directory",
                &format!("--owner={owner}"),
                &format!("--group={group}"),
                &format!("--mode={mode:04o}"),
                "/dev/stdin",
                path.as_str(),
            ]),
            Self::FileRename { from, to } => {
                words(["/usr/bin/mv", "--force", "--no-target-directory", "--", from.as_str(), to.as_str()])
            }
            Self::FileRemove { path } => words(["/usr/bin/rm", "--force", "--", path.as_str()]),
            Self::TimerArm { timer, seconds, restore } => {
                let mut argv = words([
                    "/usr/bin/systemd-run",
                    "--quiet",
                    &format!("--unit={timer}"),
                    &format!("--on-active={seconds}"),
                    "--timer-property=AccuracySec=100ms",
                    "--timer-property=RemainAfterElapse=yes",
                    "--property=Type=oneshot",
                    "--property=RemainAfterExit=yes",
                    "--",
                ]);
                argv.extend(restore.argv());
                argv
            }
            Self::TimerDisarm { timer } => {
                let (timer, service) = (format!("{timer}.timer"), format!("{timer}.service"));
                words([SYSTEMCTL, "stop", "--", &timer, &service])
            }
            Self::LockTake { owner } => words([
                "/usr/bin/systemd-run",
                "--quiet",
                &format!("--unit={LOCK_UNIT}"),
                &format!("--description={owner}"),
                "--property=Type=oneshot",
                "--property=RemainAfterExit=yes",
                "--",
                "/usr/bin/true",
            ]),
            Self::LockDrop => words([SYSTEMCTL, "stop", "--", LOCK_UNIT]),
        }
    }
}

impl Restore {
    /// The argv as systemd runs it.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::UnitStart { unit } => words([SYSTEMCTL, "start", "--", unit.as_str()]),
            Self::UnitStop { unit } => words([SYSTEMCTL, "stop", "--", unit.as_str()]),
            Self::UnitContinue { unit } => {
                words([SYSTEMCTL, "kill", "--kill-whom=all", "--signal=CONT", "--", unit.as_str()])
            }
            Self::LinkSet { interface, up } => link(interface, *up),
            Self::SysctlSet { key, value } => sysctl(key, value),
            Self::NftLoad { path } => words([NFT, "--file", path.as_str()]),
        }
    }
}

impl fmt::Display for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.argv().join(" "))
    }
}

fn link(interface: &Slug, up: bool) -> Vec<String> {
    words([IP, "link", "set", "dev", interface.as_str(), if up { "up" } else { "down" }])
}

fn sysctl(key: &Slug, value: &Slug) -> Vec<String> {
    words([SYSCTL, "--write", &format!("{key}={value}")])
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slug(text: &str) -> Slug {
        text.parse().expect("a name")
    }

    fn path(text: &str) -> RemotePath {
        text.parse().expect("a path")
    }

    #[test]
    fn each_change_is_one_fixed_line() {
        let unit = || slug("keepalived.service");
        let cases = [
            (
                ChangeCommand::UnitStart { unit: unit() },
                "/usr/bin/sudo -n /usr/bin/systemctl start -- keepalived.service",
            ),
            (
                ChangeCommand::UnitStop { unit: unit() },
                "/usr/bin/sudo -n /usr/bin/systemctl stop -- keepalived.service",
            ),
            (
                ChangeCommand::UnitRestart { unit: unit() },
                "/usr/bin/sudo -n /usr/bin/systemctl restart -- keepalived.service",
            ),
            (
                ChangeCommand::UnitKill { unit: unit(), signal: Signal::Kill },
                "/usr/bin/sudo -n /usr/bin/systemctl kill --kill-whom=all --signal=KILL -- keepalived.service",
            ),
            (
                ChangeCommand::LinkSet { interface: slug("eth1"), up: false },
                "/usr/bin/sudo -n /usr/bin/ip link set dev eth1 down",
            ),
            (
                ChangeCommand::SysctlSet { key: slug("net.ipv4.ip_forward"), value: slug("1") },
                "/usr/bin/sudo -n /usr/sbin/sysctl --write net.ipv4.ip_forward=1",
            ),
            (
                ChangeCommand::NftCheck { path: path("/run/fabric-run-1.new.nft") },
                "/usr/bin/sudo -n /usr/sbin/nft --check --file /run/fabric-run-1.new.nft",
            ),
            (
                ChangeCommand::NftLoad { path: path("/run/fabric-run-1.new.nft") },
                "/usr/bin/sudo -n /usr/sbin/nft --file /run/fabric-run-1.new.nft",
            ),
            (
                ChangeCommand::FileStage {
                    path: path("/etc/.fabric-run-1"),
                    owner: slug("root"),
                    group: slug("adm"),
                    mode: 0o40,
                },
                "/usr/bin/sudo -n /usr/bin/install --no-target-directory --owner=root --group=adm --mode=0040 \
                 /dev/stdin /etc/.fabric-run-1",
            ),
            (
                ChangeCommand::FileRename { from: path("/etc/.fabric-run-1"), to: path("/etc/motd") },
                "/usr/bin/sudo -n /usr/bin/mv --force --no-target-directory -- /etc/.fabric-run-1 /etc/motd",
            ),
            (
                ChangeCommand::FileRemove { path: path("/etc/motd") },
                "/usr/bin/sudo -n /usr/bin/rm --force -- /etc/motd",
            ),
            (
                ChangeCommand::TimerArm {
                    timer: slug("fabric-run-1"),
                    seconds: 90,
                    restore: Restore::UnitStart { unit: unit() },
                },
                "/usr/bin/sudo -n /usr/bin/systemd-run --quiet --unit=fabric-run-1 --on-active=90 \
                 --timer-property=AccuracySec=100ms --timer-property=RemainAfterElapse=yes --property=Type=oneshot \
                 --property=RemainAfterExit=yes -- /usr/bin/systemctl start -- keepalived.service",
            ),
            (
                ChangeCommand::TimerDisarm { timer: slug("fabric-run-1") },
                "/usr/bin/sudo -n /usr/bin/systemctl stop -- fabric-run-1.timer fabric-run-1.service",
            ),
            (
                ChangeCommand::LockTake { owner: slug("run-1") },
                "/usr/bin/sudo -n /usr/bin/systemd-run --quiet --unit=fabric-lock.service --description=run-1 \
                 --property=Type=oneshot --property=RemainAfterExit=yes -- /usr/bin/true",
            ),
            (ChangeCommand::LockDrop, "/usr/bin/sudo -n /usr/bin/systemctl stop -- fabric-lock.service"),
        ];
        for (command, line) in cases {
            assert_eq!(command.line(), line);
        }
    }

    #[test]
    fn each_restore_is_one_fixed_line() {
        let unit = || slug("keepalived.service");
        let cases = [
            (Restore::UnitStart { unit: unit() }, "/usr/bin/systemctl start -- keepalived.service"),
            (Restore::UnitStop { unit: unit() }, "/usr/bin/systemctl stop -- keepalived.service"),
            (
                Restore::UnitContinue { unit: unit() },
                "/usr/bin/systemctl kill --kill-whom=all --signal=CONT -- keepalived.service",
            ),
            (Restore::LinkSet { interface: slug("eth1"), up: true }, "/usr/bin/ip link set dev eth1 up"),
            (
                Restore::SysctlSet { key: slug("net.ipv4.ip_forward"), value: slug("1") },
                "/usr/sbin/sysctl --write net.ipv4.ip_forward=1",
            ),
            (
                Restore::NftLoad { path: path("/run/fabric-run-1.nft") },
                "/usr/sbin/nft --file /run/fabric-run-1.nft",
            ),
        ];
        for (restore, line) in cases {
            assert_eq!(restore.to_string(), line);
        }
    }

    fn name() -> impl Strategy<Value = Slug> {
        "[A-Za-z0-9_][A-Za-z0-9._@:+-]{0,20}".prop_map(|text| slug(&text))
    }

    fn file() -> impl Strategy<Value = RemotePath> {
        prop::collection::vec("[.]?[A-Za-z0-9_][A-Za-z0-9._@:+-]{0,8}", 1..4)
            .prop_map(|segments| path(&format!("/{}", segments.join("/"))))
    }

    fn restores() -> impl Strategy<Value = Restore> {
        prop_oneof![
            name().prop_map(|unit| Restore::UnitStart { unit }),
            name().prop_map(|unit| Restore::UnitStop { unit }),
            name().prop_map(|unit| Restore::UnitContinue { unit }),
            (name(), any::<bool>()).prop_map(|(interface, up)| Restore::LinkSet { interface, up }),
            (name(), name()).prop_map(|(key, value)| Restore::SysctlSet { key, value }),
            file().prop_map(|path| Restore::NftLoad { path }),
        ]
    }

    fn signals() -> impl Strategy<Value = Signal> {
        prop::sample::select(vec![Signal::Term, Signal::Kill, Signal::Stop, Signal::Cont])
    }

    fn changes() -> impl Strategy<Value = ChangeCommand> {
        prop_oneof![
            name().prop_map(|unit| ChangeCommand::UnitStart { unit }),
            name().prop_map(|unit| ChangeCommand::UnitStop { unit }),
            name().prop_map(|unit| ChangeCommand::UnitRestart { unit }),
            (name(), signals()).prop_map(|(unit, signal)| ChangeCommand::UnitKill { unit, signal }),
            (name(), any::<bool>()).prop_map(|(interface, up)| ChangeCommand::LinkSet { interface, up }),
            (name(), name()).prop_map(|(key, value)| ChangeCommand::SysctlSet { key, value }),
            file().prop_map(|path| ChangeCommand::NftCheck { path }),
            file().prop_map(|path| ChangeCommand::NftLoad { path }),
            (file(), name(), name(), 0..=0o7777_u32).prop_map(|(path, owner, group, mode)| {
                ChangeCommand::FileStage { path, owner, group, mode }
            }),
            (file(), file()).prop_map(|(from, to)| ChangeCommand::FileRename { from, to }),
            file().prop_map(|path| ChangeCommand::FileRemove { path }),
            (name(), any::<u32>(), restores()).prop_map(|(timer, seconds, restore)| {
                ChangeCommand::TimerArm { timer, seconds, restore }
            }),
            name().prop_map(|timer| ChangeCommand::TimerDisarm { timer }),
            name().prop_map(|owner| ChangeCommand::LockTake { owner }),
            Just(ChangeCommand::LockDrop),
        ]
    }

    proptest! {
        #[test]
        fn no_word_needs_quoting(command in changes(), restore in restores()) {
            let needs_none = |b: u8| b.is_ascii_alphanumeric() || b"._@:+-/=,%".contains(&b);
            for word in command.argv().into_iter().chain(restore.argv()) {
                prop_assert!(!word.is_empty() && word.bytes().all(needs_none), "{word}");
            }
        }

        #[test]
        fn no_change_runs_but_through_sudo_with_a_tool_of_the_list(command in changes()) {
            let argv = command.argv();
            let tools = ["systemctl", "ip", "sysctl", "nft", "install", "mv", "rm", "systemd-run"];
            let tool = argv.get(2).and_then(|word| word.rsplit('/').next());
            prop_assert_eq!(argv.first().map(String::as_str), Some("/usr/bin/sudo"));
            prop_assert!(tool.is_some_and(|tool| tools.contains(&tool)), "{:?}", argv);
        }

        #[test]
        fn a_change_survives_being_written_down(command in changes()) {
            let text = serde_json::to_string(&command).expect("serialises");
            prop_assert_eq!(serde_json::from_str::<ChangeCommand>(&text).expect("reads back"), command);
        }
    }
}
