//! SARIF 2.1.0 (OASIS): findings as code hosts and editors read them. The part of it that says what and where.

pub(crate) mod run;

use fabric_script::lint::{Finding, RULES, Rule, Severity};
use serde::Serialize;
use serde_json::Value;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    /// How columns are counted.
    column_kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invocations: Vec<Invocation>,
    results: Vec<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Value>,
}

/// How the program ran that found them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    exit_code: u8,
    exit_code_description: &'static str,
    start_time_utc: String,
    end_time_utc: String,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Described>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    id: &'static str,
    short_description: Text,
    full_description: Text,
    help: Text,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    rule_id: &'static str,
    rule_index: usize,
    /// What a result is; `fail` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<usize>,
}

impl Log {
    fn of(run: Run) -> Self {
        Self { schema: SCHEMA, version: "2.1.0", runs: [run] }
    }
}

impl Driver {
    fn with(rules: Vec<Described>) -> Self {
        Self { name: "fabric", semantic_version: env!("CARGO_PKG_VERSION"), rules }
    }
}

/// The findings of one command.
pub(crate) fn log(findings: &[Finding]) -> Log {
    Log::of(Run {
        tool: Tool { driver: Driver::with(RULES.iter().map(|rule| described(rule)).collect()) },
        column_kind: "unicodeCodePoints",
        invocations: Vec::new(),
        results: findings.iter().map(found).collect(),
        properties: None,
    })
}

fn described(rule: &Rule) -> Described {
    let text = |text: &str| Text { text: text.to_owned() };
    Described {
        id: rule.id,
        short_description: text(rule.means),
        full_description: text(&format!("{} {}", rule.means, rule.arises)),
        help: text(rule.remedy),
        default_configuration: Configuration { level: level(rule) },
    }
}

fn level(rule: &Rule) -> &'static str {
    match rule.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn found(finding: &Finding) -> Found {
    let at = &finding.diagnostic;
    let text = match &at.hint {
        Some(hint) => format!("{}. {hint}", at.message),
        None => format!("{}.", at.message),
    };
    Found {
        rule_id: finding.rule.id,
        rule_index: RULES.iter().position(|rule| rule.id == finding.rule.id).unwrap_or_default(),
        kind: None,
        level: level(finding.rule),
        message: Text { text },
        locations: [Location {
            physical_location: Physical {
                artifact_location: Artifact { uri: uri(&at.file) },
                region: (at.line > 0).then_some(Region {
                    start_line: at.line,
                    start_column: (at.column > 0).then_some(at.column),
                }),
            },
        }],
    }
}

/// A path as a URI reference (RFC 3986): what may not stand in one is written as `%` and its bytes.
fn uri(path: &str) -> String {
    let keeps = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let encoded: String = path
        .bytes()
        .map(|byte| if keeps(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    if encoded.starts_with('/') { format!("file://{encoded}") } else { encoded }
}

#[cfg(test)]
mod tests {
    use fabric_model::Diagnostic;
    use fabric_script::lint::rule;

    use super::*;

    #[test]
    fn a_log_keeps_the_constraints_of_the_specification() {
        let at = |line, column| Diagnostic { line, column, ..Diagnostic::whole("a b.rhai", "it is wrong") };
        let findings = [
            Finding { rule: &rule::SYNTAX, diagnostic: at(2, 5).hint("Mend it.") },
            Finding { rule: &rule::UNUSED_NEED, diagnostic: at(3, 0) },
            Finding { rule: &rule::SYNTAX, diagnostic: at(0, 0) },
        ];
        let log = serde_json::to_value(log(&findings)).expect("plain data");
        // 3.13: version; 3.14.6, 3.18.2: exactly one tool with a driver; 3.19.8: its name.
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        let driver = &run["tool"]["driver"];
        assert!(driver["name"].as_str().is_some_and(|name| !name.is_empty()));
        // 3.14.17: columnKind is one of two words.
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        // 3.49.3: ids of rules are unique. 3.11: each message object has a text. 3.50.3: level is one of four words.
        let rules = driver["rules"].as_array().expect("rules");
        let ids: std::collections::BTreeSet<&str> =
            rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
        assert_eq!(ids.len(), RULES.len());
        for rule in rules {
            for text in ["shortDescription", "fullDescription", "help"] {
                assert!(rule[text]["text"].as_str().is_some_and(|text| !text.is_empty()));
            }
            assert!(
                ["none", "note", "warning", "error"]
                    .contains(&rule["defaultConfiguration"]["level"].as_str().expect("a level"))
            );
        }
        let results = run["results"].as_array().expect("results");
        assert_eq!(results.len(), 3);
        for result in results {
            // 3.27.6: the index leads to the rule of the same id.
            let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(result["message"]["text"].as_str().is_some_and(|text| text.ends_with('.')));
            // 3.30.5, 3.30.6: lines and columns are counted from 1, or are absent.
            let region = &result["locations"][0]["physicalLocation"]["region"];
            assert!(region.is_null() || region["startLine"].as_u64() >= Some(1));
            assert!(region["startColumn"].is_null() || region["startColumn"].as_u64() >= Some(1));
            // 3.4.3: a URI reference.
            assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a%20b.rhai");
        }
    }
}
