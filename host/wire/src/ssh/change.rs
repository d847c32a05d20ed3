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
    /// Reads a ruleset in nft's text form from standard input and only checks it.
    NftCheck,
    /// Reads a ruleset in nft's text form from standard input and loads it as one transaction. It flushes what it replaces itself.
    NftLoad,
    /// Writes standard input to a new file with owner, group and mode, for [`Self::FileRename`] to put in its place.
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
            Self::NftCheck => "nft --check",
            Self::NftLoad => "nft --file",
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
            Self::NftCheck => words([NFT, "--check", "--file", "/dev/stdin"]),
            Self::NftLoad => words([NFT, "--file", "/dev/stdin"]),
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
