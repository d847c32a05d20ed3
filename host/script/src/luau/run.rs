//! A Luau script from its text to its outcome.

use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use fabric_model::door::{Outcome, Start};
use mlua::Function;
use pollster::block_on;

use super::caller::{Branch, Call, State};
use super::syntax;
use super::thrown::{self, Error};
use super::vm::{Turns, Vm};
use crate::library::branch::Run;
use crate::link::Link;
use crate::lint;

/// Runs a script.
pub(crate) fn execute(mut start: Start, link: &Arc<Link>) -> Outcome {
    let (path, source) = (start.path.clone(), mem::take(&mut start.source));
    let modules = mem::take(&mut start.modules);
    if let Err(refused) = lint::sound(&path, &source, &modules, &start.primitives) {
        return refused.outcome();
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
