//! The committed JSON schemas are those of the types.

use std::fs;
use std::path::Path;

use fabric_evidence::approval::Approval;
use fabric_evidence::attestation::{Exercise, PlanMade, Run, TestResult};
use fabric_evidence::journal::Line;
use fabric_evidence::label::Label;
use fabric_evidence::log::{self, witness::Head};
use fabric_evidence::probe::Sample;
use fabric_evidence::prune::Tombstone;
use fabric_evidence::{ChecksRecord, RunRecord};
use fabric_model::plan::Plan;

#[test]
#[expect(clippy::disallowed_methods, reason = "the one way to ask a test to write")]
fn the_schemas_in_evidence_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../evidence/schema");
    let schemas = [
        ("run.schema.json", schemars::schema_for!(RunRecord)),
        ("checks.schema.json", schemars::schema_for!(ChecksRecord)),
        ("journal-line.schema.json", schemars::schema_for!(Line)),
        ("plan.schema.json", schemars::schema_for!(Plan)),
        ("sample.schema.json", schemars::schema_for!(Sample)),
        ("predicate-approval.schema.json", schemars::schema_for!(Approval)),
        ("label.schema.json", schemars::schema_for!(Label)),
        ("tombstone.schema.json", schemars::schema_for!(Tombstone)),
        ("log-line.schema.json", schemars::schema_for!(log::Line)),
        ("log-head.schema.json", schemars::schema_for!(Head)),
        ("predicate-test-result.schema.json", schemars::schema_for!(TestResult)),
        ("predicate-run.schema.json", schemars::schema_for!(Run<'_>)),
        ("predicate-plan.schema.json", schemars::schema_for!(PlanMade<'_>)),
        ("predicate-exercise.schema.json", schemars::schema_for!(Exercise<'_>)),
    ];
    for (name, schema) in schemas {
        let text = serde_json::to_string_pretty(&schema).expect("plain data") + "\n";
        let path = folder.join(name);
        if std::env::var_os("FABRIC_WRITE_SCHEMAS").is_some() {
            fs::create_dir_all(&folder).expect("room");
            fs::write(&path, &text).expect("room");
        }
        assert_eq!(
            fs::read_to_string(&path).ok(),
            Some(text),
            "{name}: run with FABRIC_WRITE_SCHEMAS=1 and review"
        );
    }
}
