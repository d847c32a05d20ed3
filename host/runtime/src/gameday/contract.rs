//! A consumer's contract, as far as GameDays read it: who consumes, and which testcases it relies on.

use std::collections::BTreeSet;

use fabric_model::Diagnostic;
use serde::Deserialize;

/// A consumer's contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The type of the consumer, such as `database`.
    pub consumer: String,
    /// Every testcase that one of its scenarios names.
    pub testcases: BTreeSet<String>,
}

// Contracts are open: whatever else they say is for others to check.
#[derive(Deserialize)]
struct Written {
    kind: String,
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(rename = "type")]
    consumer: String,
    disaster: Disaster,
}

#[derive(Deserialize)]
struct Disaster {
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Scenario {
    testcases: Vec<String>,
}

impl Contract {
    /// Reads a contract of the kind `ConsumerContract`. It is JSON, whatever its file is called.
    ///
    /// # Errors
    /// When it is not, with the place.
    pub fn parse(file: &str, text: &str) -> Result<Self, Diagnostic> {
        let written: Written = serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            Diagnostic { line: error.line(), column: error.column(), ..Diagnostic::whole(file, message) }
                .hint("A consumer's contract is JSON with `kind`, `spec.type` and `spec.disaster.scenarios`.")
        })?;
        if written.kind != "ConsumerContract" {
            let message = format!("the contract is of the kind `{}`, not `ConsumerContract`", written.kind);
            return Err(Diagnostic::whole(file, message));
        }
        let scenarios = written.spec.disaster.scenarios.into_iter();
        let testcases = scenarios.flat_map(|scenario| scenario.testcases).collect();
        Ok(Self { consumer: written.spec.consumer, testcases })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_testcases_of_all_scenarios_are_read() {
        let text = r#"{"kind": "ConsumerContract", "spec": {"type": "cache", "ha": {},
            "disaster": {"scenarios": [{"name": "x", "testcases": ["a", "b"]}, {"testcases": ["b", "c"]}]}}}"#;
        let contract = Contract::parse("c.yml", text).expect("good");
        assert_eq!(contract.consumer, "cache");
        assert_eq!(contract.testcases.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn what_is_no_contract_is_refused_at_its_place() {
        let found = Contract::parse("c.yml", "{\n  \"kind\": 1").expect_err("cut");
        assert_eq!(found.line, 2);
        let other = r#"{"kind": "Tenant", "spec": {"type": "cache", "disaster": {"scenarios": []}}}"#;
        assert!(Contract::parse("c.yml", other).expect_err("a tenant").message.contains("`Tenant`"));
    }
}
