//! What a primitive does when all is well.

use fabric_model::Value;
use fabric_primitives::{Observed, Primitive, Wanted};
use serde_json::Value as Json;

use crate::rigged::{Plan, Use, Way};
use crate::stage::{Stage, gate, in_virtual_time, needed};

/// One example on a twin in good order: its result, and the seams that it used.
pub(crate) fn played(primitive: &dyn Primitive, example: &Value) -> (Observed, Vec<Use>) {
    in_virtual_time(async {
        let stage = Stage::new(Plan::Nothing);
        let needs = needed(primitive, example);
        let gate = gate(&needs, &needs);
        let seen = stage.call(&gate, primitive, example).await;
        (seen.expect("the example succeeds"), stage.rigged.uses())
    })
}

pub(crate) fn its_examples_succeed_on_the_twin(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        let (seen, uses) = played(primitive, &example);
        assert!(!seen.transport.is_empty());
        let asked = uses.iter().any(|used| used.way != Way::Entropy);
        assert_eq!(asked, !is_local(primitive, &example), "it asks somebody, or what lies on this machine");
        // A second twin of the same seed is the same site: the result does not depend on what ran before.
        assert_eq!(timeless(&played(primitive, &example).0.output), timeless(&seen.output));
    }
}

fn is_local(primitive: &dyn Primitive, example: &Value) -> bool {
    let prepared = primitive.prepare(example).expect("an example decodes");
    prepared.needs.iter().all(|need| need.wanted == Wanted::Local)
}

pub(crate) fn its_results_fit_their_schema(primitive: &'static dyn Primitive) {
    let schema = primitive.output_schema().to_value();
    for example in primitive.examples() {
        let (seen, _) = played(primitive, &example);
        match (&seen.output, schema.get("type").and_then(Json::as_str)) {
            (Value::List(items), Some("array")) => assert!(!items.is_empty(), "the twin has none"),
            (Value::Map(fields), Some("object")) => {
                let properties = schema.get("properties").and_then(Json::as_object).expect("fields");
                let required = schema.get("required").and_then(Json::as_array).cloned().unwrap_or_default();
                assert!(fields.keys().all(|name| properties.contains_key(name)), "{fields:?}");
                assert!(required.iter().all(|name| fields.contains_key(name.as_str().expect("a name"))));
            }
            (output, expected) => panic!("a {} where the schema says {expected:?}", output.kind()),
        }
    }
}

/// [`Way`] lists every method of the seams; whoever only observes is handed none that writes, and uses none.
pub(crate) fn it_only_observes(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        assert!(!played(primitive, &example).1.iter().any(|used| used.way.writes()));
    }
}

/// A result without what differs from twin to twin and from node to node although the site is the same.
pub(crate) fn timeless(output: &Value) -> Value {
    match output {
        Value::Map(fields) => {
            // Only a certificate's own serial number; that of a zone is the same everywhere.
            let certificate = fields.contains_key("fingerprint_sha256");
            let lasting = fields
                .iter()
                .filter(|(name, _)| !(VOLATILE.contains(&name.as_str()) || certificate && *name == "serial"));
            lasting.map(|(name, value)| (name.clone(), timeless(value))).collect()
        }
        Value::List(items) => items.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

/// Durations; what follows from the keys that each twin makes anew; which node of the cluster it was that answered.
const VOLATILE: [&str; 6] =
    ["round_trip_ms", "took_ms", "fingerprint_sha256", "not_before", "not_after", "local"];
