//! Control groups of the lab, on a machine with version 1, version 2 or both: they find every process of a member, freeze it,
//! and keep two systemds from fighting over one slice.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::LabError;

/// How long the kernel may take to end killed processes.
const KILL_DEADLINE: Duration = Duration::from_secs(20);

/// A mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hierarchy {
    mount: PathBuf,
    version: Version,
    cpuset: bool,
    freezer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The hierarchies of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Cgroups(Vec<Hierarchy>);

impl Cgroups {
    /// Finds what is mounted.
    pub(crate) fn find() -> Result<Self, LabError> {
        let path = Path::new("/proc/self/mounts");
        let found = hierarchies(&crate::place::read(path)?);
        if found.is_empty() {
            return Err(LabError::Usage("no cgroup hierarchy is mounted on this machine".to_owned()));
        }
        Ok(Self(found))
    }

    /// Puts the calling process, and with it all its later children, into `group`.
    pub(crate) fn join(&self, group: &str) -> Result<(), LabError> {
        self.make(group)?;
        for hierarchy in &self.0 {
            set(&hierarchy.mount.join(group).join("cgroup.procs"), "0")?;
        }
        Ok(())
    }

    /// Makes `group` and the groups above it in every hierarchy.
    pub(crate) fn make(&self, group: &str) -> Result<(), LabError> {
        for hierarchy in &self.0 {
            let mut folder = hierarchy.mount.clone();
            for part in Path::new(group).components() {
                let above = folder.clone();
                folder.push(part);
                fs::create_dir_all(&folder).map_err(LabError::file(&folder))?;
                if hierarchy.cpuset {
                    // A version 1 cpuset begins empty and takes no process until both are set.
                    for key in ["cpuset.cpus", "cpuset.mems"] {
                        set(&folder.join(key), crate::place::read(&above.join(key))?.trim())?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Stops or continues every process of `group`: a host that hangs while its kernel goes on answering.
    pub(crate) fn freeze(&self, group: &str, frozen: bool) -> Result<(), LabError> {
        let two = self.0.iter().find(|h| h.version == Version::Two);
        let one = self.0.iter().find(|h| h.freezer);
        match (two, one) {
            (Some(two), _) => {
                set(&two.mount.join(group).join("cgroup.freeze"), if frozen { "1" } else { "0" })
            }
            (None, Some(one)) => {
                set(&one.mount.join(group).join("freezer.state"), if frozen { "FROZEN" } else { "THAWED" })
            }
            (None, None) => Err(LabError::Usage("no cgroup freezer on this machine".to_owned())),
        }
    }

    /// Thaws `group` and the groups below it: a frozen process of version 1 does not die.
    fn thaw(&self, group: &str) {
        for hierarchy in self.0.iter().filter(|h| h.freezer) {
            for folder in below(&hierarchy.mount.join(group)) {
                // The group may have gone meanwhile; whoever is left in it is reported by `kill`.
                let _gone = set(&folder.join("freezer.state"), "THAWED");
            }
        }
    }

    /// The processes of `group` and the groups below it.
    pub(crate) fn processes(&self, group: &str) -> Vec<Pid> {
        let mut found: Vec<Pid> = self
            .0
            .iter()
            .flat_map(|h| below(&h.mount.join(group)))
            .flat_map(|folder| members(&folder))
            .collect();
        found.sort_by_key(|pid| pid.as_raw_nonzero());
        found.dedup();
        found
    }

    /// Kills every process of `group` and waits until none is left.
    pub(crate) fn kill(&self, group: &str) -> Result<(), LabError> {
        let begin = Instant::now();
        loop {
            self.thaw(group);
            let own = rustix::process::getpid();
            let left: Vec<Pid> = self.processes(group).into_iter().filter(|pid| *pid != own).collect();
            if left.is_empty() {
                return Ok(());
            }
            if begin.elapsed() > KILL_DEADLINE {
                return Err(LabError::Deadline {
                    what: format!("no process in cgroup {group}"),
                    seen: format!("{left:?}"),
                    seconds: KILL_DEADLINE.as_secs(),
                });
            }
            for pid in left {
                // It may have ended meanwhile.
                let _gone = kill_process(pid, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Removes `group` and the groups below it, deepest first. They must hold no process.
    pub(crate) fn remove(&self, group: &str) -> Result<(), LabError> {
        for hierarchy in &self.0 {
            for folder in below(&hierarchy.mount.join(group)).into_iter().rev() {
                remove_empty(&folder)?;
            }
        }
        Ok(())
    }

    /// Whether `group` is there in any hierarchy.
    pub(crate) fn exists(&self, group: &str) -> bool {
        self.0.iter().any(|h| h.mount.join(group).is_dir())
    }
}

/// The kernel holds a group busy for a moment after its last process.
fn remove_empty(folder: &Path) -> Result<(), LabError> {
    let begin = Instant::now();
    loop {
        match fs::remove_dir(folder) {
            Err(error)
                if error.kind() == std::io::ErrorKind::ResourceBusy && begin.elapsed() < KILL_DEADLINE =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(LabError::file(folder)(error));
            }
            _ => return Ok(()),
        }
    }
}

/// `folder` and every folder below it, the upper ones first.
fn below(folder: &Path) -> Vec<PathBuf> {
    if !folder.is_dir() {
        return Vec::new();
    }
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(here) = found.get(next).cloned() {
        let entries = fs::read_dir(&here).into_iter().flatten().flatten();
        found.extend(entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()));
        next += 1;
    }
    found
}

fn members(folder: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok().and_then(Pid::from_raw)).collect()
}

fn set(path: &Path, value: &str) -> Result<(), LabError> {
    fs::write(path, value).map_err(LabError::file(path))
}

fn hierarchies(mounts: &str) -> Vec<Hierarchy> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (mount, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
            let version = match kind {
                "cgroup" => Version::One,
                "cgroup2" => Version::Two,
                _ => return None,
            };
            let has = |name: &str| version == Version::One && options.split(',').any(|option| option == name);
            Some(Hierarchy { mount: mount.into(), version, cpuset: has("cpuset"), freezer: has("freezer") })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hybrid_machine_has_its_hierarchies_told_apart() {
        let found = hierarchies(
            "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
             cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0\n\
             cgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0\n\
             cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n",
        );
        assert_eq!(found.len(), 3, "tmpfs is no hierarchy");
        assert!(found.iter().any(|h| h.cpuset && h.version == Version::One));
        assert!(found.iter().any(|h| h.freezer));
        assert!(found.iter().any(|h| h.version == Version::Two && !h.freezer));
    }
}
