//! Leaving nothing: works from the lab's id alone, so it also clears up after a killed `up` of which no state was written.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use serde::Serialize;

use crate::cgroup::Cgroups;
use crate::error::LabError;
use crate::place::{Place, read};
use crate::program::run;

/// Folders in which nspawn keeps a folder or a lock per machine name.
const NSPAWN_FOLDERS: [&str; 4] = [
    "/run/systemd/nspawn/propagate",
    "/run/systemd/nspawn/unix-export",
    "/run/systemd/nspawn/locks",
    "/run/systemd/nspawn",
];

/// What is left of a lab.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Remains {
    /// Network namespaces.
    pub(crate) netns: Vec<String>,
    /// Mount points.
    pub(crate) mounts: Vec<String>,
    /// Whether it has a cgroup.
    pub(crate) cgroups: bool,
    /// Processes in its cgroups or namespaces.
    pub(crate) processes: Vec<i32>,
    /// Folders and locks.
    pub(crate) files: Vec<PathBuf>,
}

/// Takes everything of the lab away and says what could not be.
pub(crate) fn down(place: &Place) -> Result<(), LabError> {
    let cgroups = Cgroups::find()?;
    cgroups.kill(&place.id)?;
    for name in netns(place) {
        for pid in run(&["ip", "netns", "pids", &name])?.lines() {
            if let Some(pid) = pid.trim().parse().ok().and_then(Pid::from_raw) {
                let _gone = kill_process(pid, Signal::KILL);
            }
        }
        run(&["ip", "netns", "del", &name])?;
    }
    // The deepest first.
    for mount in mounts(place)?.iter().rev() {
        run(&["umount", mount])?;
    }
    cgroups.remove(&place.id)?;
    for path in files(place) {
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(LabError::file(&path))?;
    }
    crate::image::sweep(place)
}

/// Looks for what is left.
pub(crate) fn remains(place: &Place) -> Result<Remains, LabError> {
    let cgroups = Cgroups::find()?;
    let mut processes: Vec<i32> =
        cgroups.processes(&place.id).iter().map(|pid| pid.as_raw_nonzero().get()).collect();
    for name in netns(place) {
        processes.extend(
            run(&["ip", "netns", "pids", &name])?.lines().filter_map(|pid| pid.trim().parse::<i32>().ok()),
        );
    }
    processes.sort_unstable();
    processes.dedup();
    Ok(Remains {
        netns: netns(place),
        mounts: mounts(place)?,
        cgroups: cgroups.exists(&place.id),
        processes,
        files: files(place),
    })
}

fn netns(place: &Place) -> Vec<String> {
    named(Path::new("/run/netns"), &place.id)
        .into_iter()
        .filter_map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
        .collect()
}

fn mounts(place: &Place) -> Result<Vec<String>, LabError> {
    let text = read(Path::new("/proc/self/mounts"))?;
    let points = text.lines().filter_map(|line| line.split(' ').nth(1));
    Ok(points.filter(|point| Path::new(point).starts_with(&place.run)).map(str::to_owned).collect())
}

fn files(place: &Place) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        NSPAWN_FOLDERS.iter().flat_map(|folder| named(Path::new(folder), &place.id)).collect();
    if place.run.exists() {
        found.push(place.run.clone());
    }
    found
}

/// The entries of `folder` whose name holds `id`.
fn named(folder: &Path, id: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().contains(id)))
        .collect()
}
