//! The marker of a run that changes things: from before its first intent until everything is restored or stays for good, the operator's
//! folder says that something may be left, where the journal of it lies, and which targets it is about.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use fabric_evidence::event::RunHead;
use fabric_model::site::Realm;
use fabric_model::{Code, Digest, Fault, Kind, Resource, Slug, Stage};
use serde::{Deserialize, Serialize};

use super::store;
use super::targets::Footprint;
use crate::home::Home;
use crate::private_file;
use crate::run::Run;

/// The marker's file name.
const MARKER: &str = "pending.json";
/// The lock that the run, or whoever recovers it, holds while it lives.
const ALIVE: &str = "alive.lock";
/// The only version of markers so far.
const FORMAT: u32 = 1;

/// What a changing run may leave behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// The version of this form: 1.
    pub format: u32,
    /// The run.
    pub run_id: Slug,
    /// The folder of its packet.
    pub packet: PathBuf,
    /// The site that it changes.
    pub site: PendingSite,
    /// What it changes, at least.
    pub targets: Vec<PendingTarget>,
    /// The changes that `recover` has verified as taken back.
    pub restored: Vec<u32>,
    /// The manifest of its packet, once `recover` has sealed that.
    pub sealed: Option<Digest>,
}

/// How the site of a run is opened again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingSite {
    /// The site file.
    pub file: PathBuf,
    /// Real, lab or twin.
    pub realm: Realm,
    /// For a twin in a process of its own: its socket.
    pub twin: Option<PathBuf>,
}

impl PendingSite {
    /// Whether it ends with the host: a twin in the host's own process. Nothing of it can be left.
    pub(crate) fn ends_with_host(&self) -> bool {
        self.realm == Realm::Twin && self.twin.is_none()
    }

    /// Whether both are the same world, under whatever site file.
    fn is_same_world(&self, other: &Self) -> bool {
        self.realm == other.realm && self.twin == other.twin && !self.ends_with_host()
    }
}

/// A target of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingTarget {
    /// The resource.
    pub resource: Resource,
    /// Where it is.
    pub addresses: Vec<IpAddr>,
}

impl Marker {
    /// The marker of a run that has changed nothing yet.
    fn new(run_id: Slug, packet: PathBuf, site: PendingSite) -> Self {
        // `recover` may be called from elsewhere.
        let from_root = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let (packet, twin) = (from_root(packet), site.twin.map(from_root));
        let site = PendingSite { file: from_root(site.file), twin, ..site };
        let (targets, restored) = (Vec::new(), Vec::new());
        Self { format: FORMAT, run_id, packet, site, targets, restored, sealed: None }
    }

    /// Whether it may have left something on one of these.
    pub(crate) fn overlaps(&self, other: &Footprint) -> bool {
        self.footprint().overlaps(other)
    }

    fn footprint(&self) -> Footprint {
        let mut all = Footprint::default();
        for target in &self.targets {
            all.extend(&target.footprint());
        }
        all
    }
}

impl PendingTarget {
    /// A target as the marker names it. The addresses begin with its own; those of jump hosts, and of the nodes that answer for every
    /// guest, say nothing of which target it is.
    fn of(resource: &Resource, addresses: &[IpAddr]) -> Self {
        let addresses = match resource.kind() {
            Kind::Cluster | Kind::Guest | Kind::Node => &[],
            _ => addresses.get(..1).unwrap_or_default(),
        };
        Self { resource: resource.clone(), addresses: addresses.to_vec() }
    }

    fn footprint(&self) -> Footprint {
        Footprint::of([&self.resource], self.addresses.iter().copied())
    }
}

/// The marker of a run, held by the run itself or by whoever recovers it. The kernel releases it whatever ends the process.
#[derive(Debug)]
pub(crate) struct Pending {
    home: PathBuf,
    folder: PathBuf,
    marker: Marker,
    /// The lock of the run, once the marker is written.
    alive: Option<File>,
}

impl Pending {
    /// The marker of a run that has not changed anything yet. Nothing is written.
    pub(crate) fn new(home: &Home, run: &Run, head: &RunHead) -> Self {
        let site = PendingSite {
            file: run.world.file.path.clone(),
            realm: head.site.realm,
            twin: run.world.socket().map(Path::to_owned),
        };
        let packet = run.runs.join(head.run_id.as_str());
        Self::of(home.folder(), Marker::new(head.run_id.clone(), packet, site))
    }

    /// The marker of a run over a packet and a site.
    #[cfg(test)]
    pub(crate) fn at(home: &Path, run_id: &Slug, packet: PathBuf, site: PendingSite) -> Self {
        Self::of(home, Marker::new(run_id.clone(), packet, site))
    }

    fn of(home: &Path, marker: Marker) -> Self {
        let folder = store::folder_of(home, &marker.run_id);
        Self { home: home.to_owned(), folder, marker, alive: None }
    }

    /// Writes the marker before the first change, and brings it to the disk.
    ///
    /// # Errors
    /// When it cannot be written. Nothing may be changed then.
    pub(crate) fn begin(&mut self) -> Result<(), Fault> {
        if self.marker.site.ends_with_host() {
            return Ok(());
        }
        private_file::folder(&self.folder).map_err(|error| unwritable(&self.folder, &error))?;
        let held = hold(&self.folder)?.ok_or_else(|| {
            let run = &self.marker.run_id;
            Fault::new(Code::BugInternal, Stage::Record, format!("run {run} is there already"))
        })?;
        self.alive = Some(held);
        self.write()
    }

    /// Takes up the marker of a run that is over; none where it is alive, or somebody else recovers it right now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn resume(home: &Path, run_id: &Slug) -> Result<Option<Self>, Fault> {
        let folder = store::folder_of(home, run_id);
        let Some(held) = hold(&folder)? else { return Ok(None) };
        // Only now: who held it until now may have removed it.
        let Some(marker) = read(&folder)? else { return Ok(None) };
        Ok(Some(Self { home: home.to_owned(), folder, marker, alive: Some(held) }))
    }

    /// What it says.
    pub(crate) fn marker(&self) -> &Marker {
        &self.marker
    }

    /// Enters a target before a change of it is written down. `addresses` are those of the resolved target, its own first.
    ///
    /// # Errors
    /// `guard.locked` or `guard.unrecovered` where another run changes it or may have left it changed, and when the marker cannot be
    /// written. The change must not be made then.
    pub(crate) fn add_target(&mut self, resource: &Resource, addresses: &[IpAddr]) -> Result<(), Fault> {
        let new = PendingTarget::of(resource, addresses);
        if self.marker.targets.contains(&new) {
            return Ok(());
        }
        self.refuse_overlap(&new.footprint())?;
        self.marker.targets.push(new);
        self.write()
    }

    /// Refuses to change what another run is changing, or may have left changed.
    fn refuse_overlap(&self, targets: &Footprint) -> Result<(), Fault> {
        for other in pending(&self.home)? {
            let same_world = other.site.is_same_world(&self.marker.site);
            if other.run_id == self.marker.run_id || !same_world || !other.overlaps(targets) {
                continue;
            }
            let run = &other.run_id;
            return Err(match hold(&store::folder_of(&self.home, run))? {
                None => {
                    Fault::new(Code::GuardLocked, Stage::Gate, format!("run {run} is changing the target"))
                        .hint("Wait until it is over.")
                }
                Some(_released) => {
                    let message = format!("run {run} was killed and may have left the target changed");
                    Fault::new(Code::GuardUnrecovered, Stage::Gate, message)
                        .hint(format!("Take back what it did with `fabric recover {run}`."))
                }
            });
        }
        Ok(())
    }

    /// Enters that a change is verified as taken back, so that nobody looks at it again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn restored(&mut self, change: u32) -> Result<(), Fault> {
        if self.marker.restored.contains(&change) {
            return Ok(());
        }
        self.marker.restored.push(change);
        self.write()
    }

    /// Enters that its packet is sealed, and as what.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn sealed(&mut self, manifest: Digest) -> Result<(), Fault> {
        self.marker.sealed = Some(manifest);
        self.write()
    }

    /// Removes the marker and the undo store of the run: nothing is left, or what is left stays for good. The marker goes last. Does
    /// nothing where there is neither.
    ///
    /// # Errors
    /// When the folder refuses.
    pub(crate) fn done(&mut self) -> Result<(), Fault> {
        self.remove().map_err(|error| unwritable(&self.folder, &error))
    }

    fn remove(&self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name() != MARKER {
                private_file::forget(&entry.path())?;
            }
        }
        private_file::forget(&self.folder.join(MARKER))?;
        fs::remove_dir(&self.folder)?;
        private_file::sync_folder(self.folder.parent().unwrap_or(Path::new(".")))
    }

    fn write(&self) -> Result<(), Fault> {
        if self.alive.is_none() {
            return Ok(());
        }
        let path = self.folder.join(MARKER);
        let bytes = serde_json::to_vec_pretty(&self.marker)
            .map_err(|error| Fault::new(Code::BugInternal, Stage::Record, error.to_string()))?;
        private_file::write(&path, &bytes).map_err(|error| unwritable(&path, &error))
    }
}

/// The runs of this operator that may have left something, in the order of their names.
///
/// # Errors
/// When one of the markers cannot be read: what it is about is not known then, so nothing may be changed.
pub(crate) fn pending(home: &Path) -> Result<Vec<Marker>, Fault> {
    let runs = store::runs(home);
    let unreadable = |error: &io::Error| unreadable(&runs, &error.to_string());
    let entries = match fs::read_dir(&runs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| unreadable(&error))?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&error))?;
        // A folder without a marker is that of a run which was killed before its first intent.
        all.extend(read(&entry.path())?);
    }
    all.sort_unstable_by(|one, other| one.run_id.cmp(&other.run_id));
    Ok(all)
}

/// Takes the lock of a run; none where somebody holds it.
fn hold(folder: &Path) -> Result<Option<File>, Fault> {
    let path = folder.join(ALIVE);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = match file {
        // It was recovered meanwhile, folder and all.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| unwritable(&path, &error))?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unwritable(&path, &error)),
    }
}

fn read(folder: &Path) -> Result<Option<Marker>, Fault> {
    let path = folder.join(MARKER);
    let bytes = private_file::read(&path).map_err(|error| unreadable(&path, &error.to_string()))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let pending: Marker =
        serde_json::from_slice(&bytes).map_err(|error| unreadable(&path, &error.to_string()))?;
    if pending.format != FORMAT {
        return Err(unreadable(&path, &format!("it has format {}, which is a later one", pending.format)));
    }
    Ok(Some(pending))
}

fn unreadable(path: &Path, why: &str) -> Fault {
    Fault::new(Code::GuardUnrecovered, Stage::Gate, format!("read {}: {why}", path.display())).hint(
        "It names what a killed run may have left changed; restore it, or look at the run's packet by hand.",
    )
}

fn unwritable(path: &Path, error: &io::Error) -> Fault {
    Fault::new(Code::EvidenceUnwritable, Stage::Record, format!("write {}: {error}", path.display()))
        .hint("Check the free space and the owner of the operator's folder; nothing is changed that could not be undone.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> Slug {
        text.parse().expect("a name")
    }

    fn target(resource: &str, address: &str) -> PendingTarget {
        PendingTarget {
            resource: resource.parse().expect("a resource"),
            addresses: vec![address.parse().expect("an address")],
        }
    }

    fn marker(run: &str) -> Marker {
        let site = PendingSite { file: "/site/fabric.toml".into(), realm: Realm::Lab, twin: None };
        let targets = vec![target("host:dns-edge-1/keepalived", "10.0.0.1")];
        Marker { targets, ..Marker::new(slug(run), format!("/runs/{run}").into(), site) }
    }

    fn begun(home: &Path, run: &str) -> Pending {
        let mut pending = Pending::of(home, marker(run));
        pending.begin().expect("room");
        pending
    }

    fn footprint(resource: &str) -> Footprint {
        Footprint::of([&resource.parse().expect("a resource")], [])
    }

    fn address(text: &str) -> [IpAddr; 1] {
        [text.parse().expect("an address")]
    }

    #[test]
    fn a_marker_stands_from_its_beginning_until_it_is_done() {
        let home = tempfile::tempdir().expect("a folder");
        assert_eq!(pending(home.path()).expect("no folder is none"), []);
        let mut live = begun(home.path(), "run-1");
        assert_eq!(pending(home.path()).expect("readable"), [marker("run-1")]);
        live.restored(0).expect("room");
        live.sealed(Digest::of(b"manifest")).expect("room");
        drop(live);
        let mut taken = Pending::resume(home.path(), &slug("run-1")).expect("readable").expect("it is over");
        assert_eq!(taken.marker().restored, [0]);
        assert_eq!(taken.marker().sealed, Some(Digest::of(b"manifest")));
        taken.done().expect("ours");
        assert_eq!(pending(home.path()).expect("readable"), []);
        assert!(Pending::resume(home.path(), &slug("run-1")).expect("readable").is_none());
    }

    #[test]
    fn a_run_that_changed_nothing_leaves_no_marker() {
        let home = tempfile::tempdir().expect("a folder");
        let mut idle = Pending::of(home.path(), marker("run-1"));
        assert_eq!(pending(home.path()).expect("readable"), []);
        idle.done().expect("nothing to do");
    }

    #[test]
    fn a_living_run_is_not_taken_up_and_refuses_as_locked() {
        let home = tempfile::tempdir().expect("a folder");
        let live = begun(home.path(), "run-1");
        assert!(Pending::resume(home.path(), &slug("run-1")).expect("readable").is_none());
        let other = Pending::of(home.path(), Marker { targets: Vec::new(), ..marker("run-2") });
        let refused = other.refuse_overlap(&footprint("guest:dns-edge-1"));
        assert_eq!(refused.expect_err("it overlaps").code, Code::GuardLocked);
        drop(live);
        let refused = other.refuse_overlap(&footprint("guest:dns-edge-1"));
        let refused = refused.expect_err("it overlaps");
        assert_eq!(refused.code, Code::GuardUnrecovered);
        assert!(refused.hints.concat().contains("fabric recover run-1"), "{:?}", refused.hints);
    }

    #[test]
    fn a_run_does_not_change_what_another_left_but_what_lies_beside_it() {
        let home = tempfile::tempdir().expect("a folder");
        drop(begun(home.path(), "run-1"));
        let mut over = Pending::of(home.path(), Marker { targets: Vec::new(), ..marker("run-2") });
        over.begin().expect("room");
        let jump = "10.9.9.9".parse().expect("an address");
        over.add_target(&"host:dns-edge-2".parse().expect("one"), &[address("10.0.0.2")[0], jump])
            .expect("another");
        for (resource, own) in [("guest:dns-edge-1", "10.8.8.8"), ("host:x", "10.0.0.1")] {
            let refused = over.add_target(&resource.parse().expect("a resource"), &address(own));
            assert_eq!(refused.expect_err("it overlaps").code, Code::GuardUnrecovered, "{resource}");
        }
        assert_eq!(
            over.marker().targets,
            [target("host:dns-edge-2", "10.0.0.2")],
            "a jump host is no target"
        );
    }

    #[test]
    fn another_world_is_not_in_the_way_and_a_twin_of_the_own_process_leaves_nothing() {
        let home = tempfile::tempdir().expect("a folder");
        let twin = |twin: Option<&str>| PendingSite {
            realm: Realm::Twin,
            twin: twin.map(PathBuf::from),
            ..marker("run-1").site
        };
        let mut own = Pending::of(home.path(), Marker { site: twin(None), ..marker("run-0") });
        own.begin().expect("nothing to write");
        own.add_target(&"host:dns-edge-1".parse().expect("one"), &address("10.0.0.1"))
            .expect("nothing to write");
        assert_eq!(pending(home.path()).expect("readable"), []);
        drop(begun(home.path(), "run-1"));
        for (socket, refused) in [(Some("/a"), false), (None, false)] {
            let other = Pending::of(home.path(), Marker { site: twin(socket), ..marker("run-2") });
            assert_eq!(other.refuse_overlap(&footprint("host:dns-edge-1")).is_err(), refused, "{socket:?}");
        }
    }

    #[test]
    fn a_target_that_the_plan_did_not_name_is_entered_once() {
        let home = tempfile::tempdir().expect("a folder");
        let mut live = begun(home.path(), "run-1");
        for _ in 0..2 {
            live.add_target(&"host:dns-edge-2".parse().expect("one"), &address("10.0.0.2")).expect("room");
        }
        let stands = pending(home.path()).expect("readable");
        assert_eq!(stands[0].targets[1..], [target("host:dns-edge-2", "10.0.0.2")]);
    }

    #[test]
    fn a_marker_that_cannot_be_read_lets_nothing_be_changed() {
        let home = tempfile::tempdir().expect("a folder");
        drop(begun(home.path(), "run-1"));
        let path = store::folder_of(home.path(), &slug("run-1")).join(MARKER);
        private_file::write(&path, b"{").expect("ours");
        assert_eq!(pending(home.path()).expect_err("broken").code, Code::GuardUnrecovered);
        let other = Pending::of(home.path(), marker("run-2"));
        other.refuse_overlap(&footprint("host:y")).expect_err("who knows");
    }
}
