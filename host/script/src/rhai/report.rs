//! What a scope of changes came to, as a Rhai script gets it.

use fabric_model::Value;
use fabric_model::door::ScopeReport;
use rhai::{Dynamic, EvalAltResult, Module};

use super::convert::to_dynamic;
use crate::library::raised::deferred;

/// The report of a scope that was only planned. Its fields can be named and not be known, so that an expectation of the gap is
/// deferred in a dry run instead of holding for a gap of nothing.
#[derive(Clone)]
struct Planned;

pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<Planned>("planned report");
    module.set_getter_fn("planned", |_: &mut Planned| Ok(true));
    for field in ScopeReport::MEASURED {
        module.set_getter_fn(field, move |_: &mut Planned| -> Result<Dynamic, Box<EvalAltResult>> {
            Err(deferred(&format!("`{field}` of a scope whose changes are only planned")).into())
        });
    }
}

/// The script's value of a report.
pub(super) fn value(report: &ScopeReport) -> Dynamic {
    if report.planned {
        return Dynamic::from(Planned);
    }
    // A report is plain data, so it always encodes.
    to_dynamic(&Value::encode(report).unwrap_or_default())
}
