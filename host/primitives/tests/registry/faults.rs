//! What goes wrong at a seam comes out as a fault: of its own code, without effect, and never as a result that is not true.

use fabric_model::{Code, Effect, Fault, Stage as Step, Value};
use fabric_primitives::{Observed, Primitive};
use fabric_wire::WireError;

use crate::happy::{played, timeless};
use crate::rigged::{Mishap, Plan, Use, Way};
use crate::stage::{Stage, gate, in_virtual_time, needed};

/// Bytes that are no answer in any protocol spoken here: nothing, one byte, text, a frame of two bytes' length full of ones (as
/// DNS over TCP would read it), zeros, and the beginning of something endless.
const GARBAGE: [&[u8]; 6] =
    [b"", b"\x16", b"it works!\r\n\r\n", b"\x00\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", &[0; 64], &[b'{'; 512]];

/// One error of every variant. The match below makes a new variant a compile error here.
pub(crate) fn errors() -> Vec<WireError> {
    let errors = vec![
        WireError::Refused,
        WireError::Timeout,
        WireError::Unreachable("planted".into()),
        WireError::Closed,
        WireError::ForwardingRefused { host: "some-jump-host".into() },
        WireError::HostKey { host: "some-host".into(), reason: "planted".into() },
        WireError::Authentication("planted".into()),
        WireError::Permission("planted".into()),
        WireError::NotFound("planted".into()),
        WireError::Tls("planted".into()),
        WireError::Garbage("planted".into()),
        WireError::TooLarge { limit: 1 },
        WireError::TooMany { items: "things", limit: 1 },
        WireError::Command { command: "true".into(), status: 1, stderr: String::new() },
        WireError::Exists("planted".into()),
        WireError::Task { task: "planted".into(), exit: "planted".into() },
        WireError::Offline,
    ];
    let mut places: Vec<usize> = errors.iter().map(place).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), errors.len(), "a variant stands twice");
    errors
}

fn place(error: &WireError) -> usize {
    match error {
        WireError::Refused => 0,
        WireError::Timeout => 1,
        WireError::Unreachable(_) => 2,
        WireError::Closed => 3,
        WireError::ForwardingRefused { .. } => 4,
        WireError::HostKey { .. } => 5,
        WireError::Authentication(_) => 6,
        WireError::Permission(_) => 7,
        WireError::NotFound(_) => 8,
        WireError::Tls(_) => 9,
        WireError::Garbage(_) => 10,
        WireError::TooLarge { .. } => 11,
        WireError::TooMany { .. } => 12,
        WireError::Command { .. } => 13,
        WireError::Exists(_) => 14,
        WireError::Task { .. } => 15,
        WireError::Offline => 16,
    }
}

/// Errors that are the very thing a primitive asks about: their results, by primitive.
fn told(primitive: &str, error: &WireError) -> Option<Value> {
    match (primitive, error) {
        ("tcp.connect", WireError::Refused) => Some(Value::table([("state", "refused".into())])),
        ("tcp.connect", WireError::Timeout) => Some(Value::table([("state", "timeout".into())])),
        // The server was willing to forward; that nothing listens behind it is not what was asked.
        ("ssh.forward", WireError::Refused) => Some(Value::table([("permitted", true.into())])),
        _ => None,
    }
}

/// Whether a result says of everybody who could not be asked that he could not, and why, and of the others nothing but the truth: the
/// one primitive that asks several hosts does not lose what one of them says for another's silence.
pub(crate) fn is_silence(primitive: &dyn Primitive, seen: &Value, truth: &Value, codes: &[Code]) -> bool {
    if primitive.name().as_str() != "vip.holder" {
        return false;
    }
    let list = |of: &Value, field: &str| match of {
        Value::Map(fields) => match &fields[field] {
            Value::List(items) => items.clone(),
            other => panic!("`{field}` is a {}", other.kind()),
        },
        other => panic!("a {}", other.kind()),
    };
    let why = |silent: &Value| match silent {
        Value::Map(fields) => fields["code"].clone(),
        other => panic!("a {}", other.kind()),
    };
    let silent = list(seen, "silent");
    let known = ["hosts", "peers"].map(|field| (list(seen, field), list(truth, field)));
    let (told, all) =
        known.iter().fold((0, 0), |(told, all), (seen, truth)| (told + seen.len(), all + truth.len()));
    known.iter().all(|(seen, truth)| seen.iter().all(|host| truth.contains(host)))
        && !silent.is_empty()
        && told + silent.len() == all
        && silent.iter().all(|silent| codes.iter().any(|code| why(silent) == code.as_str().into()))
}

/// What came of a call on a stage with a mishap.
pub(crate) struct Outcome {
    pub(crate) seen: Result<Observed, Fault>,
    pub(crate) uses: Vec<Use>,
}

pub(crate) async fn spoilt(primitive: &dyn Primitive, example: &Value, plan: Plan) -> Outcome {
    let stage = Stage::new(plan);
    let needs = needed(primitive, example);
    let seen = stage.call(&gate(&needs, &needs), primitive, example).await;
    Outcome { seen, uses: stage.rigged.uses() }
}

/// A fault as it must be, with one of these codes.
fn is_fault(fault: &Fault, codes: &[Code], when: &str) {
    assert!(codes.contains(&fault.code), "{when}: {fault}");
    assert_eq!((fault.effect, fault.stage), (Effect::None, Step::Observe), "{when}: {fault}");
    assert!(!fault.message.is_empty() && !fault.message.contains(char::is_control), "{when}: {fault:?}");
}

/// A result is let stand only when the seam was asked again, and then it is the true one.
fn is_mended(outcome: &Outcome, output: &Value, truth: &(Observed, Vec<Use>), when: &str) {
    assert!(outcome.uses.len() > truth.1.len(), "{when}: a result although nothing was asked again");
    assert_eq!(timeless(output), timeless(&truth.0.output), "{when}");
}

pub(crate) fn every_failure_of_a_seam_is_its_own_fault(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        let truth = played(primitive, &example);
        for (at, used) in truth.1.iter().enumerate() {
            for error in errors() {
                for plan in [
                    Plan::Once(at, Mishap::Fails(error.clone())),
                    Plan::Onwards(at.., Mishap::Fails(error.clone())),
                ] {
                    let when = format!("{:?} number {at}, {plan:?}", used.way);
                    let once = matches!(plan, Plan::Once(..));
                    let outcome = in_virtual_time(spoilt(primitive, &example, plan));
                    match (&outcome.seen, told(primitive.name().as_str(), &error)) {
                        (Ok(seen), Some(told)) => assert_eq!(timeless(&seen.output), told, "{when}"),
                        (Ok(seen), None)
                            if is_silence(primitive, &seen.output, &truth.0.output, &[error.code()]) => {}
                        (Ok(seen), None) if once => is_mended(&outcome, &seen.output, &truth, &when),
                        (Ok(seen), None) => panic!("{when}: a result, {:?}", seen.output),
                        (Err(fault), _) => is_fault(fault, &[error.code()], &when),
                    }
                }
            }
        }
    }
}

/// Runs every example once for each use that brought bytes, with each mishap from that use on.
fn spoil_bytes(
    primitive: &dyn Primitive,
    mishaps: impl Fn(&Use) -> Vec<Mishap>,
    check: impl Fn(&Outcome, &Observed, &str),
) {
    for example in primitive.examples() {
        let (truth, uses) = played(primitive, &example);
        for (at, used) in uses.iter().enumerate().filter(|(_, used)| used.bytes() > 0) {
            for mishap in mishaps(used) {
                let when = format!("{:?} number {at}, {mishap:?}", used.way);
                let outcome = in_virtual_time(spoilt(primitive, &example, Plan::Onwards(at.., mishap)));
                check(&outcome, &truth, &when);
            }
        }
    }
}

fn never_a_result(primitive: &dyn Primitive, codes: &'static [Code]) -> impl Fn(&Outcome, &Observed, &str) {
    move |outcome, truth, when| match &outcome.seen {
        Ok(seen) if is_silence(primitive, &seen.output, &truth.output, codes) => {}
        Ok(seen) => panic!("{when}: a result, {:?}", seen.output),
        Err(fault) => is_fault(fault, codes, when),
    }
}

/// After 0, 1 and 7 bytes and after half of them. The output of a command is not cut here: its exit status comes after it, so
/// a cut one is an error of the seam.
pub(crate) fn an_answer_cut_short_is_a_fault(primitive: &'static dyn Primitive) {
    let cuts = |used: &Use| {
        let cuts = [0, 1, 7, used.bytes() / 2].into_iter().filter(|after| *after < used.bytes());
        if used.way == Way::SshRead { vec![] } else { cuts.map(Mishap::Cut).collect() }
    };
    spoil_bytes(
        primitive,
        cuts,
        never_a_result(primitive, &[Code::PortClosed, Code::PortGarbage, Code::PortTls]),
    );
}

pub(crate) fn garbage_is_a_fault(primitive: &'static dyn Primitive) {
    let garbage = |_: &Use| GARBAGE.into_iter().map(Mishap::Garbage).collect();
    let codes = &[Code::PortClosed, Code::PortGarbage, Code::PortTls, Code::PortTooLarge];
    spoil_bytes(primitive, garbage, never_a_result(primitive, codes));
}

pub(crate) fn a_failed_command_is_a_fault(primitive: &'static dyn Primitive) {
    let statuses = |used: &Use| match used.way {
        Way::SshRead => [1, 2, 127, 255].into_iter().map(Mishap::Status).collect(),
        _ => vec![],
    };
    let codes = &[Code::RemoteCommand, Code::PortNotFound, Code::PortGarbage];
    spoil_bytes(primitive, statuses, never_a_result(primitive, codes));
}
