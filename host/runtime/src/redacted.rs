//! Every event without the secrets that the redactor knows. Here and nowhere else it is decided which of its fields a secret
//! could stand in: whatever a script, an operator or a peer has a say in.

use fabric_evidence::event::{CallOutcome, FaultRecord, RunHead, Target};
use fabric_evidence::{CheckVerdict, Event, WorkerEnd};

use fabric_redact::Redactor;

/// The event as it may be written down.
pub(crate) fn event(redactor: &Redactor, event: Event) -> Event {
    let text = |text: String| redactor.redact(&text);
    match event {
        Event::RunStarted { head: begun } => Event::RunStarted { head: Box::new(head(redactor, *begun)) },
        Event::CallRequested { call_id, place, check, primitive, arguments_digest, arguments } => {
            Event::CallRequested {
                call_id,
                place,
                check,
                primitive: text(primitive),
                arguments_digest,
                arguments: redactor.redact_value(arguments),
            }
        }
        Event::CallDenied { call_id, fault: denial } => {
            Event::CallDenied { call_id, fault: fault(redactor, denial) }
        }
        Event::CallGranted { call_id, resources, grants, targets } => Event::CallGranted {
            call_id,
            resources: resources.into_iter().map(text).collect(),
            grants,
            targets: targets.into_iter().map(|to| Target { name: text(to.name), ..to }).collect(),
        },
        Event::CallFinished { call_id, outcome, transport, basis, took_ms } => {
            let outcome = match outcome {
                CallOutcome::Value(value) => CallOutcome::Value(redactor.redact_value(value)),
                CallOutcome::Fault(why) => CallOutcome::Fault(fault(redactor, why)),
            };
            Event::CallFinished { call_id, outcome, transport: transport.map(text), basis, took_ms }
        }
        Event::CheckBegun { check, place, title } => Event::CheckBegun { check, place, title: text(title) },
        Event::CheckEnded { check, verdict: ended, took_ms } => {
            Event::CheckEnded { check, verdict: verdict(redactor, ended), took_ms }
        }
        Event::Printed { place, text: printed } => Event::Printed { place, text: text(printed) },
        Event::WorkerEnded { how } => Event::WorkerEnded { how: worker_end(redactor, how) },
        Event::Selected { call_id, selector, host } => {
            Event::Selected { call_id, selector: text(selector), host }
        }
        Event::GuardsMet { rules, reason, window, proof } => {
            Event::GuardsMet { rules, reason: reason.map(text), window, proof }
        }
        Event::GuardRefused { fault: refusal } => Event::GuardRefused { fault: fault(redactor, refusal) },
        Event::ChangePlanned { call_id, change, summary, heals } => {
            Event::ChangePlanned { call_id, change, summary: text(summary), heals }
        }
        Event::ChangeApplied { change, effect, fault: why } => {
            Event::ChangeApplied { change, effect, fault: why.map(|why| fault(redactor, why)) }
        }
        Event::ChangeConfirmed { change, standing, seen } => {
            Event::ChangeConfirmed { change, standing, seen: seen.map(|seen| redactor.redact_value(seen)) }
        }
        Event::UndoEnded { run_id, change, undone, seen, fault: why } => Event::UndoEnded {
            run_id,
            change,
            undone,
            seen: seen.map(|seen| redactor.redact_value(seen)),
            fault: why.map(|why| fault(redactor, why)),
        },
        Event::ScopeBegun { scope, place, title } => Event::ScopeBegun { scope, place, title: text(title) },
        Event::ScopeEnding { scope, how, message } => {
            Event::ScopeEnding { scope, how, message: message.map(text) }
        }
        Event::HumanStep { place, role, name, text: said } => {
            Event::HumanStep { place, role: text(role), name: text(name), text: text(said) }
        }
        // The content of a document is redacted before it is digested.
        // An intent that holds a secret is refused before it gets here, because what it is redacted to could not be undone.
        fixed @ (Event::RunEnded { .. }
        | Event::Recovered { .. }
        | Event::PlanBound { .. }
        | Event::PlanMade { .. }
        | Event::ChangeIntended { .. }
        | Event::TimerArmed { .. }
        | Event::TimerDisarmed { .. }
        | Event::UndoBegun { .. }
        | Event::Committed { .. }
        | Event::ScopeEnded { .. }
        | Event::ProbeEnded { .. }
        | Event::DocumentKept { .. }
        | Event::HoldersSeen { .. }
        | Event::Unknown) => fixed,
    }
}

/// The head as it may be written down: a parameter can be a secret that the operator should not have typed.
pub(crate) fn head(redactor: &Redactor, mut head: RunHead) -> RunHead {
    head.script.title = redactor.redact(&head.script.title);
    for (name, value) in &mut head.params {
        *value = redactor.redact_named(name, std::mem::take(value));
    }
    head
}

/// The end of a worker as it may be shown: what a script threw can hold anything.
pub(crate) fn worker_end(redactor: &Redactor, end: WorkerEnd) -> WorkerEnd {
    let text = |message: String| redactor.redact(&message);
    match end {
        WorkerEnd::Finished => WorkerEnd::Finished,
        WorkerEnd::Threw { message } => WorkerEnd::Threw { message: text(message) },
        WorkerEnd::Limit { message } => WorkerEnd::Limit { message: text(message) },
        WorkerEnd::Died { message } => WorkerEnd::Died { message: text(message) },
        WorkerEnd::Stopped { message } => WorkerEnd::Stopped { message: text(message) },
        WorkerEnd::Aborted { reason } => WorkerEnd::Aborted { reason: text(reason) },
    }
}

fn verdict(redactor: &Redactor, verdict: CheckVerdict) -> CheckVerdict {
    let text = |text: String| redactor.redact(&text);
    match verdict {
        CheckVerdict::Pass => CheckVerdict::Pass,
        CheckVerdict::Fail { what, expected, observed } => CheckVerdict::Fail {
            expected: redactor.redact_named(&what, expected),
            observed: redactor.redact_named(&what, observed),
            what: text(what),
        },
        CheckVerdict::Error { fault: why, message } => {
            CheckVerdict::Error { fault: why.map(|why| fault(redactor, why)), message: text(message) }
        }
        CheckVerdict::Skip { reason } => CheckVerdict::Skip { reason: text(reason) },
        CheckVerdict::Deferred { reason } => CheckVerdict::Deferred { reason: text(reason) },
    }
}

fn fault(redactor: &Redactor, mut fault: FaultRecord) -> FaultRecord {
    fault.message = redactor.redact(&fault.message);
    fault.hints.iter_mut().for_each(|hint| *hint = redactor.redact(hint));
    fault
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    const SECRET: &str = "c0ffee-token";

    fn fault() -> Json {
        json!({"code": "c", "stage": "gate", "effect": "none", "retry": "never", "message": SECRET, "hints": [SECRET]})
    }

    /// Every text that a script, an operator or a peer has a say in holds the secret.
    fn events() -> Vec<Json> {
        let mut events = vec![
            json!({"kind": "call_denied", "call_id": 1, "fault": fault()}),
            json!({"kind": "call_granted", "call_id": 1, "resources": [SECRET], "grants": [],
                "targets": [{"name": SECRET, "addresses": []}]}),
            json!({"kind": "call_finished", "call_id": 1, "outcome": {"fault": fault()}, "transport": SECRET, "took_ms": 1}),
            json!({"kind": "check_begun", "check": 1, "place": [], "title": SECRET}),
            json!({"kind": "printed", "place": [], "text": SECRET}),
        ];
        for verdict in [
            json!({"status": "error", "fault": fault(), "message": SECRET}),
            json!({"status": "skip", "reason": SECRET}),
        ] {
            events.push(json!({"kind": "check_ended", "check": 1, "verdict": verdict, "took_ms": 1}));
        }
        for how in ["threw", "limit", "died", "stopped"] {
            events.push(json!({"kind": "worker_ended", "how": {"how": how, "message": SECRET}}));
        }
        events
    }

    fn redacted(given: Event) -> Json {
        let redactor = Redactor::default();
        redactor.register("t", SECRET.as_bytes());
        serde_json::to_value(event(&redactor, given)).expect("plain data")
    }

    #[test]
    fn no_event_keeps_a_secret_and_nothing_else_changes() {
        for given in events() {
            let wanted = given.to_string().replace(SECRET, "[redacted:t]");
            let event = serde_json::from_value(given).expect("an event");
            assert_eq!(redacted(event).to_string(), wanted);
        }
    }

    #[test]
    fn values_are_redacted_at_any_depth() {
        use fabric_model::Value;
        let value = Value::List(vec![Value::table([(SECRET, SECRET.into())])]);
        for event in [
            Event::CallRequested {
                call_id: 1,
                place: Default::default(),
                check: None,
                primitive: SECRET.to_owned(),
                arguments_digest: fabric_model::Digest::of(b""),
                arguments: value.clone(),
            },
            Event::CallFinished {
                call_id: 1,
                outcome: CallOutcome::Value(value.clone()),
                transport: None,
                basis: None,
                took_ms: 1,
            },
            Event::CheckEnded {
                check: 1,
                verdict: CheckVerdict::Fail {
                    what: SECRET.to_owned(),
                    expected: value.clone(),
                    observed: value,
                },
                took_ms: 1,
            },
        ] {
            let shown = redacted(event).to_string();
            assert!(!shown.contains(SECRET) && shown.contains("[redacted:t]"), "{shown}");
        }
    }
}
