//! What a path is, and what a file holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::{FILE_CONTENT, FILE_FACTS};
use super::output::garbage;
use crate::error::WireError;

/// How `stat` and `cat` end their line about a path that is not there (ENOENT).
const ABSENT: &str = ": No such file or directory";

/// What lies at a path; a symbolic link is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file, empty or not.
    Regular,
    /// A folder.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// A device, a pipe or a socket.
    Special,
}

/// What `stat` says of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileFacts {
    /// What it is.
    pub kind: FileKind,
    /// Its permission bits, with set-user-ID, set-group-ID and sticky: at most `0o7777`.
    pub mode: u32,
    /// Its owner's name; `UNKNOWN` where the number has none.
    pub owner: String,
    /// Its group's name; `UNKNOWN` where the number has none.
    pub group: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Reads the output of [`super::ReadCommand::FileFacts`]; none where nothing is at the path, or its folder is not there either.
///
/// # Errors
/// [`WireError::Permission`] and [`WireError::Command`] when the path cannot be looked at, [`WireError::Garbage`] when the answer is
/// not one line of five known fields, as with messages in another language than English.
pub fn file_facts(output: &CommandOutput) -> Result<Option<FileFacts>, WireError> {
    if output.is_absence("stat: cannot stat") {
        return Ok(None);
    }
    let text = output.text(FILE_FACTS)?;
    facts(text).map(Some).ok_or_else(|| garbage(FILE_FACTS, "it did not print one line of five known fields"))
}

/// `regular file,644,root,root,1267` and the end of the line.
fn facts(text: &str) -> Option<FileFacts> {
    let fields: Vec<&str> = text.strip_suffix('\n')?.split(',').collect();
    let [kind, mode, owner, group, size] = fields.as_slice() else { return None };
    let kind = match *kind {
        "regular file" | "regular empty file" => FileKind::Regular,
        "directory" => FileKind::Directory,
        "symbolic link" => FileKind::SymbolicLink,
        "character special file" | "block special file" | "fifo" | "socket" => FileKind::Special,
        _ => return None,
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    if !digits(mode) || !digits(size) || !is_name(owner) || !is_name(group) {
        return None;
    }
    Some(FileFacts {
        kind,
        mode: u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777)?,
        owner: (*owner).to_owned(),
        group: (*group).to_owned(),
        size: size.parse().ok()?,
    })
}

/// Reads the output of [`super::ReadCommand::FileContent`].
///
/// # Errors
/// [`WireError::NotFound`] when there is no such file, [`WireError::Permission`] and [`WireError::Command`] when it cannot be read.
pub fn file_content(output: &CommandOutput) -> Result<Vec<u8>, WireError> {
    if output.is_absence("cat: ") {
        return Err(WireError::NotFound("the host has no such file".to_owned()));
    }
    match output.status {
        0 => Ok(output.stdout.clone()),
        status => Err(output.failure(FILE_CONTENT, status)),
    }
}

impl CommandOutput {
    /// Whether a tool failed because the path is not there. Lines that `sudo` writes before the tool's own say nothing about that.
    /// The tool calls itself as it was called: by its whole path.
    pub(super) fn is_absence(&self, beginning: &str) -> bool {
        let stderr = String::from_utf8_lossy(&self.stderr);
        let mut lines = stderr.lines().map(|line| line.strip_prefix("/usr/bin/").unwrap_or(line));
        self.status != 0 && lines.any(|line| line.starts_with(beginning) && line.ends_with(ABSENT))
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::{ended, printed};
    use super::*;

    #[test]
    fn each_kind_of_file_is_read() {
        let passwd = file_facts(&printed("regular file,644,root,root,1267\n")).expect("readable");
        let expected = FileFacts {
            kind: FileKind::Regular,
            mode: 0o644,
            owner: "root".into(),
            group: "root".into(),
            size: 1267,
        };
        assert_eq!(passwd, Some(expected));
        let read = |text: &str| file_facts(&printed(text)).expect("readable").map(|facts| facts.kind);
        assert_eq!(read("regular empty file,4755,UNKNOWN,UNKNOWN,0\n"), Some(FileKind::Regular));
        assert_eq!(read("directory,1777,root,www-data,80\n"), Some(FileKind::Directory));
        assert_eq!(read("symbolic link,777,root,root,19\n"), Some(FileKind::SymbolicLink));
        assert_eq!(read("character special file,666,root,root,0\n"), Some(FileKind::Special));
    }

    #[test]
    fn a_path_with_nothing_there_is_an_answer_and_every_other_failure_is_not() {
        let absent = "sudo: unable to resolve host x: Name or service not known\n\
                      stat: cannot statx '/nope': No such file or directory\n";
        let whole = "/usr/bin/stat: cannot statx '/etc/nope': No such file or directory\n";
        assert_eq!(file_facts(&ended(1, "", whole)), Ok(None));
        assert_eq!(file_facts(&ended(1, "", absent)), Ok(None));
        let older = "stat: cannot stat '/nope': No such file or directory\n";
        assert_eq!(file_facts(&ended(1, "", older)), Ok(None));
        for stderr in [
            "stat: cannot statx '/etc/passwd/x': Not a directory\n",
            "sudo: /usr/bin/stat: command not found\n",
            "sudo: unable to open /etc/sudoers: No such file or directory\n",
            "",
        ] {
            let failed = file_facts(&ended(1, "", stderr));
            assert!(matches!(failed, Err(WireError::Command { status: 1, .. })), "{failed:?}");
        }
        let denied = file_facts(&ended(1, "", "sudo: a password is required\n"));
        assert!(matches!(denied, Err(WireError::Permission(_))), "{denied:?}");
    }

    #[test]
    fn fields_that_are_no_facts_are_garbage() {
        for bad in [
            "",
            "\n",
            "regular file,644,root,root,1267",
            "regular file,644,root,root,1267\nregular file,644,root,root,1267\n",
            "reguläre Datei,644,root,root,1\n",
            "regular file,648,root,root,1\n",
            "regular file,10000,root,root,1\n",
            "regular file,+644,root,root,1\n",
            "regular file,644,,root,1\n",
            "regular file,644,ro ot,root,1\n",
            "regular file,644,root,root,-1\n",
            "regular file,644,root,root\n",
            "regular file,644,root,root,1,2\n",
            "regular file,644,root,root,99999999999999999999\n",
        ] {
            assert!(matches!(file_facts(&printed(bad)), Err(WireError::Garbage(_))), "{bad:?}");
        }
    }

    #[test]
    fn content_is_taken_byte_by_byte() {
        let mut output = printed("");
        assert_eq!(file_content(&output), Ok(vec![]));
        output.stdout = vec![0, 0xff, b'\n', 0];
        assert_eq!(file_content(&output), Ok(vec![0, 0xff, b'\n', 0]));
    }

    #[test]
    fn a_file_that_is_not_there_is_not_found_and_a_folder_is_a_failure() {
        let absent = ended(1, "", "cat: /nope: No such file or directory\n");
        assert!(matches!(file_content(&absent), Err(WireError::NotFound(_))));
        // The status counts, not what came before it.
        let folder = file_content(&ended(1, "half", "cat: /etc: Is a directory\n"));
        assert!(matches!(folder, Err(WireError::Command { status: 1, .. })), "{folder:?}");
    }
}
