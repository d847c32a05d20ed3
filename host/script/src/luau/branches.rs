//! `par` in Luau: each branch is a coroutine, and they take turns while others wait for the host.
//!
//! A branch gets its item by value. What its function captured it shares with the others, because the machine gives no way to
//! copy that; `fabric check` refuses a function that changes what it captured.

use std::rc::Rc;

use fabric_model::value::DEPTH_LIMIT;
use futures_util::stream::{self, StreamExt as _};
use mlua::Function;

use super::caller::{Call, State};
use super::convert::detached;
use super::thrown::Error;
use super::vm::Turns;
use crate::library::raised::argument;
use crate::library::{Slot, begin_branches};

/// All branches end before the first error, by the order of the list, is thrown: what they observed is observed.
pub(super) async fn par(call: &Call, items: Vec<mlua::Value>, body: &Function) -> Result<mlua::Value, Error> {
    let place = begin_branches(&call.branch, items.len())?;
    let lua = &call.vm.lua;
    let slots = Slot::take(&call.branch.run, items.len().saturating_sub(1));
    let branches = stream::iter(items.into_iter().zip(0_u32..)).map(|(item, index)| {
        let state = State { imported: call.branch.state.imported.clone() };
        let branch = Rc::new(call.branch.child(&place, index, state));
        let child = Call { vm: Rc::clone(&call.vm), branch: Rc::clone(&branch) };
        let turn = async move {
            let item = detached(lua, &item, DEPTH_LIMIT)?
                .map_err(|e| argument(format!("what `par` passes to a branch: {e}")))?;
            child.apply(body, item).await
        };
        let turns = Turns::new(&call.vm, &branch, turn);
        async move { (index, turns.await) }
    });
    let mut results: Vec<_> = branches.buffer_unordered(slots.len() + 1).collect().await;
    results.sort_by_key(|(index, _)| *index);
    let list = lua.create_table_with_capacity(results.len(), 0)?;
    for (_, result) in results {
        list.raw_push(result?)?;
    }
    Ok(mlua::Value::Table(list))
}
