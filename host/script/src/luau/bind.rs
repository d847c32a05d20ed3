//! The functions of the library, as functions of a script.

use std::rc::Rc;

use fabric_model::PrimitiveName;
use fabric_model::door::ScopeReport;
use mlua::{Function, MultiValue, Table};

use super::caller::{Branch, Call};
use super::syntax::REQUIRE;
use super::thrown::Error;
use super::vm::Vm;
use crate::language::Language;
use crate::library::raised::{Raised, argument, deferred};
use crate::library::{self, CATALOGUE, Caller as _, SITE, SITE_FUNCTIONS};
use crate::modules::file_of;

/// Functions that take any number of any values and say them in one line, as Luau's own `print` does.
const SPEAKING: [&str; 2] = ["debug", "print"];

/// Puts every function into the environment of scripts.
pub(super) fn bind(vm: &Rc<Vm>, environment: &Table) -> mlua::Result<()> {
    for entry in CATALOGUE {
        let speaking = SPEAKING.contains(&entry.name);
        let function = native(vm, move |call, given| async move {
            let given = if speaking { vec![spoken(&call, &given)?] } else { given };
            library::call(&call, entry, given).await
        })?;
        environment.set(entry.name, function)?;
    }
    let site = vm.lua.create_table()?;
    for function in SITE_FUNCTIONS {
        site.set(
            *function,
            native(vm, move |call, given| async move { library::call_site(&call, function, &given) })?,
        )?;
    }
    namespace(environment, SITE, site)?;
    for primitive in &vm.run.primitives {
        let area = match environment.get::<Option<Table>>(primitive.area())? {
            Some(area) => area,
            None => vm.lua.create_table()?,
        };
        area.set(primitive.verb(), asking(vm, primitive.clone())?)?;
        environment.set(primitive.area(), area)?;
    }
    for primitive in &vm.run.primitives {
        environment.get::<Table>(primitive.area())?.set_readonly(true);
    }
    environment.set("tostring", native(vm, |call, given| async move { shown(&call, &given) })?)?;
    environment.set(REQUIRE, native(vm, |call, given| async move { require(&call, &given).await })?)
}

fn namespace(environment: &Table, name: &str, functions: Table) -> mlua::Result<()> {
    functions.set_readonly(true);
    environment.set(name, functions)
}

fn asking(vm: &Rc<Vm>, primitive: PrimitiveName) -> mlua::Result<Function> {
    let primitive = Rc::new(primitive);
    native(vm, move |call, given| {
        let primitive = Rc::clone(&primitive);
        async move { library::call_primitive(&call, &primitive, &given).await }
    })
}

/// A function of the host as scripts see it.
fn native<F, Answer>(vm: &Rc<Vm>, function: F) -> mlua::Result<Function>
where
    F: Fn(Call, Vec<mlua::Value>) -> Answer + 'static,
    Answer: Future<Output = Result<mlua::Value, Error>> + 'static,
{
    let on = Rc::clone(vm);
    let native = vm.lua.create_async_function(move |lua, given: MultiValue| {
        let call = Call { vm: Rc::clone(&on), branch: on.current() };
        let shapes = on.shapes.clone();
        let answer = function(call, given.into_iter().collect());
        async move {
            Ok(match answer.await {
                Ok(value) => (true, value, false),
                Err(Error::Raised(raised)) => (false, shapes.thrown(&lua, raised)?, true),
                Err(Error::Thrown { value, .. }) => (false, value, false),
            })
        }
    })?;
    vm.callable.call(native)
}

/// The report of a scope that was only planned. Its fields can be named and not be known, so that an expectation of the gap is
/// deferred in a dry run instead of holding for a gap of nothing.
pub(super) fn planned_report(vm: &Rc<Vm>) -> mlua::Result<mlua::Value> {
    let unknown = native(vm, |_, given| async move {
        let field = given.get(1).and_then(|key| key.to_string().ok()).unwrap_or_default();
        Err(if ScopeReport::MEASURED.contains(&field.as_str()) {
            deferred(&format!("`{field}` of a scope whose changes are only planned"))
        } else {
            argument(format!("there is no field `{field}`"))
        }
        .into())
    })?;
    let meta = vm.lua.create_table_from([("__index", unknown)])?;
    let report = vm.lua.create_table_from([("planned", true)])?;
    report.set_metatable(Some(meta))?;
    Ok(mlua::Value::Table(report))
}

/// Values in one line.
fn spoken(call: &Call, given: &[mlua::Value]) -> Result<mlua::Value, Error> {
    let words: Vec<String> = given.iter().map(|value| words(call, value)).collect();
    call.write(&words.join(" ").as_str().into())
}

fn shown(call: &Call, given: &[mlua::Value]) -> Result<mlua::Value, Error> {
    match given {
        // What follows is ignored, as by Luau's own: `tostring(pcall(f))`.
        [value, ..] => call.write(&words(call, value).as_str().into()),
        [] => Err(argument("`tostring(value)` takes 1 argument").into()),
    }
}

/// A value as text that is the same in every run: no address stands in it.
fn words(call: &Call, value: &mlua::Value) -> String {
    match value {
        mlua::Value::Nil => "nil".to_owned(),
        mlua::Value::Table(_) => serde_json::to_string(&call.evidence(value)).unwrap_or_default(),
        mlua::Value::String(_)
        | mlua::Value::Boolean(_)
        | mlua::Value::Integer(_)
        | mlua::Value::Number(_) => value.to_string().unwrap_or_default(),
        other => other.type_name().to_owned(),
    }
}

/// Runs a module, once on each branch, and gives what it returned.
async fn require(call: &Call, given: &[mlua::Value]) -> Result<mlua::Value, Error> {
    let [mlua::Value::String(path)] = given else {
        return Err(argument("`require(path)` takes the path of a module").into());
    };
    let path = path.to_string_lossy();
    let imported = |branch: &Branch| branch.state.imported.borrow().get(&path).cloned();
    if let Some(module) = imported(&call.branch) {
        return Ok(module);
    }
    let Some(text) = call.vm.modules.get(&path) else {
        let short: String = path.chars().take(80).collect();
        return Err(argument(format!("there is no module `{short}`")).into());
    };
    let module = call.vm.load(&file_of(Language::Luau, &path), text)?;
    let module = call.apply(&module, ()).await?;
    match &module {
        mlua::Value::Nil => {
            return Err(Raised::Text(format!("the module `{path}` returns nothing")).into());
        }
        // Nobody changes it for the others.
        mlua::Value::Table(exports) => exports.set_readonly(true),
        _ => {}
    }
    call.branch.state.imported.borrow_mut().insert(path, module.clone());
    Ok(module)
}
