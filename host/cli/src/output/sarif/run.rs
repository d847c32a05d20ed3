//! A run as SARIF: each check is a result of one of the kinds that the format has for it, in the script that it stands in.

use fabric_model::check::Status;
use fabric_model::exit::Exit;
use serde_json::{Value, json};

use super::{
    Artifact, Configuration, Described, Driver, Found, Invocation, Location, Log, Physical, Text, Tool, uri,
};
use crate::output::Told;
use crate::output::outcome::{Outcome, outcomes};

/// What a result is about, and what it means: a check that failed, one that could not find out, and whatever else was wrong.
const RULES: [(&str, &str, &str); 3] = [
    ("check", "A check observed what it expects.", "Compare what was expected with what was observed."),
    (
        "measured",
        "A check could find out what it asks for.",
        "Look at the fault; `fabric explain` knows its code.",
    ),
    ("run", "The run came to a good end and left nothing changed.", "Read the report in the packet."),
];

/// The log of one run.
pub(crate) fn log(told: &Told) -> Log {
    let run = &told.run;
    let rules = RULES.map(|(id, means, remedy)| described(id, means, remedy));
    Log::of(super::Run {
        tool: Tool { driver: Driver::with(rules.into()) },
        column_kind: "unicodeCodePoints",
        invocations: vec![Invocation {
            execution_successful: run.exit != Exit::Bug,
            exit_code: run.code,
            exit_code_description: run.exit.meaning(),
            start_time_utc: run.head.started.to_string(),
            end_time_utc: run.ended.to_string(),
        }],
        results: outcomes(told).iter().map(|outcome| found(told, outcome)).collect(),
        properties: Some(properties(told)),
    })
}

fn properties(told: &Told) -> Value {
    let run = &told.run;
    json!({
        "packet": told.packet,
        "site": run.head.site.name,
        "realm": run.head.site.realm.as_str(),
        "mode": run.head.mode.as_str(),
        "verdicts": run.verdicts,
    })
}

fn described(id: &'static str, means: &str, remedy: &str) -> Described {
    let text = |text: &str| Text { text: text.to_owned() };
    Described {
        id,
        short_description: text(means),
        full_description: text(means),
        help: text(remedy),
        default_configuration: Configuration { level: "error" },
    }
}

fn found(told: &Told, outcome: &Outcome<'_>) -> Found {
    // A result of another kind than `fail` has the level `none` (3.27.10). What could not be measured is a failure to whoever counts.
    let (rule, kind, level) = match (outcome.status, outcome.check) {
        (Status::Pass, _) => (0, "pass", "none"),
        (Status::Fail, _) => (0, "fail", "error"),
        (Status::Skip | Status::Deferred, _) => (0, "notApplicable", "none"),
        (Status::Error, Some(_)) => (1, "fail", "error"),
        (Status::Error, None) => (2, "fail", "error"),
    };
    let text = match outcome.message.as_str() {
        "" => format!("{}.", outcome.title),
        message => format!("{}: {message}.", outcome.title),
    };
    Found {
        rule_id: RULES.get(rule).map_or("run", |(id, ..)| id),
        rule_index: rule,
        kind: Some(kind),
        level,
        message: Text { text },
        locations: [Location {
            physical_location: Physical {
                artifact_location: Artifact { uri: uri(&told.run.head.script.path) },
                region: None,
            },
        }],
    }
}
