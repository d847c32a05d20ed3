//! A Luau script from its text to its outcome.

use std::collections::BTreeMap;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use fabric_model::Diagnostic;
use fabric_model::door::{Outcome, Start};
use mlua::Function;
use pollster::block_on;

use super::caller::{Branch, Call, State};
use super::syntax;
use super::thrown::{self, Error};
use super::vm::{Turns, Vm};
use crate::language::Language;
use crate::library::branch::Run;
use crate::link::Link;
use crate::lint::Refused;
use crate::modules::{Graph, file_of};

/// Runs a script.
pub(crate) fn execute(mut start: Start, link: &Arc<Link>) -> Outcome {
    let (path, source) = (start.path.clone(), mem::take(&mut start.source));
    let modules = mem::take(&mut start.modules);
    let diagnostics = refused(&path, &source, &modules);
    if !diagnostics.is_empty() {
        return Refused { diagnostics, limit: false }.outcome();
    }
    let branch = Rc::new(Branch::main(Arc::new(Run::new(start, Arc::clone(link))), State::default()));
    let made = Vm::new(&branch, modules).and_then(|vm| Ok((vm.load(&path, &source)?, vm)));
    match made {
        Ok((main, vm)) => run(&vm, &branch, &main),
        Err(mlua::Error::SyntaxError { message, .. }) => {
            Outcome::Threw { message: syntax::refused(&path, &message).to_string() }
        }
        Err(error) => Outcome::Limit { message: error.to_string() },
    }
}

fn run(vm: &Rc<Vm>, branch: &Rc<Branch>, main: &Function) -> Outcome {
    let call = Call { vm: Rc::clone(vm), branch: Rc::clone(branch) };
    let result: Result<_, Error> = block_on(Turns::new(vm, branch, call.apply(main, ())));
    match (result, vm.run.aborted(), vm.run.limit()) {
        (Ok(_), None, None) => Outcome::Finished,
        (Ok(_), Some(reason), _) => Outcome::Aborted { reason },
        // The limit was reached by the last statement.
        (Ok(_), None, Some(message)) => Outcome::Limit { message },
        (Err(error), ..) => thrown::outcome(vm, &error),
    }
}

/// What is wrong with a script and its modules before anything of it runs.
fn refused(path: &str, source: &str, modules: &BTreeMap<String, String>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut imports = |file: &str, text: &str| {
        syntax::imports(file, text).unwrap_or_else(|wrong| {
            found.extend(wrong);
            Vec::new()
        })
    };
    let graph = Graph {
        language: Language::Luau,
        root: imports(path, source),
        modules: modules
            .iter()
            .map(|(module, text)| (module.clone(), imports(&file_of(Language::Luau, module), text)))
            .collect(),
    };
    graph.find_knots(path, &mut found);
    found
}
