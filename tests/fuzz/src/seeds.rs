//! The seeds of a target: small inputs that reach far, and every input that once was a finding.

use std::path::{Path, PathBuf};
use std::{fs, io};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds");

/// The seeds of a target by the name of their file, in its order.
///
/// # Errors
/// When the folder or a file in it cannot be read.
pub fn of(target: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(Path::new(SEEDS).join(target))?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    let named = |path: PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok((name, fs::read(path)?))
    };
    paths.into_iter().map(named).collect()
}
