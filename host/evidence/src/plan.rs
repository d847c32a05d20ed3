//! `artifacts/plan.json`: a plan as a packet holds it.
//!
//! The file is the canonical JSON (RFC 8785) of the plan and nothing else, without a line end, so that `sha256sum plan.json` gives the
//! digest that is approved and executed. Script values in it are written as everywhere in a packet (see [`crate::exact`]): a plan
//! that is read is the plan that was made, to the last integer.

use fabric_model::plan::{FORMAT, Plan};
use fabric_model::value::Misfit;
use fabric_model::{Digest, Value};

use crate::canonical::{self, NotCanonical};
use crate::exact;

/// The plan's path in its packet.
pub const PATH: &str = "artifacts/plan.json";

/// Why something is no plan that can be written or read.
#[derive(Debug, thiserror::Error)]
pub enum NotAPlan {
    /// Not canonical JSON.
    #[error(transparent)]
    Canonical(#[from] NotCanonical),
    /// A field is missing, unknown, or of another kind.
    #[error("not of the shape of a plan: {0}")]
    Shape(String),
    /// A version that is not known here.
    #[error("format {0} is not known to this version, which reads {FORMAT}")]
    Format(i64),
}

impl From<Misfit> for NotAPlan {
    fn from(misfit: Misfit) -> Self {
        Self::Shape(misfit.to_string())
    }
}

/// The bytes of the file.
///
/// # Errors
/// When the plan holds a number that is not finite.
pub fn to_bytes(plan: &Plan) -> Result<Vec<u8>, NotAPlan> {
    let value = exact::encode(&Value::encode(plan)?);
    Ok(canonical::bytes(&value).map_err(NotCanonical::Shape)?)
}

/// The digest of the file: what stands for the plan wherever it is approved or executed.
///
/// # Errors
/// Those of [`to_bytes`].
pub fn digest(plan: &Plan) -> Result<Digest, NotAPlan> {
    to_bytes(plan).map(|bytes| Digest::of(&bytes))
}

/// Reads a plan from exactly the bytes that [`to_bytes`] writes.
///
/// # Errors
/// When they are any others.
pub fn read(bytes: &[u8]) -> Result<Plan, NotAPlan> {
    let value = exact::decode(canonical::read(bytes)?).map_err(NotAPlan::Shape)?;
    if let Value::Map(fields) = &value
        && let Some(Value::Int(format)) = fields.get("format")
        && *format != i64::from(FORMAT)
    {
        return Err(NotAPlan::Format(*format));
    }
    let plan: Plan = value.decode()?;
    // A field that may be absent could otherwise be spelled in two ways.
    if to_bytes(&plan)? == bytes { Ok(plan) } else { Err(NotCanonical::Form.into()) }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use fabric_model::Class;
    use fabric_model::change::Heals;
    use fabric_model::plan::{BlastRadius, Grounds, PlannedChange, PlannedScript, PlannedSite};
    use fabric_model::site::Realm;

    use super::*;

    fn plan() -> Plan {
        let digest = Digest::of(b"");
        let hard = Value::List(vec![
            Value::Float(1.0),
            Value::Int(1),
            Value::Int(i64::MAX),
            Value::table([("$int", Value::from("7"))]),
        ]);
        let change = PlannedChange {
            change: 0,
            scope: Some("the peer takes over".to_owned()),
            primitive: "unit.stop".parse().expect("a name"),
            class: Class::Change,
            arguments: Value::table([("hard", hard.clone())]),
            selectors: BTreeMap::new(),
            targets: Vec::new(),
            rests_on: vec!["vip.holder vip:dns".to_owned()],
            before: Value::from("active"),
            grounds: Grounds::Observed,
            action: Some(Value::from("stop")),
            summary: "stop keepalived.service on dns-edge-1".to_owned(),
            after: hard.clone(),
            inverse: None,
            heals: Heals::ByTimer { seconds: 60 },
            blast: BlastRadius::default(),
        };
        Plan {
            format: FORMAT,
            script: PlannedScript {
                path: "gamedays/dns.rhai".to_owned(),
                digest,
                title: "t".to_owned(),
                kind: "gameday".to_owned(),
            },
            modules: BTreeMap::new(),
            policy: digest,
            site: PlannedSite { name: "samakia".parse().expect("a word"), realm: Realm::Twin, digest },
            params: BTreeMap::from([("$only".to_owned(), hard)]),
            changes: vec![change],
            deferred: vec!["the peer holds it".to_owned()],
        }
    }

    #[test]
    fn a_plan_is_read_as_it_was_made_to_the_last_integer() {
        let bytes = to_bytes(&plan()).expect("finite");
        // Debug tells `1` from `1.0`.
        assert_eq!(format!("{:?}", read(&bytes).expect("a plan")), format!("{:?}", plan()));
        assert_eq!(digest(&plan()).expect("finite"), Digest::of(&bytes));
    }

    #[test]
    fn other_bytes_are_no_plan() {
        let text = String::from_utf8(to_bytes(&plan()).expect("finite")).expect("text");
        for (from, to) in [
            ("{\"changes\"", "{ \"changes\""),
            ("\"format\":1", "\"format\":2"),
            ("\"inverse\":null,", ""),
            ("\"summary\"", "\"sumary\""),
            ("\"deferred\":[\"the peer holds it\"],", "\"deferred\":[],\"deferred\":[],"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(read(changed.as_bytes()).is_err(), "{to}");
        }
        assert!(read(format!("{text}\n").as_bytes()).is_err());
    }
}
