//! `fabric plan show`: a plan as a reviewer reads it.

use std::collections::BTreeSet;

use fabric_model::Value;
use fabric_model::change::Heals;
use fabric_model::exit::Exit;
use fabric_model::plan::{Grounds, Plan, PlannedChange};
use fabric_model::site::Realm;
use fabric_runtime::Refusal;
use fabric_runtime::guard::FoundPlan;

use crate::args::{Output, PlanShow};
use crate::place::Place;
use crate::stream::say;

pub(crate) fn show(place: &Place, args: &PlanShow) -> Result<Exit, Refusal> {
    let place = place.for_rehearsals();
    let operator = place.home.operator()?;
    let found = place.plan(&args.plan, &operator.trust)?;
    match args.output {
        Output::Human => say(review(&found)),
        Output::Json => say(serde_json::to_string_pretty(&found.plan).unwrap_or_default()),
        Output::Junit => {
            return Err(Refusal::new(Exit::Usage, "a plan holds no test results")
                .hint("Print it with `--output human` or `--output json`."));
        }
    }
    Ok(Exit::Done)
}

/// What changes where, what may feel it, and what takes it back.
fn review(found: &FoundPlan) -> String {
    let plan = &found.plan;
    let mut text = vec![
        format!("plan {}", found.digest),
        format!("  script  {} ({})", plan.script.path, plan.script.title),
        format!("  site    {} ({})", plan.site.name, plan.site.realm.as_str()),
        format!("  made in {}", found.packet.run_id),
    ];
    if !plan.params.is_empty() {
        let params: Vec<String> = plan
            .params
            .iter()
            .map(|(name, value)| format!("{name}={}", serde_json::to_string(value).unwrap_or_default()))
            .collect();
        text.push(format!("  params  {}", params.join(" ")));
    }
    text.push(summary(plan));
    for change in &plan.changes {
        text.push(String::new());
        text.extend(lines_of(change));
    }
    if !plan.deferred.is_empty() {
        text.push(format!("\nchecks that wait for the changes: {}", plan.deferred.join("; ")));
    }
    if plan.site.realm != Realm::Twin {
        text.push(format!("\nwhere the policy asks for it, approve with\n  {}", approval(found)));
    }
    text.push(format!("\nexecute with\n  {}", execution(found)));
    text.join("\n")
}

fn approval(found: &FoundPlan) -> String {
    let targets = found.plan.changes.iter().flat_map(|change| &change.targets);
    let environments: BTreeSet<&str> = targets.map(|target| target.environment.as_str()).collect();
    let environments: Vec<String> =
        environments.into_iter().map(|name| format!(" --environment {name}")).collect();
    format!("fabric approve {}{} --reason TEXT", found.digest, environments.concat())
}

fn execution(found: &FoundPlan) -> String {
    let plan = &found.plan;
    let mut words = vec![quoted(&plan.script.path)];
    for (name, value) in &plan.params {
        let value = match value {
            Value::Text(text) => text.clone(),
            other => serde_json::to_string(other).unwrap_or_default(),
        };
        words.push(format!("--param {}", quoted(&format!("{name}={value}"))));
    }
    match plan.site.realm {
        Realm::Twin => format!("fabric rehearse {} --plan {}", words.join(" "), found.digest),
        Realm::Real | Realm::Lab => {
            format!("fabric run {} --execute --plan {} --reason TEXT", words.join(" "), found.digest)
        }
    }
}

/// A word as a shell takes it whole.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:=@%+,-".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

fn summary(plan: &Plan) -> String {
    let changes = plan.changes.iter().filter(|change| change.action.is_some()).count();
    match changes {
        0 => "  changes nothing".to_owned(),
        1 => "  changes 1 thing".to_owned(),
        many => format!("  changes {many} things, in this order"),
    }
}

fn lines_of(change: &PlannedChange) -> Vec<String> {
    let json = |value: &Value| serde_json::to_string(value).unwrap_or_default();
    let mut lines = vec![format!("{}. {}", change.change, change.summary)];
    let mut line = |name: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("   {name:<8} {text}"));
        }
    };
    line("within", change.scope.clone().unwrap_or_default());
    let targets = change.targets.iter().map(|target| {
        let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
        format!("{} in {} at {}", target.resource, target.environment, addresses.join(", "))
    });
    line("on", targets.collect::<Vec<_>>().join("; "));
    let selectors = change.selectors.iter().map(|(selector, host)| format!("{selector} = {host}"));
    line("selected", selectors.collect::<Vec<_>>().join(", "));
    line("before", format!("{}{}", json(&change.before), grounds(change.grounds)));
    if change.action.is_none() {
        return lines;
    }
    line("after", json(&change.after));
    line("felt by", change.blast.services.join(", "));
    line("leaves", change.blast.left.join(", "));
    line("undone", change.inverse.clone().unwrap_or_else(|| "nothing to undo".to_owned()));
    line("if lost", heals(change.heals));
    line("rests on", change.rests_on.join(", "));
    lines
}

fn grounds(grounds: Grounds) -> &'static str {
    match grounds {
        Grounds::Observed => "",
        Grounds::Projected => " (follows from the changes above)",
    }
}

fn heals(heals: Heals) -> String {
    match heals {
        Heals::ByTimer { seconds } => format!("self-heals in {seconds} s"),
        Heals::ByRecover => "only by `fabric recover`".to_owned(),
        Heals::Nothing => "nothing is left".to_owned(),
    }
}
