//! What an operator's folder remembers of the runs that were started from it, until their packets are sealed.
//!
//! A packet's folder lies in the project, where others may write, and a journal's chain needs no key. So before a killed run is
//! sealed, its first line must be the one that was noted here, out of the project's reach.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use fabric_model::exit::Exit;
use fabric_model::{Digest, Slug};

use crate::refusal::Refusal;

/// The folder `started` of an operator: for each run under way one file, named after the run, with the digest of its journal's
/// first line.
#[derive(Clone, Debug)]
pub struct Started {
    folder: PathBuf,
}

impl Started {
    /// The folder at this place. It is made with the first note, mode 0700.
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Notes that a run begins, and brings the note to the disk: a run whose note is lost cannot be recovered.
    ///
    /// # Errors
    /// When the note cannot be written. The run must not begin then.
    pub(crate) fn note(&self, run_id: &Slug, first_line: Digest) -> Result<(), Refusal> {
        let note = self.note_of(run_id);
        self.write(&note, first_line).map_err(|error| {
            Refusal::new(Exit::Configuration, format!("{} cannot be written: {error}", note.display()))
                .hint("A run is noted in the operator's folder, so that `fabric recover` can tell it from a forged one.")
                .hint("Name a folder that you can write with `--home` or FABRIC_HOME.")
        })
    }

    fn write(&self, note: &Path, first_line: Digest) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(note)?;
        writeln!(file, "{first_line}")?;
        file.sync_all()?;
        File::open(&self.folder)?.sync_all()
    }

    /// Whether a run with this first line was started from here and is not sealed yet.
    pub(crate) fn knows(&self, run_id: &Slug, first_line: Digest) -> bool {
        fs::read_to_string(self.note_of(run_id)).is_ok_and(|noted| noted == format!("{first_line}\n"))
    }

    /// Forgets a run whose packet is sealed.
    pub(crate) fn forget(&self, run_id: &Slug) {
        // A note that stays does no harm: it vouches for one first line, and what is recovered with it is `aborted`.
        let _ = fs::remove_file(self.note_of(run_id));
    }

    fn note_of(&self, run_id: &Slug) -> PathBuf {
        self.folder.join(run_id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_first_line_that_was_noted_is_known_until_it_is_forgotten() {
        let dir = tempfile::tempdir().expect("a folder");
        let started = Started::at(dir.path().join("started"));
        let (run, other): (Slug, Slug) = ("run-1".parse().expect("a name"), "run-2".parse().expect("a name"));
        let (line, forged) = (Digest::of(b"line"), Digest::of(b"forged"));
        assert!(!started.knows(&run, line), "nothing is noted");
        started.note(&run, line).expect("room");
        assert!(started.knows(&run, line));
        assert!(!started.knows(&run, forged) && !started.knows(&other, line));
        assert_eq!(started.note(&run, forged).expect_err("noted once").exit, Exit::Configuration);
        started.forget(&run);
        assert!(!started.knows(&run, line));
    }

    #[test]
    fn notes_are_for_the_operator_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let started = Started::at(dir.path().join("started"));
        let run: Slug = "run-1".parse().expect("a name");
        started.note(&run, Digest::of(b"line")).expect("room");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&started.folder), mode(&started.note_of(&run))), (0o700, 0o600));
    }
}
