//! What a scope of changes came to, as the script gets it.

use fabric_model::Value;
use fabric_model::door::ScopeReport;
use rhai::{Dynamic, EvalAltResult};

use super::Functions;
use crate::rhai::convert::to_dynamic;
use crate::rhai::thrown;

/// The report of a scope that was only planned. Its fields can be named and not be known, so that an expectation of the gap is
/// deferred in a dry run instead of holding for a gap of nothing.
#[derive(Clone)]
struct Planned;

/// The fields of a report that only an execution fills.
const MEASURED: [&str; 4] = ["gap_ms", "holders", "lost", "sent"];

pub(super) fn register(functions: &mut Functions) {
    functions.0.set_custom_type::<Planned>("planned report");
    functions.0.set_getter_fn("planned", |_: &mut Planned| Ok(true));
    for field in MEASURED {
        functions.0.set_getter_fn(field, move |_: &mut Planned| -> Result<Dynamic, Box<EvalAltResult>> {
            Err(thrown::deferred(&format!("`{field}` of a scope whose changes are only planned")))
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
