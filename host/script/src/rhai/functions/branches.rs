//! `par`: one function over the items of a list, several at a time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use fabric_model::check::Place;
use rhai::{Array, Dynamic, EvalAltResult, FnPtr, GlobalRuntimeState, NativeCallContext, Position};

use super::Functions;
use crate::link::held;
use crate::rhai::branch::{Branch, Run};
use crate::rhai::convert::{detached, detached_closure};
use crate::rhai::engine;
use crate::rhai::thrown::{argument, at_call, stopped};

type Thrower<T> = Result<T, Box<EvalAltResult>>;

/// `par` within `par`.
const PAR_DEPTH: u32 = 3;
/// The stack of a branch, in bytes. It holds the levels of calls and expressions that the engine allows, with room to spare.
const BRANCH_STACK: usize = 16 << 20;

pub(super) fn register(functions: &mut Functions, branch: &Arc<Branch>) {
    let on = Arc::clone(branch);
    functions.add("par", move |context: NativeCallContext<'_>, list: Array, body: FnPtr| {
        at_call(&context, par(&on, &context, &list, &body))
    });
}

/// What the threads of one `par` share.
struct Work<'a> {
    branch: &'a Branch,
    place: Place,
    body: FnPtr,
    items: Vec<Dynamic>,
    next: AtomicUsize,
    results: Mutex<BTreeMap<usize, Thrower<Dynamic>>>,
    global: &'a GlobalRuntimeState,
    source: Option<&'a str>,
    position: Position,
}

/// All branches end before the first error, by the order of the list, is thrown: what they observed is observed.
fn par(branch: &Branch, context: &NativeCallContext<'_>, list: &Array, body: &FnPtr) -> Thrower<Array> {
    if branch.depth >= PAR_DEPTH {
        return Err(argument(format!("`par` nests deeper than {PAR_DEPTH}")));
    }
    branch.run.begin_branches(list.len())?;
    let apart =
        |e: crate::rhai::convert::Uncrossable| argument(format!("what `par` passes to a branch: {e}"));
    let work = Work {
        branch,
        place: branch.next_place(),
        body: detached_closure(body).map_err(apart)?,
        items: list.iter().map(detached).collect::<Result<_, _>>().map_err(apart)?,
        next: AtomicUsize::new(0),
        results: Mutex::default(),
        global: context.global_runtime_state(),
        source: context.call_source(),
        position: context.call_position(),
    };
    thread::scope(|scope| {
        // This thread works too, so that a nested `par` goes on when no slot is free, and needs none of its own.
        for slot in Slot::take(&branch.run, work.items.len().saturating_sub(1)) {
            let work = &work;
            let helper = thread::Builder::new().name("branch".to_owned()).stack_size(BRANCH_STACK);
            // Where the system has no thread left, those that there are do the work.
            let _spawned = helper.spawn_scoped(scope, move || {
                work.run();
                drop(slot);
            });
        }
        work.run();
    });
    let mut results = held(&work.results);
    (0..work.items.len()).map(|index| results.remove(&index).unwrap_or_else(|| Err(stopped()))).collect()
}

impl Work<'_> {
    /// Takes one item after the other until none is left or the script has to stop.
    fn run(&self) {
        while !self.branch.run.is_stopped() {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = self.items.get(index) else { break };
            let result = self.call(index, item.clone());
            held(&self.results).insert(index, result);
        }
    }

    /// Runs one branch on an engine of its own.
    fn call(&self, index: usize, item: Dynamic) -> Thrower<Dynamic> {
        let index = u32::try_from(index).map_err(|e| argument(e.to_string()))?;
        let child = Arc::new(self.branch.child(&self.place, index));
        let engine = engine::for_branch(&child);
        let global = self.global.clone();
        let context =
            NativeCallContext::new_with_all_fields(&engine, "par", self.source, &global, self.position);
        let body = detached_closure(&self.body).map_err(|e| argument(e.to_string()))?;
        let result = body.call_within_context::<Dynamic>(&context, (item,))?;
        detached(&result).map_err(|e| argument(format!("what a branch of `par` returns: {e}")))
    }
}

/// The right to run one more branch beside the others.
struct Slot(Arc<Run>);

impl Slot {
    /// As many as are free, at most `wanted`.
    fn take(run: &Arc<Run>, wanted: usize) -> Vec<Self> {
        let mut free = held(&run.free_slots);
        let taken = u32::try_from(wanted).unwrap_or(u32::MAX).min(*free);
        *free -= taken;
        (0..taken).map(|_| Self(Arc::clone(run))).collect()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *held(&self.0.free_slots) += 1;
    }
}
