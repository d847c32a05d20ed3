//! The vectors of `evidence/vectors` as their index lists them, each laid out as one packet, or as a folder of packets.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One vector.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    /// Its folder: a packet, or what is laid over one.
    pub(crate) vector: String,
    trust: String,
    /// The packet that is judged, where the folder is one of packets.
    packet: Option<String>,
    /// Whether the folder is one of packets whose log is judged.
    #[serde(default)]
    pub(crate) log: bool,
    over: Option<String>,
    #[serde(default)]
    without: Vec<String>,
    /// The class that must be reported; none for a sound packet.
    pub(crate) class: Option<String>,
}

/// Where they lie.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../evidence/vectors")
}

/// All of them.
pub(crate) fn index() -> Vec<Vector> {
    let text = fs::read_to_string(folder().join("index.json")).expect("the index");
    serde_json::from_str(&text).expect("a list of vectors")
}

impl Vector {
    /// The trust file.
    pub(crate) fn trust(&self) -> PathBuf {
        folder().join(&self.trust)
    }

    /// Where the packet lies that is judged; nothing where only the log is.
    pub(crate) fn packet(&self, laid: &Path) -> Option<PathBuf> {
        match &self.packet {
            Some(name) => Some(laid.join(name)),
            None => (!self.log).then(|| laid.to_owned()),
        }
    }

    /// Makes the packet, or the folder of packets, in a new folder.
    pub(crate) fn lay(&self) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        self.lay_in(dir.path());
        dir
    }

    /// Makes it in this folder.
    pub(crate) fn lay_in(&self, dir: &Path) {
        for part in self.over.iter().chain([&self.vector]) {
            copy(&folder().join(part), dir);
        }
        for name in &self.without {
            let path = dir.join(name);
            fs::remove_file(&path).expect("it was laid before");
            // A folder of nothing is gone with what was in it.
            let above = path.ancestors().skip(1).take_while(|above| *above != dir);
            let _ = above.map(fs::remove_dir).take_while(Result::is_ok).count();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    // A vector that only takes something away has no folder.
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).expect("room");
    for entry in entries {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::write(target, fs::read(&path).expect("readable")).expect("room");
        }
    }
}
