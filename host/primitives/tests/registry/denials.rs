//! What is not granted does not happen: nothing reaches the seams.

use fabric_gate::Gate;
use fabric_model::{Code, Value};
use fabric_primitives::Primitive;
use fabric_primitives::registry::REGISTRY;

use crate::rigged::Plan;
use crate::stage::{Rows, Stage, environment, gate, in_virtual_time, needed};

/// The gate refuses each of the needs, and the call as a whole, which then uses no seam.
fn denies(primitive: &dyn Primitive, arguments: &Value, gate: &Gate, code: Code) {
    let prepared = primitive.prepare(arguments).expect("an example decodes");
    for need in &prepared.needs {
        let asked = gate.request(&primitive.name(), primitive.class(), need.resource.clone(), &environment());
        let denial = asked.map(|_| ()).expect_err("not granted");
        assert_eq!(denial.code, code, "{denial}");
        assert!(denial.message.contains(primitive.name().as_str()), "{denial}");
        assert!(denial.message.contains(&need.resource.to_string()), "{denial}");
        assert!(!denial.hints.is_empty(), "{denial} does not say what would allow it");
    }
    does_not_happen(primitive, arguments, gate, code);
}

fn does_not_happen(primitive: &dyn Primitive, arguments: &Value, gate: &Gate, code: Code) {
    in_virtual_time(async {
        let stage = Stage::new(Plan::Nothing);
        let fault = stage.call(gate, primitive, arguments).await.expect_err("denied");
        assert_eq!(fault.code, code, "{fault}");
        assert!(gate.denials().contains(&fault), "the denial is not on record");
        assert!(stage.rigged.uses().is_empty(), "something was sent: {:?}", stage.rigged.uses());
    });
}

pub(crate) fn an_empty_policy_denies_every_need(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        let gate = gate(&needed(primitive, &example), &Rows::new());
        denies(primitive, &example, &gate, Code::DeniedResource);
    }
}

/// Every other primitive is granted on the very same resources, and this one on others.
pub(crate) fn a_policy_for_all_else_denies_every_need(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        let needs = needed(primitive, &example);
        let others = REGISTRY.iter().map(|other| other.name()).filter(|other| *other != primitive.name());
        let mut granted: Rows = others
            .flat_map(|other| needs.iter().map(move |(_, resource)| (other.clone(), resource.clone())))
            .collect();
        granted.extend(needs.iter().map(|(name, resource)| (name.clone(), format!("{resource}-2"))));
        denies(primitive, &example, &gate(&needs, &granted), Code::DeniedResource);
    }
}

/// All needs but one are granted: that one keeps the whole call from happening.
pub(crate) fn each_need_is_denied_on_its_own(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        let needs = needed(primitive, &example);
        for missing in &needs {
            let granted: Rows = needs.iter().filter(|need| *need != missing).cloned().collect();
            let gate = gate(&needs, &granted);
            does_not_happen(primitive, &example, &gate, Code::DeniedResource);
            assert!(gate.denials().iter().all(|denial| denial.message.contains(&missing.1)));
        }
    }
}

pub(crate) fn what_is_granted_and_not_declared_is_denied(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        let gate = gate(&Rows::new(), &needed(primitive, &example));
        denies(primitive, &example, &gate, Code::DeniedUndeclared);
    }
}
