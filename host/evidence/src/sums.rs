//! Digests of many files: on every processor, and none of them taken into memory as a whole.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fabric_model::Digest;

use crate::regular;

/// The most threads; disks do not give more than a few readers.
const THREADS: usize = 8;

/// Files below which another thread costs more than it brings.
const FILES_PER_THREAD: usize = 16;

/// The digests of files of a folder, in the order of their names.
pub(crate) fn of_files(dir: &Path, names: &[&str]) -> Vec<io::Result<Digest>> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(THREADS).min(names.len() / FILES_PER_THREAD + 1);
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let Some((place, name)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            names.get(place).map(|name| (place, name))
        } {
            done.push((place, of_file(&dir.join(name))));
        }
        done
    };
    let mut found: Vec<(usize, io::Result<Digest>)> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut found = take();
        for other in others {
            // A panic of ours there would be one here as well.
            found.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        found
    });
    found.sort_unstable_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, digest)| digest).collect()
}

/// The digest of a regular file; whatever took its place meanwhile is an error.
fn of_file(path: &Path) -> io::Result<Digest> {
    Digest::of_stream(regular::open(OpenOptions::new().read(true), path)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_file_has_its_own_digest_and_what_is_no_file_has_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let names: Vec<String> = (0..200).map(|number| format!("file-{number}")).collect();
        for name in &names {
            fs::write(folder.path().join(name), name.repeat(1000)).expect("room");
        }
        std::os::unix::fs::symlink("file-0", folder.path().join("link")).expect("room");
        let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
        all.extend(["link", "missing"]);
        let digests = of_files(folder.path(), &all);
        assert_eq!(digests.len(), 202);
        for (name, digest) in names.iter().zip(&digests) {
            assert_eq!(digest.as_ref().ok(), Some(&Digest::of(name.repeat(1000).as_bytes())), "{name}");
        }
        assert!(digests.iter().skip(200).all(io::Result::is_err));
        assert!(of_files(folder.path(), &[]).is_empty());
    }
}
