//! Where a lab lives: its run folder, its cache, and the id that every name of it on this machine carries.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use fabric_model::digest::Digest;

use crate::error::LabError;

/// Where a lab lives.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The run folder; gone after `down`.
    pub(crate) run: PathBuf,
    /// Base images and the lock; stays.
    pub(crate) cache: PathBuf,
    /// `fl` and eight digits of the run folder's digest. It follows from the folder alone, so that `down` finds what a killed
    /// `up` left before it could write anything.
    pub(crate) id: String,
}

impl Place {
    /// The place for `dir`, or for `$FABRIC_LAB_DIR`, or the default one.
    pub(crate) fn find(dir: Option<PathBuf>) -> Result<Self, LabError> {
        let run = dir
            .or_else(|| std::env::var_os("FABRIC_LAB_DIR").map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from("/run/fabric-lab"));
        let run = std::path::absolute(&run).map_err(LabError::file(&run))?;
        if run.parent().is_none() || run.as_os_str().as_encoded_bytes().contains(&b' ') {
            return Err(LabError::Usage(format!(
                "{} cannot be a run folder: it must not be the root and hold no space",
                run.display()
            )));
        }
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .unwrap_or_else(|| PathBuf::from("/var/cache"))
            .join("fabric-lab");
        let digest = Digest::of(run.as_os_str().as_encoded_bytes()).to_string();
        let id = format!("fl{}", digest.get(..8).unwrap_or_default());
        Ok(Self { run, cache, id })
    }

    /// The name of a member's network namespace.
    pub(crate) fn netns(&self, member: &str) -> String {
        format!("{}-{member}", self.id)
    }

    /// The handle of that namespace.
    pub(crate) fn netns_path(&self, member: &str) -> PathBuf {
        Path::new("/run/netns").join(self.netns(member))
    }

    /// Words that put a command into a member's network namespace and leave everything else as it is.
    pub(crate) fn enter(&self, member: &str) -> Vec<String> {
        vec!["nsenter".to_owned(), format!("--net={}", self.netns_path(member).display())]
    }

    /// The folder of a node: `upper`, `work`, `root` and `console.log`.
    pub(crate) fn node(&self, node: &str) -> PathBuf {
        self.run.join("nodes").join(node)
    }

    /// The node's file system as the node sees it.
    pub(crate) fn root(&self, node: &str) -> PathBuf {
        self.node(node).join("root")
    }

    /// The site folder for `fabric --site`.
    pub(crate) fn site(&self) -> PathBuf {
        self.run.join("site")
    }

    /// A copy of this program: its own path may be another program's after a rebuild.
    pub(crate) fn program(&self) -> PathBuf {
        self.run.join("fabric-lab")
    }

    /// The keeper's socket.
    pub(crate) fn keeper(&self) -> PathBuf {
        self.run.join("keeper.sock")
    }

    /// The socket on which the served Proxmox takes faults.
    pub(crate) fn proxmox(&self) -> PathBuf {
        self.run.join("proxmox.sock")
    }

    /// What was asked of the served Proxmox, a line for each request: method and path.
    pub(crate) fn proxmox_log(&self) -> PathBuf {
        self.run.join("proxmox.log")
    }

    /// The faults that are in effect.
    pub(crate) fn journal(&self) -> PathBuf {
        self.run.join("faults.json")
    }

    /// Written last by `up`.
    pub(crate) fn marker(&self) -> PathBuf {
        self.run.join("up.json")
    }

    /// The cgroup of a member, relative to each hierarchy's root.
    pub(crate) fn cgroup(&self, member: &str) -> String {
        format!("{}/{member}", self.id)
    }
}

/// Writes `text` to `path` with exactly `mode`, also where the file was there before.
pub(crate) fn write(path: &Path, text: &str, mode: u32) -> Result<(), LabError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(LabError::file(folder))?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .map_err(LabError::file(path))?;
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(LabError::file(path))?;
    file.write_all(text.as_bytes()).map_err(LabError::file(path))
}

/// Reads a file as text.
pub(crate) fn read(path: &Path) -> Result<String, LabError> {
    fs::read_to_string(path).map_err(LabError::file(path))
}

/// Removes a file that may not be there.
pub(crate) fn remove(path: &Path) -> Result<(), LabError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(LabError::file(path)(error)),
        _ => Ok(()),
    }
}
