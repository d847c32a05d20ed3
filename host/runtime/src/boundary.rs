//! How much the files that bind the executor are out of his own reach.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fabric_model::exit::Exit;
use rustix::fs::Access;

use crate::refusal::Refusal;

/// What keeps a script in, as this version has it.
const CONFINEMENT: &str =
    "reduced: a process without secrets, sockets or files of its own, without Landlock and seccomp";

/// Write permission for the group and for others.
const OTHERS_WRITE: u32 = 0o022;

/// A folder in which only the owner of a file can replace it.
const STICKY: u32 = 0o1000;

/// The boundary as a packet states it. Where the executor could rewrite one of the files that bind him, his run is bound by
/// his own good will there, and the packet says so.
pub(crate) fn of_files<'p>(files: impl IntoIterator<Item = &'p Path>) -> String {
    let own: Vec<String> = files.into_iter().filter(|file| can_rewrite(file)).map(name).collect();
    match own.as_slice() {
        [] => CONFINEMENT.to_owned(),
        some => format!("{CONFINEMENT}; advisory: the executor can rewrite {}", some.join(", ")),
    }
}

/// Refuses a file that more accounts than its owner's can change: whoever they are, nobody granted them that.
///
/// # Errors
/// When its mode lets the group or others write.
pub(crate) fn of_one_writer(file: &Path) -> Result<(), Refusal> {
    // A file that is not there is for its reader to refuse.
    let mode = fs::metadata(file).map_or(0, |file| file.mode()) & 0o7777;
    if mode & OTHERS_WRITE == 0 {
        return Ok(());
    }
    let shown = file.display();
    let message = format!("{shown} can be written by others than its owner (mode {mode:04o})");
    Err(Refusal::new(Exit::Configuration, message).hint(format!(
        "Read what it says, then run `chmod go-w {shown}`: it decides what is granted and whose signatures count."
    )))
}

/// Whether this process's account can change what the path leads to: the file, or any folder on the way in which it could put
/// another in its place. What cannot be looked at counts as if it could.
fn can_rewrite(file: &Path) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let Ok(file) = fs::canonicalize(file) else { return true };
    file.ancestors().any(|step| {
        let Ok(metadata) = fs::metadata(step) else { return true };
        let writable = rustix::fs::access(step, Access::WRITE_OK).is_ok();
        // In a sticky folder nobody replaces what is another's; what is his own is found by its owner.
        metadata.uid() == me || (writable && !(metadata.is_dir() && metadata.mode() & STICKY != 0 && me != 0))
    })
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_the_executor_owns_makes_the_boundary_advisory() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("policy.toml");
        fs::write(&own, "").expect("a file");
        fs::set_permissions(&own, Permissions::from_mode(0o444)).expect("ours");
        let (own, gone) = (own.as_path(), Path::new("/nonexistent/trust.toml"));
        assert_eq!(
            of_files([own, gone]),
            format!("{CONFINEMENT}; advisory: the executor can rewrite policy.toml, trust.toml")
        );
        assert_eq!(of_files([]), CONFINEMENT);
    }

    #[test]
    fn what_belongs_to_the_system_is_out_of_reach_of_others_than_root() {
        assert_eq!(can_rewrite(Path::new("/etc/passwd")), rustix::process::geteuid().is_root());
    }

    #[test]
    fn a_file_that_others_write_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("policy.toml");
        fs::write(&file, "").expect("a file");
        for (mode, refused) in [(0o644, false), (0o600, false), (0o664, true), (0o646, true), (0o777, true)] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).expect("ours");
            let answer = of_one_writer(&file);
            assert_eq!(answer.is_err(), refused, "{mode:o}");
            if let Err(refusal) = answer {
                assert_eq!(refusal.exit, Exit::Configuration);
                assert!(refusal.hints.concat().contains(&format!("chmod go-w {}", file.display())));
            }
        }
    }
}
