//! The machine: what a Luau script may use, and every limit on it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use fabric_model::protection::{Protection, stands};
use mlua::chunk::{ChunkMode, Compiler};
use mlua::state::LuaOptions;
use mlua::{Function, Lua, StdLib, Table, VmState};

use super::bind;
use super::caller::Branch;
use super::convert::Shapes;
use crate::library::branch::Run;

/// Bytes of everything that a script holds. The largest honest answers take some MiB.
const MEMORY_BYTES: usize = 256 << 20;

/// What the machine says when it is over that.
const OUT_OF_MEMORY: &str = "not enough memory";

/// Functions of the base library that a script has. Left out is what runs text, what reaches into other functions, what
/// belongs to the collector, and metatables: the values of a script are data.
const BASE: [&str; 13] = [
    "assert", "error", "ipairs", "next", "pairs", "rawequal", "rawget", "rawlen", "select", "tonumber",
    "type", "typeof", "unpack",
];

/// Libraries that a script has, each with what is left out of it: what is not the same in every run.
const LIBRARIES: [(&str, &[&str]); 5] = [
    ("bit32", &[]),
    ("math", &["noise", "random", "randomseed"]),
    ("string", &[]),
    ("table", &[]),
    ("utf8", &[]),
];

/// What the machine calls the source of its own functions.
const NATIVE: &str = "[C]";

/// What the shim is called.
const BETWEEN: &str = "[fabric]";

/// Between a script and the host's functions.
const SHIM: &str = include_str!("shim.luau");

/// What the functions share. It lives as long as the worker: the machine holds functions that hold it.
pub(super) struct Vm {
    pub(super) lua: Lua,
    pub(super) run: Arc<Run>,
    /// The text of every module.
    pub(super) modules: BTreeMap<String, String>,
    /// How data of the host looks in a script.
    pub(super) shapes: Shapes,
    /// Makes a native function one that scripts may call.
    pub(super) callable: Function,
    /// Calls a function of the script, and gives what it threw with the place.
    pub(super) attempt: Function,
    /// The branch whose turn it is.
    current: RefCell<Rc<Branch>>,
    /// The globals of every script and module; nobody can change them.
    environment: Table,
}

impl Vm {
    /// A machine for one run.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn new(branch: &Rc<Branch>, modules: BTreeMap<String, String>) -> mlua::Result<Rc<Self>> {
        let libraries =
            StdLib::BIT | StdLib::MATH | StdLib::STRING | StdLib::TABLE | StdLib::UTF8 | StdLib::DEBUG;
        let lua = Lua::new_with(libraries, LuaOptions::new())?;
        if stands(Protection::ValueSizes) {
            lua.set_memory_limit(MEMORY_BYTES)?;
        }
        let run = Arc::clone(&branch.run);
        let shapes = Shapes::new(&lua)?;
        let (callable, attempt, pcall, xpcall) = shim(&lua, &run, &shapes)?;
        shapes.complain(&lua, &callable)?;
        let environment = lua.create_table()?;
        let vm = Rc::new(Self {
            lua,
            run,
            modules,
            shapes,
            callable,
            attempt,
            current: RefCell::new(Rc::clone(branch)),
            environment,
        });
        vm.furnish()?;
        vm.environment.set("pcall", pcall)?;
        vm.environment.set("xpcall", xpcall)?;
        bind::bind(&vm, &vm.environment)?;
        vm.environment.set_readonly(stands(Protection::ReadOnlyGlobals));
        // Not a "safe environment": in one, the machine answers calls of its built-in functions itself, those too that are not in it.
        let run = Arc::clone(&vm.run);
        vm.lua.set_interrupt(move |lua| {
            if run.tick() && in_script(lua) {
                // Thrown again at every step, whoever catches it.
                return Err(mlua::Error::runtime("the script is over"));
            }
            Ok(VmState::Continue)
        });
        Ok(vm)
    }

    /// Puts the language's own functions into the environment.
    fn furnish(&self) -> mlua::Result<()> {
        let globals = self.lua.globals();
        if !stands(Protection::Globals) {
            return globals
                .for_each(|name: mlua::Value, value: mlua::Value| self.environment.set(name, value));
        }
        for name in BASE {
            self.environment.set(name, globals.get::<Function>(name)?)?;
        }
        for (library, without) in LIBRARIES {
            let all: Table = globals.get(library)?;
            for name in without {
                all.set(*name, mlua::Nil)?;
            }
            all.set_readonly(true);
            self.environment.set(library, all)?;
        }
        Ok(())
    }

    /// A script or module as a function. Only text is taken.
    ///
    /// # Errors
    /// When it does not compile.
    pub(super) fn load(&self, file: &str, text: &str) -> mlua::Result<Function> {
        let compiler = Compiler::new().set_optimization_level(1).set_debug_level(1);
        let chunk = self.lua.load(text).set_name(format!("={file}")).set_mode(ChunkMode::Text);
        chunk.set_compiler(compiler).set_environment(self.environment.clone()).into_function()
    }

    /// Ends the script, because its memory is used up.
    pub(super) fn out_of_memory(&self) {
        out_of_memory(&self.run);
    }

    /// The branch whose turn it is.
    pub(super) fn current(&self) -> Rc<Branch> {
        Rc::clone(&self.current.borrow())
    }
}

/// Whether a script is running, and not what waits for the host on its behalf: a scope ends even when the script is over.
fn in_script(lua: &Lua) -> bool {
    let source = |level| lua.inspect_stack(level, |running| running.source().short_src.map(Cow::into_owned));
    // What is native, or stands between, belongs to whoever called it.
    let mut sources = (0..).map_while(|level| source(level).flatten());
    let innermost = sources.find(|source| source != NATIVE && source != BETWEEN);
    innermost.is_some_and(|source| source.ends_with(".luau"))
}

/// The functions of the shim, which runs outside the environment of scripts.
fn shim(
    lua: &Lua,
    run: &Arc<Run>,
    shapes: &Shapes,
) -> mlua::Result<(Function, Function, Function, Function)> {
    let run = Arc::clone(run);
    let stopped = lua.create_function(move |_, thrown: mlua::Value| {
        if is_out_of_memory(&thrown) {
            out_of_memory(&run);
        }
        Ok(run.is_stopped())
    })?;
    let located = shapes.locating(lua)?;
    lua.load(SHIM).set_name(format!("={BETWEEN}")).set_mode(ChunkMode::Text).call((stopped, located))
}

fn out_of_memory(run: &Run) {
    run.stop(&format!("more than {MEMORY_BYTES} bytes of values"));
}

/// Whether what was thrown is the machine's own word that its memory is used up. A script that says so itself ends itself.
pub(super) fn is_out_of_memory(thrown: &mlua::Value) -> bool {
    match thrown {
        mlua::Value::String(text) => text.as_bytes() == OUT_OF_MEMORY.as_bytes(),
        mlua::Value::Error(error) => matches!(&**error, mlua::Error::MemoryError(_)),
        _ => false,
    }
}

/// A future during each turn of which a branch is the current one.
pub(super) struct Turns<F> {
    vm: Rc<Vm>,
    branch: Rc<Branch>,
    future: Pin<Box<F>>,
}

impl<F: Future> Turns<F> {
    pub(super) fn new(vm: &Rc<Vm>, branch: &Rc<Branch>, future: F) -> Self {
        Self { vm: Rc::clone(vm), branch: Rc::clone(branch), future: Box::pin(future) }
    }
}

impl<F: Future> Future for Turns<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let around = self.vm.current.replace(Rc::clone(&self.branch));
        let result = self.future.as_mut().poll(context);
        self.vm.current.replace(around);
        result
    }
}
