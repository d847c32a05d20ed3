//! Packets: one file of a good one is replaced by the bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fabric_evidence::{Trust, verify};
use tempfile::TempDir;

use super::choice;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../evidence/vectors");

/// A copy of the good packet of the test vectors, and what its files hold.
struct Good {
    folder: TempDir,
    files: Vec<(PathBuf, Vec<u8>)>,
    trust: Trust,
}

static GOOD: LazyLock<Good> = LazyLock::new(|| {
    let vectors = Path::new(VECTORS);
    let folder = TempDir::new().expect("room for a packet");
    let mut files = Vec::new();
    copy(&vectors.join("good/observed"), folder.path(), &mut files);
    files.sort();
    let trust = Trust::load(&vectors.join("trust.toml")).expect("the trust file of the vectors");
    Good { folder, files, trust }
});

fn copy(from: &Path, to: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    fs::create_dir_all(to).expect("room");
    for entry in fs::read_dir(from).expect("the vectors") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target, files);
        } else {
            let bytes = fs::read(&path).expect("a file of the vectors");
            fs::write(&target, &bytes).expect("room");
            files.push((target, bytes));
        }
    }
}

/// 2026-06-01, half a year after the vectors were sealed.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_780_272_000)
}

/// Which file by the first byte, in the order of their paths, and what it holds now. Only as it was sealed does the packet verify, and
/// what is said of it holds nothing that a terminal obeys.
pub fn run(bytes: &[u8]) {
    let good = &*GOOD;
    let (which, content) = choice(bytes);
    let Some((path, sealed)) = good.files.get(usize::from(which) % good.files.len()) else { return };
    fs::write(path, content).expect("our own file");
    let verified = verify(good.folder.path(), &good.trust, now());
    fs::write(path, sealed).expect("our own file");
    assert_eq!(verified.is_ok(), content == sealed, "{}", path.display());
    for finding in verified.err().into_iter().flatten() {
        assert!(!finding.to_string().chars().any(char::is_control), "{finding}");
    }
}
