//! Writes one file of a host, with owner, group and mode.
//!
//! # Observes
//! Whether the file is there, with its owner, group, mode and the digest of its content (`stat`, `cat`). Every folder above it must be
//! there and be a folder itself: a symbolic link would lead to another file than the one that was granted.
//!
//! # Changes
//! The content goes into a file beside it, which is then put in its place in one step (rename(2)). A file that is as wanted is left
//! alone. A symbolic link, a device and a folder are refused.
//!
//! # Undo
//! The content, owner, group and mode before are put back in the same way; a file that was not there is removed. Only the host does that:
//! a dead-man timer has no content to put back.
//!
//! # Denied when
//! `file:NAME/path` is not granted, or the file, a folder above it or the host is denied.

use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Code, Digest, Fault, RemotePath, Slug, Stage, Value};
use fabric_wire::endpoint::SshHost;
use fabric_wire::ssh::{self, ChangeCommand, FileFacts, FileKind, ReadCommand};
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{FileMode, FileText, TimeoutMs};
use crate::changing::{ChangeExample, Changing, Control, Payload, Planned, Task, unbegun};
use crate::means::Means;
use crate::need::Need;
use crate::observing::Observation;
use crate::target::Targets;
use crate::transport;

/// The name under which the content before is kept.
const KEPT: &str = "content";

/// What `stat` says of an owner or group whose number has no name.
const NAMELESS: &str = "UNKNOWN";

/// Arguments of `file.put`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The host, by its name in the site.
    pub host: Slug,
    /// Where the file lies: an absolute path without `.` and `..`.
    pub path: RemotePath,
    /// The text of the file, at most 256 KiB. It stands in plan and evidence, so it holds no secret.
    pub content: FileText,
    /// The owner.
    #[serde(default = "root")]
    pub owner: Slug,
    /// The group.
    #[serde(default = "root")]
    pub group: Slug,
    /// The mode as three or four octal digits.
    #[serde(default)]
    pub mode: FileMode,
    /// The total deadline of each step: observing, changing, looking again.
    #[serde(default = "TimeoutMs::of_a_change")]
    pub timeout_ms: TimeoutMs,
}

fn root() -> Slug {
    "root".parse().expect("it is a name")
}

/// The state of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSeen {
    /// The file; nothing where there is none.
    pub file: Option<Stored>,
}

/// A file as it lies on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// SHA-256 of its content.
    pub digest: Digest,
    /// Its owner.
    pub owner: Slug,
    /// Its group.
    pub group: Slug,
    /// Its mode as four octal digits.
    pub mode: FileMode,
}

/// What is done to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum FileAction {
    /// It gets the content of the call.
    Put {
        /// What it is afterwards.
        file: Stored,
    },
    /// It gets the content that was kept before the change.
    PutBack {
        /// What it is afterwards.
        file: Stored,
    },
    /// It is removed.
    Remove,
}

pub(crate) struct Put;

impl Changing for Put {
    const NAME: &'static str = "file.put";
    const SUMMARY: &'static str = "Writes one file of a host, with owner, group and mode.";

    type Args = Args;
    type Seen = FileSeen;
    type Action = FileAction;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::file(&args.host, &args.path)])
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        args: &Args,
        targets: &Targets,
        means: &Means,
        deadline: Deadline,
    ) -> Result<Observation<FileSeen>, Fault> {
        let look = Look { host: targets.host()?, means, deadline };
        for folder in folders(&args.path) {
            let (facts, _) = look.at(&folder).await?;
            if facts.map(|facts| facts.kind) != Some(FileKind::Directory) {
                return Err(no_folder(args, &folder));
            }
        }
        let (facts, path) = look.at(&args.path).await?;
        let file = match facts {
            Some(facts) => {
                regular(args, &facts)?;
                Some(stored(args, &facts, &look.content(&args.path).await?)?)
            }
            None => None,
        };
        let transport = transport::ssh(&path);
        Ok(Observation { output: FileSeen { file }, basis: Basis::SelfReported, transport })
    }

    fn plan(args: &Args, seen: &FileSeen) -> Result<Option<Planned<FileAction, FileSeen>>, Fault> {
        let wanted = Stored {
            digest: Digest::of(args.content.bytes()),
            owner: args.owner.clone(),
            group: args.group.clone(),
            mode: args.mode,
        };
        let inverse = match &seen.file {
            Some(file) if *file == wanted => return Ok(None),
            Some(file) => FileAction::PutBack { file: file.clone() },
            None => FileAction::Remove,
        };
        Ok(Some(Planned {
            action: FileAction::Put { file: wanted.clone() },
            after: FileSeen { file: Some(wanted) },
            inverse: Some(inverse),
            heal: None,
            control: Control::Kept,
        }))
    }

    fn describe(args: &Args, action: &FileAction) -> String {
        let (path, host) = (&args.path, &args.host);
        match action {
            FileAction::Put { file } => {
                let (bytes, Stored { owner, group, mode, .. }) = (args.content.bytes().len(), file);
                let mode = String::from(*mode);
                format!("write {path} on {host} ({bytes} bytes, {owner}:{group}, mode {mode})")
            }
            FileAction::PutBack { file } => {
                let digest: String = file.digest.to_string().chars().take(12).collect();
                format!("put back {path} on {host} (sha256 {digest}...)")
            }
            FileAction::Remove => format!("remove {path} on {host}"),
        }
    }

    async fn keep(
        args: &Args,
        seen: &FileSeen,
        targets: &Targets,
        means: &Means,
        deadline: Deadline,
    ) -> Result<Vec<Payload>, Fault> {
        let Some(file) = &seen.file else { return Ok(Vec::new()) };
        let bytes = Look { host: targets.host()?, means, deadline }.content(&args.path).await?;
        if Digest::of(&bytes) != file.digest {
            let message = format!("{} on {} changed since it was looked at", args.path, args.host);
            return Err(Fault::new(Code::ChangeConflict, Stage::Record, message));
        }
        let name = KEPT.parse().map_err(|_| internal("a payload has no name"))?;
        Ok(vec![Payload { name, bytes }])
    }

    /// A change that ended between its two commands leaves its new file beside the old one.
    async fn unstage(args: &Args, task: &Task<'_>) -> Result<(), Fault> {
        task.change(&ChangeCommand::FileRemove { path: beside(&args.path, &task.own_name()?)? }, &[]).await
    }

    async fn apply(args: &Args, action: &FileAction, task: &Task<'_>) -> Result<(), Fault> {
        let (file, content) = match action {
            FileAction::Put { file } => (file, args.content.bytes()),
            FileAction::PutBack { file } => (file, task.payload(KEPT)?),
            FileAction::Remove => {
                return task.change(&ChangeCommand::FileRemove { path: args.path.clone() }, &[]).await;
            }
        };
        if Digest::of(content) != file.digest {
            let message = format!("the content for {} is not the one that was planned", args.path);
            return Err(unbegun(Fault::new(Code::PlanAltered, Stage::Apply, message)));
        }
        let from = beside(&args.path, &task.own_name()?)?;
        let stage = ChangeCommand::FileStage {
            path: from.clone(),
            owner: file.owner.clone(),
            group: file.group.clone(),
            mode: file.mode.bits(),
        };
        task.change(&stage, content).await?;
        task.change(&ChangeCommand::FileRename { from, to: args.path.clone() }, &[]).await
    }

    fn examples() -> Vec<ChangeExample> {
        let text = "nameserver 192.168.11.100\n";
        let example = |file: Value, summary| ChangeExample {
            arguments: Value::table([
                ("host", "dns-edge-1".into()),
                ("path", "/etc/resolv.conf".into()),
                ("content", text.into()),
            ]),
            seen: Value::table([("file", file)]),
            summary,
        };
        let stored = |text: &str| {
            Value::table([
                ("digest", Digest::of(text.as_bytes()).to_string().into()),
                ("owner", "root".into()),
                ("group", "root".into()),
                ("mode", "0644".into()),
            ])
        };
        let write = "write /etc/resolv.conf on dns-edge-1 (26 bytes, root:root, mode 0644)";
        vec![
            example(stored("nameserver 192.0.2.1\n"), Some(write)),
            example(Value::Null, Some(write)),
            example(stored(text), None),
        ]
    }
}

/// Looking at paths of one host.
struct Look<'a> {
    host: &'a SshHost,
    means: &'a Means,
    deadline: Deadline,
}

impl Look<'_> {
    /// What lies at a path, and the jump hosts on the way.
    async fn at(&self, path: &RemotePath) -> Result<(Option<FileFacts>, Vec<String>), WireError> {
        let command = ReadCommand::FileFacts { path: path.clone() };
        let reading = self.means.seams.ssh.read(self.host, &command, self.deadline);
        let output = self.deadline.bound(reading).await?;
        Ok((ssh::file_facts(&output)?, output.path))
    }

    async fn content(&self, path: &RemotePath) -> Result<Vec<u8>, WireError> {
        let command = ReadCommand::FileContent { path: path.clone() };
        let reading = self.means.seams.ssh.read(self.host, &command, self.deadline);
        ssh::file_content(&self.deadline.bound(reading).await?)
    }
}

/// Refuses whatever is no regular file, before anything of it is read.
fn regular(args: &Args, facts: &FileFacts) -> Result<(), Fault> {
    let kind = match facts.kind {
        FileKind::Regular => return Ok(()),
        FileKind::Directory => "a folder",
        FileKind::SymbolicLink => "a symbolic link",
        FileKind::Special => "a device, a pipe or a socket",
    };
    let message = format!("{} on {} is {kind}, and only regular files are written", args.path, args.host);
    Err(Fault::new(Code::ScriptArgument, Stage::Observe, message))
}

fn stored(args: &Args, facts: &FileFacts, content: &[u8]) -> Result<Stored, Fault> {
    if u64::try_from(content.len()) != Ok(facts.size) {
        let message = format!("{} on {} does not have the size that its entry says", args.path, args.host);
        return Err(Fault::new(Code::PortGarbage, Stage::Observe, message)
            .hint("Look for a program that writes the file all the time."));
    }
    let name = |text: &str| {
        text.parse().ok().filter(|_| text != NAMELESS).ok_or_else(|| {
            let message = format!("{} on {} has an owner or group without a name", args.path, args.host);
            Fault::new(Code::ScriptArgument, Stage::Observe, message)
                .hint("Give the file an owner and a group that the host knows; they could not be put back.")
        })
    };
    Ok(Stored {
        digest: Digest::of(content),
        owner: name(&facts.owner)?,
        group: name(&facts.group)?,
        mode: FileMode::of_bits(facts.mode),
    })
}

/// The folders above a path, outermost first; the root is always there.
fn folders(path: &RemotePath) -> Vec<RemotePath> {
    let ends = path.as_str().match_indices('/').skip(1);
    ends.filter_map(|(end, _)| path.as_str().get(..end)?.parse().ok()).collect()
}

/// A file of this change's own in the folder of another, so that one can take the other's place in one step.
fn beside(path: &RemotePath, own_name: &Slug) -> Result<RemotePath, Fault> {
    let (folder, _) = path.as_str().rsplit_once('/').ok_or_else(|| internal("a path has no folder"))?;
    format!("{folder}/.{own_name}").parse().map_err(|_| {
        let message = format!("{path} is too long for a file to be staged beside it");
        unbegun(Fault::new(Code::ScriptArgument, Stage::Apply, message))
    })
}

fn no_folder(args: &Args, folder: &RemotePath) -> Fault {
    let message = format!("{folder} on {} is not there, or is no folder", args.host);
    Fault::new(Code::PortNotFound, Stage::Observe, message)
        .hint("Name the path without symbolic links, in a folder that is there.")
}

fn internal(message: &str) -> Fault {
    unbegun(Fault::new(Code::BugInternal, Stage::Apply, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Args {
        let example = Put::examples().into_iter().next().expect("an example");
        example.arguments.decode().expect("arguments")
    }

    fn facts(kind: FileKind) -> FileFacts {
        FileFacts { kind, mode: 0o644, owner: "root".into(), group: "root".into(), size: 3 }
    }

    #[test]
    fn only_a_regular_file_is_written() {
        assert!(regular(&args(), &facts(FileKind::Regular)).is_ok());
        for kind in [FileKind::Directory, FileKind::SymbolicLink, FileKind::Special] {
            assert_eq!(regular(&args(), &facts(kind)).expect_err("no file").code, Code::ScriptArgument);
        }
    }

    #[test]
    fn a_file_that_could_not_be_put_back_is_not_touched() {
        let sound = facts(FileKind::Regular);
        assert!(stored(&args(), &sound, b"abc").is_ok());
        assert_eq!(stored(&args(), &sound, b"ab").expect_err("cut").code, Code::PortGarbage);
        let nameless = FileFacts { owner: NAMELESS.into(), ..sound };
        assert_eq!(stored(&args(), &nameless, b"abc").expect_err("nameless").code, Code::ScriptArgument);
    }

    #[test]
    fn every_folder_above_is_looked_at() {
        let path = "/etc/a/b.conf".parse().expect("a path");
        let found: Vec<String> = folders(&path).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["/etc", "/etc/a"]);
        assert!(folders(&"/x".parse().expect("a path")).is_empty());
    }

    #[test]
    fn the_new_file_is_staged_in_the_same_folder() {
        let own_name = "fabric-run-1".parse().expect("a name");
        let staged = |path: &str| beside(&path.parse().expect("a path"), &own_name).map(|p| p.to_string());
        assert_eq!(staged("/etc/a/b.conf").as_deref(), Ok("/etc/a/.fabric-run-1"));
        assert_eq!(staged("/x").as_deref(), Ok("/.fabric-run-1"));
        assert!(staged(&format!("/{}/x", "a".repeat(250))).is_err());
    }

    #[test]
    fn a_file_that_was_not_there_is_removed_and_another_put_back() {
        let plan = |file| Put::plan(&args(), &FileSeen { file }).expect("it can be planned");
        let absent = plan(None).expect("something to do");
        assert_eq!(absent.inverse, Some(FileAction::Remove));
        let file = stored(&args(), &facts(FileKind::Regular), b"abc").expect("a file");
        let other = plan(Some(file.clone())).expect("something to do");
        assert_eq!(other.inverse, Some(FileAction::PutBack { file: file.clone() }));
        let wanted = absent.after.file.expect("a file");
        assert_eq!(plan(Some(wanted.clone())), None);
        // Another mode alone is another file.
        assert!(plan(Some(Stored { mode: FileMode::of_bits(0o600), ..wanted })).is_some());
    }
}
