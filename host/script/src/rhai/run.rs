//! A Rhai script from its text to its outcome.

use std::sync::{Arc, Mutex};

use fabric_model::door::{Outcome, Start};
use rhai::Scope;

use super::caller::{Branch, State};
use super::{engine, thrown};
use crate::library::branch::Run;
use crate::link::Link;
use crate::lint;

/// Runs a script.
pub(crate) fn execute(start: Start, link: &Arc<Link>) -> Outcome {
    let compiled = match lint::compile(&start.path, &start.source, &start.modules, &start.primitives) {
        Ok(compiled) => compiled,
        Err(refused) => return refused.outcome(),
    };
    let path = start.path.clone();
    let state = State { modules: Arc::new(compiled.modules), imported: Mutex::default() };
    let branch = Arc::new(Branch::main(Arc::new(Run::new(start, Arc::clone(link))), state));
    let engine = engine::for_branch(&branch);
    let result = engine.run_ast_with_scope(&mut Scope::new(), &compiled.main);
    if let Some(reason) = branch.run.aborted() {
        return Outcome::Aborted { reason };
    }
    match (result, branch.run.limit()) {
        (Ok(()), None) => Outcome::Finished,
        // The limit was reached by the last statement, after which the engine asked no more.
        (Ok(()), Some(message)) => Outcome::Limit { message },
        (Err(error), limit) => thrown::outcome(&error, &path, limit),
    }
}
