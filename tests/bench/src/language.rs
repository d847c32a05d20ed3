//! A loop that computes, in both languages: in fabric's worker, and in the bare engines.

use mlua::Lua;
use rhai::Engine;

use crate::Outcome;
use crate::project::{FIRST, LAST};

/// Arguments that make this program one of the bare engines.
pub(crate) const RHAI: &str = "--loop-rhai";
pub(crate) const LUAU: &str = "--loop-luau";

/// Rounds of the loop.
pub(crate) const ROUNDS: u32 = 1_000_000;

/// The loop in Rhai, between two lines that `print` or `note` writes.
pub(crate) fn in_rhai(say: &str) -> String {
    format!(
        "{say}(\"{FIRST}\");\nlet sum = 0;\nfor n in 0..{ROUNDS} {{ sum += n % 7; }}\n{say}(`{LAST} ${{sum}}`);\n"
    )
}

/// The same in Luau.
pub(crate) fn in_luau(say: &str) -> String {
    let last = ROUNDS - 1;
    format!(
        "{say}(\"{FIRST}\")\nlocal sum = 0\nfor n = 0, {last} do sum += n % 7 end\n{say}(`{LAST} {{sum}}`)\n"
    )
}

/// Runs the loop in a bare engine, with nothing that fabric adds: no limits, no door.
pub(crate) fn be_engine(argument: &str) -> Outcome<()> {
    if argument == LUAU {
        in_bare_luau().map_err(|error| error.to_string())?;
    } else {
        let mut engine = Engine::new();
        engine.on_print(|text| println!("{text}"));
        engine.run(&in_rhai("print"))?;
    }
    Ok(())
}

fn in_bare_luau() -> mlua::Result<()> {
    let lua = Lua::new();
    // Luau's own would keep the lines back until the end.
    let print = lua.create_function(|_, text: String| {
        println!("{text}");
        Ok(())
    })?;
    lua.globals().set("print", print)?;
    lua.load(in_luau("print")).exec()
}
