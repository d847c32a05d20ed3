//! `fabric check`: what can be said of scripts without running them.

use std::path::PathBuf;

use clap::ValueEnum;
use fabric_gate::{Never, Pattern, Policy};
use fabric_model::exit::Exit;
use fabric_model::{Diagnostic, PrimitiveName, Resource, Value};
use fabric_primitives::registry::{self, REGISTRY};
use fabric_runtime::{Refusal, Script};
use fabric_script::lint::{self, Finding, Known, Primitives, Severity, Subject, World, rule};
use serde_json::json;

use super::list;
use crate::excerpt::{self, Gravity, Sources};
use crate::output::sarif;
use crate::place::Place;
use crate::stream::{say, tell};
use crate::terminal;

#[derive(clap::Args, Debug)]
pub(crate) struct Check {
    /// The scripts [default: every script of the project]
    #[arg(value_name = "SCRIPT")]
    pub(crate) scripts: Vec<String>,
    /// The policy to hold them against [default: policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// How to print what is found
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// What counts as an error too
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) deny: Option<Deny>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0, for code hosts and editors.
    Sarif,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deny {
    /// Warnings.
    Warnings,
}

pub(crate) fn check(place: &Place, args: &Check) -> Result<Exit, Refusal> {
    let (policy_file, policy_text) = place.policy(args.policy.as_deref())?;
    let policy = Policy::parse(&policy_file, &policy_text)
        .map_err(|errors| Refusal::in_file(Exit::Configuration, &policy_file, errors))?;
    let scripts = if args.scripts.is_empty() {
        list::paths(place).iter().map(|path| place.shorten(path)).collect()
    } else {
        args.scripts.clone()
    };
    let primitives = primitives();
    let mut findings: Vec<Finding> = unknown_in_policy(&policy, &policy_file).collect();
    let mut good = Vec::new();
    for path in &scripts {
        let found = match Script::load(&place.project, path) {
            Ok(script) => {
                let found = examine(&script, &primitives, &policy);
                if found.is_empty() {
                    good.push(script);
                }
                found
            }
            Err(refusal) if refusal.exit == Exit::Script => unread(refusal),
            Err(refusal) => return Err(refusal),
        };
        findings.extend(found);
    }
    // Scripts share modules, and what is wrong in one is said once.
    findings.sort_by(|a, b| (&a.diagnostic, a.rule.id).cmp(&(&b.diagnostic, b.rule.id)));
    findings.dedup();
    match args.output {
        Output::Human => people(place, &findings, &good),
        Output::Json => say(document(&scripts, &findings)),
        Output::Sarif => say(serde_json::to_string_pretty(&sarif::log(&findings)).unwrap_or_default()),
    }
    let counts = |finding: &&Finding| finding.rule.severity == Severity::Error || args.deny.is_some();
    Ok(if findings.iter().any(|finding| counts(&finding)) { Exit::Script } else { Exit::Done })
}

fn primitives() -> Primitives {
    let known = REGISTRY.iter().map(|primitive| {
        let arguments = primitive.arguments_schema().to_value();
        (primitive.name(), Known { class: primitive.class(), arguments })
    });
    known.collect()
}

/// Everything that is wrong with one script.
fn examine(script: &Script, primitives: &Primitives, policy: &Policy) -> Vec<Finding> {
    let resources = |name: &PrimitiveName, arguments: &Value| -> Option<Vec<Resource>> {
        let needs = registry::find(name)?.prepare(arguments).ok()?.needs;
        Some(needs.into_iter().map(|need| need.resource).collect())
    };
    let matches = |pattern: &str, resource: &Resource| {
        pattern.parse::<Pattern>().is_ok_and(|pattern| pattern.matches(resource))
    };
    let world = World { primitives, resources: &resources, matches: &matches };
    let subject = Subject {
        path: &script.path,
        source: &script.source,
        modules: &script.modules,
        header: &script.header,
    };
    let mut findings = lint::check(&subject, &world);
    match script.needs() {
        Ok(_) => findings.extend(never_granted(script, policy)),
        Err(refusal) => findings.extend(unread(refusal)),
    }
    findings
}

/// Errors of a header or an import, which keep a script from being loaded.
fn unread(refusal: Refusal) -> Vec<Finding> {
    refusal.diagnostics.into_iter().map(|diagnostic| Finding { rule: &rule::SYNTAX, diagnostic }).collect()
}

/// Needs that no rule of the policy grants to anybody.
fn never_granted(script: &Script, policy: &Policy) -> Vec<Finding> {
    let never = script.header.needs.iter().filter_map(|need| {
        let pattern = need.resource.parse::<Pattern>().ok()?;
        let (primitive, resource) = (&need.primitive, &need.resource);
        // A primitive that does not exist is said to be none where it is called.
        registry::find(primitive)?;
        let (message, hint) = match policy.never_grants(primitive, &pattern)? {
            Never::Denied(rule) => (
                format!("`{primitive}` on `{resource}` is denied to everybody by rule {rule}"),
                "Ask the owner of the policy, or leave the need out.".to_owned(),
            ),
            Never::Ungranted(Some(rule)) => (
                format!("no rule of the policy grants `{primitive}` on `{resource}`"),
                format!("Rule {rule} is about `{primitive}`; \"{resource}\" in its list would grant it."),
            ),
            Never::Ungranted(None) => (
                format!("no rule of the policy grants `{primitive}`"),
                format!("Add `\"{primitive}\" = [\"{resource}\"]` to the primitives of an allow rule."),
            ),
        };
        let diagnostic =
            Diagnostic { line: need.line, ..Diagnostic::whole(&script.path, message) }.hint(hint);
        Some(Finding { rule: &rule::UNGRANTABLE_NEED, diagnostic })
    });
    never.collect()
}

/// A misspelt primitive in a deny rule denies nothing, so every name must exist.
fn unknown_in_policy<'a>(policy: &'a Policy, file: &'a str) -> impl Iterator<Item = Finding> + 'a {
    let unknown = policy.primitives().filter(|(name, _)| registry::find(name).is_none());
    unknown.map(move |(name, line)| Finding {
        rule: &rule::UNKNOWN_IN_POLICY,
        diagnostic: Diagnostic { line, ..Diagnostic::whole(file, format!("there is no primitive `{name}`")) }
            .hint("List the primitives with `fabric list primitives`."),
    })
}

fn people(place: &Place, findings: &[Finding], good: &[Script]) {
    for Script { path, header, modules, .. } in good {
        say(format_args!(
            "{}: {} ({} modules, reach {})",
            terminal::plain(path),
            terminal::plain(&header.title),
            modules.len(),
            header.reach
        ));
    }
    let mut sources = Sources::new(Some(&place.project));
    for finding in findings {
        let gravity = match finding.rule.severity {
            Severity::Error => Gravity::Error,
            Severity::Warning => Gravity::Warning,
        };
        tell(format_args!(
            "{}\n",
            excerpt::show(gravity, Some(finding.rule.id), &finding.diagnostic, &mut sources)
        ));
    }
    let of = |severity| findings.iter().filter(|finding| finding.rule.severity == severity).count();
    if !findings.is_empty() {
        tell(format_args!(
            "{} errors, {} warnings; `fabric explain RULE` says more of each",
            of(Severity::Error),
            of(Severity::Warning)
        ));
    }
}

fn document(scripts: &[String], findings: &[Finding]) -> serde_json::Value {
    let findings: Vec<_> = findings
        .iter()
        .map(|Finding { rule, diagnostic }| {
            json!({
                "rule": rule.id,
                "severity": rule.severity,
                "file": diagnostic.file,
                "line": diagnostic.line,
                "column": diagnostic.column,
                "message": diagnostic.message,
                "hint": diagnostic.hint,
            })
        })
        .collect();
    json!({"schema": "fabric.check/1", "scripts": scripts, "findings": findings})
}
