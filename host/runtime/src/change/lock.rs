//! Locks of targets: no two runs change one target at the same time. On one runner the kernel holds the lock for the process; across
//! runners a unit of the target's own service manager does, which only one can create. Neither expires into a new holder.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fabric_model::{Code, Digest, Fault, Slug, Stage};
use fabric_primitives::Target;
use fabric_wire::endpoint::SshHost;
use fabric_wire::ssh::{self, ChangeCommand, ReadCommand};
use fabric_wire::{Deadline, Seams, WireError, Writing};

use super::pending::PendingSite;
use crate::home::Home;

/// The folder of lock files in the operator's folder.
const FOLDER: &str = "locks";

/// How long a network that is away is waited for, all locks together, and from one try to the next: a lock that is left keeps everybody
/// else from its host.
const DROP_PATIENCE: Duration = Duration::from_secs(30);
const DROP_EVERY: Duration = Duration::from_secs(2);

/// How long giving one lock back may take: a connection and two commands.
const DROP_TIME: Duration = Duration::from_secs(10);

/// The longest owner's name that is read from a lock file, in bytes: that of a run.
const OWNER_LIMIT: u64 = 256;

/// The locks that one run holds.
#[derive(Debug)]
pub(crate) struct Locks {
    /// None for a twin in the own process, which nobody else reaches.
    folder: Option<PathBuf>,
    owner: Slug,
    held: BTreeMap<String, Held>,
}

/// The lock of one target.
#[derive(Debug)]
struct Held {
    /// Released by the kernel when it is closed.
    _file: Option<File>,
    /// The host whose own lock may be ours too, from before it is asked for it.
    host: Option<SshHost>,
    /// Whether the host was seen to have it as ours.
    seen: bool,
}

impl Locks {
    /// No lock yet. `owner` is the run that changes things, also where somebody else recovers it.
    pub(crate) fn new(home: &Home, site: &PendingSite, owner: &Slug) -> Self {
        let world = match &site.twin {
            _ if site.ends_with_host() => None,
            Some(socket) => Some(format!("twin-{}", Digest::of(socket.as_os_str().as_encoded_bytes()))),
            None => Some(site.realm.as_str().to_owned()),
        };
        let folder = world.map(|world| home.folder().join(FOLDER).join(world));
        Self { folder, owner: owner.clone(), held: BTreeMap::new() }
    }

    /// Takes the lock of a target, unless it is held already.
    ///
    /// # Errors
    /// `guard.locked`, with the owner's name, when somebody else holds it; or the fault of asking the target. What was taken until then
    /// is given back by [`Self::drop_all`].
    pub(crate) async fn take(
        &mut self,
        seams: &Seams,
        writing: &Writing,
        target: &Target,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let subject = subject(target);
        if !self.held.contains_key(&subject) {
            let file = self.folder.as_ref().map(|folder| self.take_here(folder, &subject)).transpose()?;
            self.held.insert(subject.clone(), Held { _file: file, host: None, seen: false });
        }
        let seen = self.held.get(&subject).is_some_and(|held| held.seen);
        let Target::Ssh(host) = target else { return Ok(()) };
        if !seen {
            // What becomes of the request nobody knows before the host has said so: until then it is ours to give back.
            self.held.entry(subject.clone()).and_modify(|held| held.host = Some(host.clone()));
            self.take_there(seams, writing, host, deadline).await?;
            self.held.entry(subject).and_modify(|held| held.seen = true);
        }
        Ok(())
    }

    /// The lock of this machine: a locked file with the owner's name in it.
    fn take_here(&self, folder: &Path, subject: &str) -> Result<File, Fault> {
        let path = folder.join(format!("{subject}.lock"));
        let unusable = |error: io::Error| unusable(&path, &error);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = opened.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // Who holds it may be about to write his name.
                let _ = file.take(OWNER_LIMIT).read_to_string(&mut owner);
                return Err(locked(subject, owner.trim()).hint("Wait until that run is over."));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let named =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", self.owner));
        named.map_err(unusable)?;
        Ok(file)
    }

    /// The lock of the host itself. An answer that was lost is asked for again: the unit says whose it is.
    async fn take_there(
        &self,
        seams: &Seams,
        writing: &Writing,
        host: &SshHost,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let taken =
            change(writing, host, &ChangeCommand::LockTake { owner: self.owner.clone() }, deadline).await;
        match holder(seams, host, deadline).await? {
            Some(owner) if owner == self.owner.as_str() => Ok(()),
            Some(owner) => Err(locked(host.name.as_str(), &owner)
                .hint(format!(
                    "If that run is dead, take back what it did with `fabric recover {owner}` where it ran."
                ))
                .hint("The lock does not expire: nobody else knows what that run has left on the host.")),
            None => Err(match taken {
                Err(error) => error.into(),
                Ok(()) => locked(host.name.as_str(), "nobody").hint("It was given back at once; try again."),
            }),
        }
    }

    /// Gives every lock back, as far as it is this run's.
    ///
    /// # Errors
    /// The first one that could not be given back; the others are.
    pub(crate) async fn drop_all(&mut self, seams: &Seams, writing: &Writing) -> Result<(), Fault> {
        let mut dropped = Ok(());
        let until = seams.clock.now() + DROP_PATIENCE;
        for (_, Held { host, _file, .. }) in std::mem::take(&mut self.held) {
            let Some(host) = host else { continue };
            let mut given_back = self.drop_there(seams, writing, &host).await;
            while given_back.is_err() && seams.clock.now() < until {
                // A session that hangs would hang for the next try too.
                let _ = writing.ssh.forget(&host).await;
                seams.clock.sleep(DROP_EVERY).await;
                given_back = self.drop_there(seams, writing, &host).await;
            }
            dropped = dropped.and(given_back);
        }
        dropped
    }

    /// Gives the lock of a host back where it is this run's.
    pub(crate) async fn drop_there(
        &self,
        seams: &Seams,
        writing: &Writing,
        host: &SshHost,
    ) -> Result<(), Fault> {
        let deadline = Deadline::after(DROP_TIME);
        if holder(seams, host, deadline).await?.is_none_or(|owner| owner != self.owner.as_str()) {
            return Ok(());
        }
        let dropped = change(writing, host, &ChangeCommand::LockDrop, deadline).await;
        match holder(seams, host, deadline).await? {
            Some(owner) if owner == self.owner.as_str() => {
                let why =
                    dropped.err().map_or_else(|| "it is still there".to_owned(), |error| error.to_string());
                let message = format!("give back the lock of host `{}`: {why}", host.name);
                Err(Fault::new(Code::GuardLocked, Stage::Undo, message)
                    .hint(format!("Give it back with `fabric recover {}`.", self.owner)))
            }
            _ => Ok(()),
        }
    }
}

async fn change(
    writing: &Writing,
    host: &SshHost,
    command: &ChangeCommand,
    deadline: Deadline,
) -> Result<(), WireError> {
    let output = writing.ssh.change(host, command, &[], deadline).await?;
    ssh::done(command, &output)
}

/// Who holds the lock of a host.
async fn holder(seams: &Seams, host: &SshHost, deadline: Deadline) -> Result<Option<String>, Fault> {
    let output = seams.ssh.read(host, &ReadCommand::LockShow, deadline).await?;
    Ok(ssh::lock_owner(&output)?)
}

/// What a target is called among locks, as a file's name.
fn subject(target: &Target) -> String {
    match target {
        Target::Ssh(host) => format!("host-{}", host.name),
        Target::Endpoint(endpoint) => format!("addr-{}", endpoint.address),
        Target::Members(members) => format!("addr-{}", members.vip.address),
        Target::S3(server) => format!("s3-{}", server.name),
        Target::Local(resource) => format!("local-{}", resource.kind().as_str()),
        Target::Api(target) => match (target.vmid, &target.node) {
            (Some(vmid), _) => format!("guest-{vmid}"),
            (None, Some(node)) => format!("node-{node}"),
            (None, None) => "cluster".to_owned(),
        },
    }
}

fn locked(subject: &str, owner: &str) -> Fault {
    let owner = if owner.is_empty() { "another run" } else { owner };
    Fault::new(Code::GuardLocked, Stage::Gate, format!("take the lock of `{subject}`: {owner} holds it"))
}

fn unusable(path: &Path, error: &io::Error) -> Fault {
    Fault::new(Code::GuardAuthority, Stage::Gate, format!("lock {}: {error}", path.display()))
        .hint("Check the owner of the folder; without its locks nothing is changed.")
}

#[cfg(test)]
mod tests {
    use super::super::trial::Trial;
    use super::*;

    fn edge(trial: &Trial) -> Target {
        let name = "dns-edge-1".parse().expect("a name");
        Target::Ssh(crate::site::ssh_host(trial.world.site(), &name).expect("of the site"))
    }

    async fn take(trial: &Trial, locks: &mut Locks) -> Result<(), Fault> {
        let deadline = Deadline::after(DROP_TIME);
        locks.take(&trial.world.seams, &trial.writing, &edge(trial), deadline).await
    }

    fn locks(home: &Home, trial: &Trial, owner: &str) -> Locks {
        Locks::new(home, &trial.marker_site(), &owner.parse().expect("a name"))
    }

    #[tokio::test(start_paused = true)]
    async fn on_one_runner_the_second_run_is_refused_with_the_name_of_the_first() {
        let trial = Trial::new();
        let (mut one, mut two) = (locks(&trial.home, &trial, "run-1"), locks(&trial.home, &trial, "run-2"));
        take(&trial, &mut one).await.expect("free");
        take(&trial, &mut one).await.expect("its own");
        let refused = take(&trial, &mut two).await.expect_err("held");
        assert_eq!(refused.code, Code::GuardLocked);
        assert!(refused.message.contains("run-1 holds it"), "{refused}");
        one.drop_all(&trial.world.seams, &trial.writing).await.expect("given back");
        take(&trial, &mut two).await.expect("free again");
    }

    #[tokio::test(start_paused = true)]
    async fn across_runners_the_host_itself_says_who_holds_it_and_the_lock_outlives_its_owner() {
        let trial = Trial::new();
        let elsewhere = Home::at(trial.runs.join("another-runner"));
        let (mut one, mut two) = (locks(&trial.home, &trial, "run-1"), locks(&elsewhere, &trial, "run-2"));
        take(&trial, &mut one).await.expect("free");
        let refused = take(&trial, &mut two).await.expect_err("held");
        assert!(refused.message.contains("run-1 holds it"), "{refused}");
        assert!(refused.hints.concat().contains("fabric recover run-1"), "{:?}", refused.hints);
        two.drop_all(&trial.world.seams, &trial.writing).await.expect("nothing of its own");
        drop(one);
        assert_eq!(take(&trial, &mut two).await.expect_err("it does not expire").code, Code::GuardLocked);
        let Target::Ssh(host) = edge(&trial) else { unreachable!("an edge is a host") };
        let again = locks(&trial.home, &trial, "run-1");
        again.drop_there(&trial.world.seams, &trial.writing, &host).await.expect("its own");
        take(&trial, &mut two).await.expect("free again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_cannot_be_asked_is_not_locked() {
        let trial = Trial::new();
        trial.twin.refuse_network(true);
        let mut locks = locks(&trial.home, &trial, "run-1");
        assert_eq!(take(&trial, &mut locks).await.expect_err("unreachable").code, Code::PortUnreachable);
        trial.twin.refuse_network(false);
        take(&trial, &mut locks).await.expect("asked again");
    }
}
