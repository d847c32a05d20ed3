//! Changes where none may stand: beyond what the header declares, in a check, in `par`, in a condition. The host refuses them as
//! well; here the author learns of it before anything runs, with the line.

use fabric_model::{Class, PrimitiveName};

use super::Primitives;
use super::program::{Part, Program};
use super::rule::{BEYOND_REACH, CHANGE_OUT_OF_PLACE, Finding};
use super::tree::{Call, calls};
use crate::header::Header;

/// Functions that take a function in which nothing may be changed.
const WITHOUT_CHANGES: [&str; 3] = ["abort_when", "check", "par"];

/// Calls that are stronger than the reach that the header declares: in the script, and in what it calls of its modules.
pub(super) fn beyond_reach(program: &Program, primitives: &Primitives, header: &Header) -> Vec<Finding> {
    let Some(main) = program.main() else { return Vec::new() };
    let too_strong =
        program.reached(0, vec![Part::Block(&main.body)]).into_iter().filter_map(|(file, call)| {
            let (primitive, class) = classed(call, primitives)?;
            let file = program.files.get(file).filter(|_| class > header.reach)?;
            let message = format!(
                "`{primitive}` is of the class `{class}`, and the reach of the script is `{}`",
                header.reach
            );
            let hint = format!("Set `reach = \"{class}\"` in the header, if the script should do that.");
            Some(Finding::at(&BEYOND_REACH, &file.path, call.spot, message).hint(hint))
        });
    too_strong.collect()
}

/// Changing calls that a function reaches which `check`, `par` or `abort_when` is given.
pub(super) fn out_of_place(program: &Program, primitives: &Primitives) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, file) in program.numbered() {
        for around in calls(&file.body) {
            let Some(name) = around.plain().filter(|name| WITHOUT_CHANGES.contains(name)) else { continue };
            let parts = around.arguments.iter().map(Part::Expression).collect();
            for (place, call) in program.reached(number, parts) {
                let changing = classed(call, primitives).filter(|(_, class)| *class > Class::Observe);
                let (Some((primitive, _)), Some(file)) = (changing, program.files.get(place)) else {
                    continue;
                };
                let message = format!("`{primitive}` changes something, and `{name}` is no place for that");
                findings.push(
                    Finding::at(&CHANGE_OUT_OF_PLACE, &file.path, call.spot, message)
                        .hint("Change things in the `fault` or the body of a `during`."),
                );
            }
        }
    }
    findings
}

/// The primitive that a call asks for, and its class.
pub(super) fn classed<'a>(call: &Call, primitives: &'a Primitives) -> Option<(&'a PrimitiveName, Class)> {
    let area = call.namespace.as_deref()?;
    let found = primitives.iter().find(|(name, _)| name.area() == area && name.verb() == call.name);
    found.map(|(name, known)| (name, known.class))
}
