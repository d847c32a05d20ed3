//! The definitions for Luau's language server are types that a parser of Luau reads. `declare` is the one word of definition files that
//! is none of the language; with `local` in its place the rest is Luau.

use full_moon::LuaVersion;

const DEFINITIONS: &str = include_str!("../../../docs/reference/fabric.d.luau");

fn errors(definitions: &str) -> Vec<String> {
    let text = definitions.replace("\ndeclare ", "\nlocal ");
    let parsed = full_moon::parse_fallible(&text, LuaVersion::luau()).into_result();
    parsed.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn the_definitions_are_types_of_luau() {
    assert_eq!(errors(DEFINITIONS), Vec::<String>::new());
    let areas = DEFINITIONS.lines().filter(|line| line.starts_with("declare ")).count();
    assert!(areas >= 10, "{areas}");
    assert_ne!(errors(&DEFINITIONS.replacen(": string", ": strin(g", 1)), Vec::<String>::new());
}
