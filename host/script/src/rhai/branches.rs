//! `par` in Rhai: each branch has an engine and a thread of its own, and takes what it captured by value.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use fabric_model::check::Place;
use rhai::{Dynamic, EvalAltResult, FnPtr, GlobalRuntimeState, NativeCallContext, Position};

use super::caller::{Branch, Call, State};
use super::convert::{detached, detached_closure};
use super::engine;
use crate::library::raised::{Raised, Uncrossable, argument};
use crate::library::{Slot, begin_branches};
use crate::link::held;

/// The stack of a branch, in bytes. It holds the levels of calls and expressions that the engine allows, with room to spare.
const BRANCH_STACK: usize = 16 << 20;

/// What the threads of one `par` share.
struct Work<'a> {
    branch: &'a Branch,
    place: Place,
    body: FnPtr,
    items: Vec<Dynamic>,
    next: AtomicUsize,
    results: Mutex<BTreeMap<usize, Result<Dynamic, Box<EvalAltResult>>>>,
    global: &'a GlobalRuntimeState,
    source: Option<&'a str>,
    position: Position,
}

/// All branches end before the first error, by the order of the list, is thrown: what they observed is observed.
pub(super) fn par(call: &Call<'_>, list: &[Dynamic], body: &FnPtr) -> Result<Dynamic, Box<EvalAltResult>> {
    let branch = call.branch;
    let place = begin_branches(branch, list.len())?;
    let apart = |e: Uncrossable| argument(format!("what `par` passes to a branch: {e}"));
    let work = Work {
        branch,
        place,
        body: detached_closure(body).map_err(apart)?,
        items: list.iter().map(detached).collect::<Result<_, _>>().map_err(apart)?,
        next: AtomicUsize::new(0),
        results: Mutex::default(),
        global: call.context.global_runtime_state(),
        source: call.context.call_source(),
        position: call.context.call_position(),
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
    let in_order =
        (0..work.items.len()).map(|index| results.remove(&index).unwrap_or_else(|| Err(Raised::Stop.into())));
    in_order.collect::<Result<Vec<_>, _>>().map(Dynamic::from_array)
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
    fn call(&self, index: usize, item: Dynamic) -> Result<Dynamic, Box<EvalAltResult>> {
        let index = u32::try_from(index).map_err(|e| argument(e.to_string()))?;
        let imported = Mutex::new(held(&self.branch.state.imported).clone());
        let state = State { modules: Arc::clone(&self.branch.state.modules), imported };
        let child = Arc::new(self.branch.child(&self.place, index, state));
        let engine = engine::for_branch(&child);
        let global = self.global.clone();
        let context =
            NativeCallContext::new_with_all_fields(&engine, "par", self.source, &global, self.position);
        let body = detached_closure(&self.body).map_err(|e| argument(e.to_string()))?;
        let result = body.call_within_context::<Dynamic>(&context, (item,))?;
        detached(&result).map_err(|e| argument(format!("what a branch of `par` returns: {e}")).into())
    }
}
