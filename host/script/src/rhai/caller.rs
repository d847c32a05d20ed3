//! Where in a Rhai script one of the functions is called from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fabric_model::Value;
use fabric_model::door::ScopeReport;
use rhai::{
    AST, Array, Dynamic, EvalAltResult, FnPtr, GlobalRuntimeState, Map, Module, NativeCallContext, Position,
    Shared,
};

use super::{branches, convert, report, thrown};
use crate::library::raised::{Thrown, Uncrossable};
use crate::library::{self, Caller, Language};

/// Rhai, as the functions see it.
pub(crate) struct Rhai;

impl Language for Rhai {
    type Value = Dynamic;
    type Function = FnPtr;
    type Kept = Written;
    type Error = Box<EvalAltResult>;
    type State = State;
}

/// A branch of a Rhai script.
pub(crate) type Branch = library::branch::Branch<Rhai>;

/// A module that was evaluated.
pub(crate) type SharedModule = Shared<Module>;

/// What is kept for each branch.
pub(crate) struct State {
    /// Every module, compiled once; only the map is shared, not what evaluating it gave.
    pub(crate) modules: Arc<BTreeMap<String, AST>>,
    /// Modules that were evaluated on this branch or before it began.
    pub(crate) imported: Mutex<BTreeMap<String, SharedModule>>,
}

/// A function with what it sees where it was written: it may stand in a module.
#[derive(Clone)]
pub(crate) struct Written {
    function: FnPtr,
    global: GlobalRuntimeState,
    source: Option<String>,
}

/// A call of one of the functions.
pub(crate) struct Call<'a> {
    pub(crate) branch: &'a Arc<Branch>,
    pub(crate) context: &'a NativeCallContext<'a>,
}

impl Caller<Rhai> for Call<'_> {
    fn branch(&self) -> &Branch {
        self.branch
    }

    async fn call(&self, function: &FnPtr) -> Result<Dynamic, Box<EvalAltResult>> {
        function.call_within_context(self.context, ())
    }

    fn keep(&self, function: FnPtr) -> Written {
        Written {
            function,
            global: self.context.global_runtime_state().clone(),
            source: self.context.call_source().map(str::to_owned),
        }
    }

    async fn call_kept(&self, kept: &Written) -> Result<Dynamic, Box<EvalAltResult>> {
        let Written { function, global, source } = kept;
        let where_written = NativeCallContext::new_with_all_fields(
            self.context.engine(),
            "abort_when",
            source.as_deref(),
            global,
            Position::NONE,
        );
        function.call_within_context(&where_written, ())
    }

    async fn par(&self, items: Vec<Dynamic>, body: FnPtr) -> Result<Dynamic, Box<EvalAltResult>> {
        branches::par(self, &items, &body)
    }

    fn read(&self, value: &Dynamic) -> Result<Value, Uncrossable> {
        convert::to_value(value)
    }

    fn evidence(&self, value: &Dynamic) -> Value {
        convert::to_evidence(value)
    }

    fn write(&self, value: &Value) -> Result<Dynamic, Box<EvalAltResult>> {
        Ok(convert::to_dynamic(value))
    }

    fn report(&self, report: &ScopeReport) -> Result<Dynamic, Box<EvalAltResult>> {
        Ok(report::value(report))
    }

    fn function(&self, value: &Dynamic) -> Option<FnPtr> {
        value.read_lock::<FnPtr>().map(|function| function.clone())
    }

    fn fields(&self, value: &Dynamic) -> Option<BTreeMap<String, Dynamic>> {
        let map = value.read_lock::<Map>()?;
        Some(map.iter().map(|(key, item)| (key.to_string(), item.clone())).collect())
    }

    fn items(&self, value: &Dynamic) -> Option<Vec<Dynamic>> {
        value.read_lock::<Array>().map(|list| list.to_vec())
    }

    fn classify(&self, error: &Box<EvalAltResult>) -> Thrown {
        thrown::classify(error)
    }

    fn describe(&self, error: &Box<EvalAltResult>) -> String {
        thrown::describe(error, &self.branch.run.path)
    }
}
