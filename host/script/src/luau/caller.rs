//! Where in a Luau script one of the functions is called from.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use fabric_model::Value;
use fabric_model::door::ScopeReport;
use mlua::{Function, IntoLuaMulti, MultiValue};

use super::convert::{fields, items};
use super::thrown::{self, Error};
use super::vm::Vm;
use super::{bind, branches};
use crate::library::raised::{Thrown, Uncrossable};
use crate::library::{self, Caller, Language};

/// Luau, as the functions see it.
pub(super) struct Luau;

impl Language for Luau {
    type Value = mlua::Value;
    type Function = Function;
    // A function of Luau knows where it was written.
    type Kept = Function;
    type Error = Error;
    type State = State;
}

/// A branch of a Luau script.
pub(super) type Branch = library::branch::Branch<Luau>;

/// What is kept for each branch: modules that were run on it or before it began.
#[derive(Default)]
pub(super) struct State {
    pub(super) imported: RefCell<BTreeMap<String, mlua::Value>>,
}

/// A call of one of the functions.
pub(super) struct Call {
    pub(super) vm: Rc<Vm>,
    pub(super) branch: Rc<Branch>,
}

impl Call {
    /// Calls a function of the script on the branch that calls.
    pub(super) async fn apply(
        &self,
        function: &Function,
        given: impl IntoLuaMulti,
    ) -> Result<mlua::Value, Error> {
        let mut arguments = given.into_lua_multi(&self.vm.lua)?;
        arguments.push_front(mlua::Value::Function(function.clone()));
        let mut returned = self.vm.attempt.call_async::<MultiValue>(arguments).await?;
        let ended = returned.pop_front();
        let value = returned.pop_front().unwrap_or(mlua::Nil);
        match ended {
            Some(mlua::Value::Boolean(true)) => Ok(value),
            _ => Err(self.caught(value)),
        }
    }

    /// What was thrown, with its place; without one where even that could not be found out.
    fn caught(&self, caught: mlua::Value) -> Error {
        let pair = match &caught {
            mlua::Value::Table(pair) => pair.raw_get(1).and_then(|value| Ok((value, pair.raw_get(2)?))).ok(),
            _ => None,
        };
        let (value, places) = pair.unwrap_or((caught, String::new()));
        if super::vm::is_out_of_memory(&value) {
            self.vm.out_of_memory();
        }
        Error::Thrown { value, places }
    }
}

impl Caller<Luau> for Call {
    fn branch(&self) -> &Branch {
        &self.branch
    }

    async fn call(&self, function: &Function) -> Result<mlua::Value, Error> {
        self.apply(function, ()).await
    }

    fn keep(&self, function: Function) -> Function {
        function
    }

    async fn call_kept(&self, kept: &Function) -> Result<mlua::Value, Error> {
        self.apply(kept, ()).await
    }

    async fn par(&self, items: Vec<mlua::Value>, body: Function) -> Result<mlua::Value, Error> {
        branches::par(self, items, &body).await
    }

    fn read(&self, value: &mlua::Value) -> Result<Value, Uncrossable> {
        self.vm.shapes.read(value)
    }

    fn evidence(&self, value: &mlua::Value) -> Value {
        self.vm.shapes.evidence(value)
    }

    fn write(&self, value: &Value) -> Result<mlua::Value, Error> {
        Ok(self.vm.shapes.write(&self.vm.lua, value)??)
    }

    fn report(&self, report: &ScopeReport) -> Result<mlua::Value, Error> {
        if report.planned {
            return Ok(bind::planned_report(&self.vm)?);
        }
        // A report is plain data, so it always encodes.
        self.write(&Value::encode(report).unwrap_or_default())
    }

    fn function(&self, value: &mlua::Value) -> Option<Function> {
        value.as_function().cloned()
    }

    fn fields(&self, value: &mlua::Value) -> Option<BTreeMap<String, mlua::Value>> {
        fields(value.as_table()?)
    }

    fn items(&self, value: &mlua::Value) -> Option<Vec<mlua::Value>> {
        items(value.as_table()?)
    }

    fn classify(&self, error: &Error) -> Thrown {
        thrown::classify(&self.vm, error)
    }

    fn describe(&self, error: &Error) -> String {
        thrown::describe(&self.vm, error)
    }
}
