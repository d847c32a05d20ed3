//! Where in a script a change may stand.

use fabric_model::{Code, Fault, Stage};

use crate::call::Call;

/// Refuses a change in `par`, in a check or in a condition of `abort_when`, and one of a GameDay outside every `during`: nothing would undo it.
///
/// # Errors
/// When it stands there.
pub(crate) fn fit(call: &Call, gameday: bool, in_scope: bool) -> Result<(), Fault> {
    let refused = |why: &str, hint: &str| {
        Err(Fault::new(Code::ChangeOutOfPlace, Stage::Gate, format!("call `{}`: {why}", call.primitive))
            .hint(hint))
    };
    // A place has one number on the main branch, and two more for each `par` that it stands in.
    if call.place.0.len() > 1 {
        return refused(
            "it changes something within `par`",
            "Make changes one after the other, outside of `par`.",
        );
    }
    if call.check.is_some() {
        return refused(
            "it changes something within a check",
            "A check only looks; make the change beside it.",
        );
    }
    if call.in_condition {
        return refused(
            "it changes something within `abort_when`",
            "A condition only looks; make the change in the `fault` or the body of the `during`.",
        );
    }
    if gameday && !in_scope {
        return refused(
            "it changes something outside every `during`",
            "A GameDay changes things in `during` alone, so that the host can take them back.",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use fabric_model::Value;
    use fabric_model::check::Place;

    use super::*;

    fn call(place: &[u32], check: Option<u64>, in_condition: bool) -> Call {
        let primitive = "unit.stop".parse().expect("a name");
        Call { id: 1, place: Place(place.to_vec()), check, in_condition, primitive, arguments: Value::Null }
    }

    #[test]
    fn a_change_stands_on_the_main_branch_outside_checks_and_in_a_gameday_within_during() {
        for (place, check, in_condition, gameday, in_scope, fits) in [
            (&[3][..], None, false, true, true, true),
            (&[3], None, false, false, false, true),
            (&[3], None, false, true, false, false),
            (&[3], Some(1), false, true, true, false),
            (&[3], None, true, true, true, false),
            (&[3], None, true, false, true, false),
            (&[3, 0, 1], None, false, true, true, false),
        ] {
            let answer = fit(&call(place, check, in_condition), gameday, in_scope);
            assert_eq!(answer.is_ok(), fits, "{place:?} {check:?} {in_condition} {gameday} {in_scope}");
        }
    }
}
