//! Digests of many files, none of them taken into memory as a whole.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fabric_model::Digest;

use crate::regular;
use crate::spread::{self, FILES_PER_THREAD};

/// What a file is.
pub(crate) struct Summed {
    pub(crate) digest: Digest,
    /// The bits of its mode.
    pub(crate) mode: u32,
}

/// The digests and modes of files of a folder, in the order of their names.
pub(crate) fn of_files(dir: &Path, names: &[&str]) -> Vec<io::Result<Summed>> {
    spread::over(names, FILES_PER_THREAD, |name| of_file(&dir.join(name)))
}

/// A regular file; whatever took its place meanwhile is an error.
fn of_file(path: &Path) -> io::Result<Summed> {
    let (file, metadata) = regular::read_described(path)?;
    Ok(Summed { digest: Digest::of_stream(file)?, mode: metadata.permissions().mode() })
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
            assert_eq!(
                digest.as_ref().ok().map(|file| file.digest),
                Some(Digest::of(name.repeat(1000).as_bytes())),
                "{name}"
            );
        }
        assert!(digests.iter().skip(200).all(io::Result::is_err));
        assert!(of_files(folder.path(), &[]).is_empty());
    }
}
