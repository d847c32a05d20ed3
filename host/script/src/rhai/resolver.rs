//! Imports, served from the map that the host sent and from nothing else.

use std::sync::{Arc, Mutex};

use rhai::{Engine, EvalAltResult, GlobalRuntimeState, Module, ModuleResolver, Position, Scope};

use super::caller::{Branch, SharedModule};
use crate::link::held;
use crate::modules::IMPORT_DEPTH;

/// The resolver of one branch. A module's statements run once per branch, so that what they call does not depend on which
/// of two branches came first.
pub(crate) struct Resolver {
    branch: Arc<Branch>,
    /// Modules whose statements are running, outermost first.
    running: Mutex<Vec<String>>,
}

impl Resolver {
    pub(crate) fn new(branch: Arc<Branch>) -> Self {
        Self { branch, running: Mutex::default() }
    }

    fn load(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        path: &str,
        position: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        if let Some(module) = held(&self.branch.state.imported).get(path) {
            return Ok(Arc::clone(module));
        }
        let ast = self
            .branch
            .state
            .modules
            .get(path)
            .ok_or_else(|| Box::new(EvalAltResult::ErrorModuleNotFound(path.to_owned(), position)))?;
        self.enter(path, position)?;
        let evaluated = Module::eval_ast_as_new_raw(engine, &mut Scope::new(), global, ast);
        held(&self.running).pop();
        let module: SharedModule = evaluated.map_err(|inner| in_module(path, inner, position))?.into();
        held(&self.branch.state.imported).insert(path.to_owned(), Arc::clone(&module));
        Ok(module)
    }

    /// The closure of imports was found free of cycles before the script ran; this holds whatever the map says.
    fn enter(&self, path: &str, position: Position) -> Result<(), Box<EvalAltResult>> {
        let mut running = held(&self.running);
        if running.len() >= IMPORT_DEPTH || running.iter().any(|outer| outer == path) {
            return Err(Box::new(EvalAltResult::ErrorTooManyModules(position)));
        }
        running.push(path.to_owned());
        Ok(())
    }
}

/// Limits stay what they are, so that no `catch` around an import sees them.
fn in_module(path: &str, inner: Box<EvalAltResult>, position: Position) -> Box<EvalAltResult> {
    if inner.is_catchable() {
        Box::new(EvalAltResult::ErrorInModule(path.to_owned(), inner, position))
    } else {
        inner
    }
}

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        _source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        self.load(engine, &mut engine.new_global_runtime_state(), path, position)
    }

    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        _scope: &mut Scope<'_>,
        path: &str,
        position: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        // A fresh state: a module sees nothing of the script that imports it. Its operations count in the run.
        let mut fresh = engine.new_global_runtime_state();
        fresh.level = global.level;
        self.load(engine, &mut fresh, path, position)
    }
}
