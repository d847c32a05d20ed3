//! The vectors of `evidence/vectors` as their index lists them, each laid out as one packet.

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

    /// Makes the packet in a new folder.
    pub(crate) fn lay(&self) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for part in self.over.iter().chain([&self.vector]) {
            copy(&folder().join(part), dir.path());
        }
        for name in &self.without {
            fs::remove_file(dir.path().join(name)).expect("it was laid before");
        }
        dir
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
