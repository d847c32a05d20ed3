//! The primitives: one namespace per area, one function per primitive, each of which asks the host.

use std::collections::BTreeMap;
use std::sync::Arc;

use fabric_model::PrimitiveName;
use fabric_model::door::FromWorker;
use rhai::{Dynamic, EvalAltResult, Module, NativeCallContext};

use super::Functions;
use crate::link::Unsent;
use crate::rhai::branch::Branch;
use crate::rhai::convert::{to_dynamic, to_value};
use crate::rhai::thrown::{argument, at_call, fault};

type Thrower<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn modules(branch: &Arc<Branch>) -> BTreeMap<&str, Module> {
    let mut areas: BTreeMap<&str, Functions> = BTreeMap::new();
    for primitive in &branch.run.primitives {
        let area = areas.entry(primitive.area()).or_insert_with(|| Functions(Module::new()));
        let (on, name) = (Arc::clone(branch), primitive.clone());
        area.add(primitive.verb(), move |context: NativeCallContext<'_>, arguments: Dynamic| {
            at_call(&context, call(&on, &name, &arguments))
        });
        let name = primitive.clone();
        area.add(primitive.verb(), move |context: NativeCallContext<'_>| {
            at_call(&context, misused(&name, "none"))
        });
        let name = primitive.clone();
        area.add(primitive.verb(), move |context: NativeCallContext<'_>, _: Dynamic, _: Dynamic| {
            at_call(&context, misused(&name, "two"))
        });
        let name = primitive.clone();
        area.add(
            primitive.verb(),
            move |context: NativeCallContext<'_>, _: Dynamic, _: Dynamic, _: Dynamic| {
                at_call(&context, misused(&name, "three"))
            },
        );
    }
    areas.into_iter().map(|(area, functions)| (area, functions.0)).collect()
}

fn misused(name: &PrimitiveName, got: &str) -> Thrower<Dynamic> {
    let (area, verb) = (name.area(), name.verb());
    Err(argument(format!(
        "`{name}` takes one table of named arguments, `{area}::{verb}(#{{ … }})`, and got {got}"
    )))
}

fn call(branch: &Branch, name: &PrimitiveName, arguments: &Dynamic) -> Thrower<Dynamic> {
    if !arguments.is_map() {
        let kind = to_value(arguments).map_or("value that is no data", |value| value.kind());
        return misused(name, &format!("a {kind}"));
    }
    let arguments = to_value(arguments).map_err(|e| argument(format!("the arguments of `{name}`: {e}")))?;
    let (place, check) = (branch.next_place(), branch.open().check);
    let answer = branch.run.link.ask(|call_id| FromWorker::Call {
        call_id,
        place,
        check,
        primitive: name.clone(),
        arguments,
    });
    match answer {
        Ok(Ok(value)) => Ok(to_dynamic(&value)),
        Ok(Err(thrown)) => Err(fault(&thrown)),
        Err(too_long @ Unsent::TooLong(_)) => Err(argument(format!("the arguments of `{name}`: {too_long}"))),
        Err(gone) => Err(branch.unsent(&gone)),
    }
}
