//! The frames of the door between the worker, which runs the script, and the host, which does everything else.
//!
//! A frame is a length (4 bytes, big-endian) and that many bytes of JSON. Either side treats anything else as the end of the
//! other: there is no recovery inside a stream.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::check::{Place, Verdict};
use crate::confinement::Confinement;
use crate::fault::Fault;
use crate::name::Slug;
use crate::primitive::PrimitiveName;
use crate::protection::{Protection, stands};
use crate::value::Value;

/// The version of these frames. Worker and host are the same executable; the number guards against a stale one.
pub const VERSION: u32 = 5;

/// The largest frame, in bytes. The largest honest one is an answer with a body of 1 MiB, escaped.
pub const FRAME_LIMIT: usize = 8 << 20;

/// What the host sends before anything else, once the worker has said that it is confined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// [`VERSION`] of the host.
    pub version: u32,
    /// The script's path as the operator wrote it, for messages.
    pub path: String,
    /// The script's text.
    pub source: String,
    /// Every module that the script may import, by its path, as loaded and digested by the host.
    pub modules: BTreeMap<String, String>,
    /// The script's parameters by name.
    pub params: BTreeMap<String, Value>,
    /// The primitives that exist.
    pub primitives: Vec<PrimitiveName>,
    /// The site as plain data, for the reserved module `site`.
    pub site: Value,
    /// Limits on the engine.
    pub limits: Limits,
}

/// Limits on a script; the source of each number is beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Operations of one engine. Acceptance suites need thousands; an endless loop reaches it in about a second.
    pub operations: u64,
    /// Bytes of all `print` output.
    pub output_bytes: u64,
    /// Branches of `par` that run at the same time. A branch mostly waits for a host; what it takes is its stack, which counts
    /// against the memory of the worker: 32 leave it half.
    pub branches: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { operations: 10_000_000, output_bytes: 1 << 20, branches: 32 }
    }
}

/// What the worker sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case", deny_unknown_fields)]
pub enum FromWorker {
    /// The first frame, before the worker has read anything: what it has given up.
    Confined {
        /// [`VERSION`] of the worker.
        version: u32,
        /// What of it the kernel lacks.
        confinement: Confinement,
    },
    /// The script asks for a primitive. Answered by [`Reply`].
    Call {
        /// Unique in the run; the reply carries it.
        call_id: u64,
        /// Where in the script.
        place: Place,
        /// The innermost check that is open on this branch.
        check: Option<u64>,
        /// Whether a condition of `abort_when` asks. A worker that hides it gains nothing: what it then changes it could as well have
        /// asked for beside the condition, and is undone in the same way.
        in_condition: bool,
        /// Which primitive.
        primitive: PrimitiveName,
        /// Its one table of arguments.
        arguments: Value,
    },
    /// A check begins.
    CheckBegin {
        /// Unique in the run.
        check: u64,
        /// Where in the script.
        place: Place,
        /// The title as the script gave it.
        title: String,
    },
    /// A check ended.
    CheckEnd {
        /// The check.
        check: u64,
        /// What the script says of it.
        verdict: Verdict,
    },
    /// The script waits between two polls. Answered by [`Reply`] once the time is over, on the host's clock.
    Wait {
        /// Unique in the run, among the calls.
        call_id: u64,
        /// How long, in milliseconds.
        millis: u64,
    },
    /// A scope of changes begins (`during`): whatever is changed in it is undone by the host when it ends, however it ends.
    /// Answered by [`Reply`] with `null` once the probe, if any, has had its first good answers.
    ScopeBegin {
        /// Unique in the run, among the calls; names the scope from here on.
        call_id: u64,
        /// Where in the script.
        place: Place,
        /// The title as the script gave it.
        title: String,
        /// What is watched meanwhile.
        watch: Watched,
    },
    /// The innermost open scope ends. Answered by [`Reply`], once everything that was changed in it is undone and the undoing is
    /// verified, with a [`ScopeReport`]; by a fault where something was not restored.
    ScopeEnd {
        /// Unique in the run, among the calls.
        call_id: u64,
        /// The scope: the number with which it began.
        scope: u64,
        /// How the script came to its end.
        ended: ScopeEnded,
    },
    /// A step that a person took: who, in which role, and what.
    Human {
        /// Where in the script.
        place: Place,
        /// The role, such as `conductor` or `observer`.
        role: String,
        /// Who.
        name: String,
        /// What he did, saw or decided; untrusted text.
        text: String,
    },
    /// A document for the packet. Answered by [`Reply`] with its digest once it is in there.
    Document {
        /// Unique in the run, among the calls.
        call_id: u64,
        /// Where in the script.
        place: Place,
        /// Its name, such as `metadata.json`; untrusted.
        name: String,
        /// What it holds.
        content: Value,
    },
    /// `print`, `debug` or `note`.
    Print {
        /// Where in the script.
        place: Place,
        /// The text, untrusted.
        text: String,
    },
    /// The script is at its end. Nothing follows.
    End {
        /// How.
        outcome: Outcome,
    },
}

/// What is watched while a scope is open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// The continuous probe.
    pub probe: Option<ProbeSpec>,
    /// The group of VIPs whose holders are recorded: every VIP of the pair.
    pub group: Option<Slug>,
    /// After how many seconds without a sign of life from the host the targets heal themselves; the host's default unless given.
    pub heal_after_s: Option<u32>,
}

/// A call that is made over and over, as a client of the service would.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeSpec {
    /// Which observing primitive.
    pub primitive: PrimitiveName,
    /// Its one table of arguments.
    pub arguments: Value,
    /// From the beginning of one sample to that of the next, in milliseconds: 10 to 1,000.
    pub every_ms: u32,
}

/// How the script came to the end of a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ended", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScopeEnded {
    /// Its functions returned.
    Finished,
    /// One of them threw.
    Threw {
        /// What, with the place in the script.
        message: String,
    },
    /// A condition of `abort_when` held.
    Aborted {
        /// Its title.
        reason: String,
    },
}

/// What a scope came to, as the script gets it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeReport {
    /// Whether the run only plans: then there is nothing to report.
    pub planned: bool,
    /// How many samples the probe took.
    pub sent: u64,
    /// How many of them had no good answer.
    pub lost: u64,
    /// The longest time between two samples with a good answer, in milliseconds.
    pub gap_ms: u64,
    /// Which hosts held which VIP, from when on, in milliseconds after the beginning of the scope.
    pub holders: Vec<Holding>,
}

impl ScopeReport {
    /// The fields that only an execution fills.
    pub const MEASURED: [&str; 4] = ["gap_ms", "holders", "lost", "sent"];
}

/// A change of the holders of one VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holding {
    /// The VIP.
    pub vip: Slug,
    /// From when on, in milliseconds after the beginning of the scope.
    pub at_ms: u64,
    /// The hosts that hold it; none where it is nowhere.
    pub hosts: Vec<Slug>,
    /// Members that could not be asked.
    pub silent: Vec<Slug>,
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// It ran to its end.
    Finished,
    /// It cannot be parsed, or threw outside any check.
    Threw {
        /// What, with the place in the script.
        message: String,
    },
    /// It reached a limit.
    Limit {
        /// Which, with the place in the script.
        message: String,
    },
    /// It gave up by its own rules: the steady state did not hold, or a condition of `abort_when` did.
    Aborted {
        /// Why.
        reason: String,
    },
}

/// What the host answers to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The call.
    pub call_id: u64,
    /// Its result.
    pub result: Result<Value, Fault>,
}

/// Why a stream of frames ended.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The other side closed the stream between two frames.
    #[error("the stream has ended")]
    Ended,
    /// The stream failed, or ended within a frame.
    #[error("the stream broke: {0}")]
    Stream(#[from] io::Error),
    /// A frame claims to be larger than [`FRAME_LIMIT`].
    #[error("a frame of {0} bytes is over the limit of {FRAME_LIMIT}")]
    TooLong(usize),
    /// A frame is not what it should be.
    #[error("a frame cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// The bytes of one frame.
///
/// # Errors
/// When the frame is over the limit.
pub fn encode<T: Serialize>(frame: &T) -> Result<Vec<u8>, Broken> {
    let body = serde_json::to_vec(frame)?;
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= FRAME_LIMIT);
    let mut bytes = length.ok_or(Broken::TooLong(body.len()))?.to_be_bytes().to_vec();
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// Checks a frame's announced length before anything is allocated for it.
///
/// # Errors
/// When it is over the limit.
pub fn frame_length(header: [u8; 4]) -> Result<usize, Broken> {
    let length = u32::from_be_bytes(header) as usize;
    if length > FRAME_LIMIT && stands(Protection::FrameLimit) {
        Err(Broken::TooLong(length))
    } else {
        Ok(length)
    }
}

/// Writes one frame.
///
/// # Errors
/// When the frame is over the limit or the stream fails.
pub fn write<T: Serialize>(stream: &mut impl Write, frame: &T) -> Result<(), Broken> {
    stream.write_all(&encode(frame)?)?;
    Ok(stream.flush()?)
}

/// Reads one frame.
///
/// # Errors
/// When the stream ended or failed, or the frame is too long or unreadable.
pub fn read<T: DeserializeOwned>(stream: &mut impl Read) -> Result<T, Broken> {
    let mut header = [0; 4];
    match stream.read_exact(&mut header) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Err(Broken::Ended),
        other => other?,
    }
    let mut body = vec![0; frame_length(header)?];
    stream.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_the_round_trip() {
        let reply = Reply { call_id: 7, result: Ok(Value::from("x")) };
        let mut stream = io::Cursor::new(encode(&reply).expect("small"));
        assert_eq!(read::<Reply>(&mut stream).expect("whole"), reply);
        assert!(matches!(read::<Reply>(&mut stream), Err(Broken::Ended)));
    }

    #[test]
    fn a_frame_that_claims_too_much_is_refused_before_it_is_read() {
        let mut stream = io::Cursor::new(u32::MAX.to_be_bytes());
        assert!(matches!(read::<Reply>(&mut stream), Err(Broken::TooLong(_))));
    }

    #[test]
    fn an_unknown_frame_is_refused() {
        let mut stream = io::Cursor::new(encode(&serde_json::json!({"frame": "exec"})).expect("small"));
        assert!(matches!(read::<FromWorker>(&mut stream), Err(Broken::Unreadable(_))));
    }
}
