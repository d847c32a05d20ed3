//! A site file from disk, or the complete list of what is wrong with it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fabric_model::site::Site;
use fabric_model::{Diagnostic, Digest};

use super::{check, report::Report, shape};

/// The largest site file that is read, in bytes. The Samakia site with its 23 hosts takes 20 KiB.
const SIZE_LIMIT: u64 = 1 << 20;

/// A site file that was read and found consistent.
#[derive(Clone, Debug)]
pub struct SiteFile {
    /// What it says.
    pub site: Site,
    /// The folder it lies in; relative paths in the file begin there.
    pub folder: PathBuf,
    /// The file, as the operator named it.
    pub path: PathBuf,
    /// The digest of its bytes, for evidence.
    pub digest: Digest,
}

/// Reads the site file at `path`.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file: an unreadable file or a TOML syntax error alone, then what does not
/// fit the format, then what does not fit together.
pub fn load(path: &Path) -> Result<SiteFile, Vec<Diagnostic>> {
    let name = path.display().to_string();
    let bytes = read(path).map_err(|error| vec![unreadable(&name, &error)])?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let before = String::from_utf8_lossy(valid);
        let place = Diagnostic::at(&name, &before, before.len(), "the text is not UTF-8 from here on");
        vec![place.hint("Save the file as UTF-8.")]
    })?;
    let site = parse(&name, text)?;
    // `parent` of a bare file name is the empty path, which no system call accepts as the working directory.
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(SiteFile { site, folder: folder.to_owned(), path: path.to_owned(), digest: Digest::of(&bytes) })
}

/// Reads a site from `text`; `file` is only what diagnostics call it.
///
/// # Errors
/// As [`load`].
pub fn parse(file: &str, text: &str) -> Result<Site, Vec<Diagnostic>> {
    let mut report = Report::new(file, text);
    let site = shape::read(&mut report);
    if let Some(site) = &site {
        check::all(site, &mut report);
    }
    let found = report.into_diagnostics();
    match site {
        Some(site) if found.is_empty() => Ok(site),
        _ => Err(found),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(bytes)
}

fn unreadable(name: &str, error: &io::Error) -> Diagnostic {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => {
            "Write one (`fabric schema site` describes it), or name one with `--site`."
        }
        io::ErrorKind::PermissionDenied => "Make the file readable for the account that runs fabric.",
        io::ErrorKind::FileTooLarge => "Check that this is the site file: one host takes less than 1 KiB.",
        _ => "Check that this is a regular, readable file.",
    };
    Diagnostic::whole(name, format!("the site file cannot be read: {error}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samakia_site_is_consistent_and_complete() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fabric.toml");
        let file = load(&path).map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>());
        let file = file.expect("no diagnostics");
        assert_eq!(file.site.hosts.len(), 23);
        assert_eq!(file.site.vips.len(), 9);
        assert_eq!(Some(file.folder.as_path()), path.parent());
    }

    #[test]
    fn a_missing_file_says_how_to_get_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let found = load(&folder.path().join("fabric.toml")).expect_err("there is no file");
        let [only] = found.as_slice() else { panic!("one diagnostic expected: {found:?}") };
        assert!(only.message.starts_with("the site file cannot be read: No such file"), "{only}");
        assert!(only.hint.as_deref().is_some_and(|h| h.contains("fabric schema site")), "{only}");
    }

    #[test]
    fn a_file_that_is_not_utf8_is_refused_with_its_place() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("fabric.toml");
        std::fs::write(&path, b"format = 1\nx = \"\xff\"\n").expect("the file is written");
        let found = load(&path).expect_err("it is not text");
        assert_eq!(found.first().map(|d| (d.line, d.column)), Some((2, 6)));
    }

    #[test]
    fn an_oversized_file_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("fabric.toml");
        std::fs::write(&path, vec![b'#'; SIZE_LIMIT as usize + 1]).expect("the file is written");
        let found = load(&path).expect_err("it is too large");
        assert!(found.first().is_some_and(|d| d.message.contains("larger than 1 MiB")), "{found:?}");
    }
}
