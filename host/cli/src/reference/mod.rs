//! The definition file for Luau's language server: the functions that every script has, and the primitives of the registry.

use fabric_primitives::reference;
use fabric_primitives::registry::REGISTRY;

/// The functions are not made from anything: their types stand in no schema.
const FUNCTIONS: &str = include_str!("functions.d.luau");

/// All of it.
pub(crate) fn luau_definitions() -> String {
    format!("{}{FUNCTIONS}", reference::definitions(REGISTRY))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use fabric_script::lint;

    use super::*;

    /// Written anew by `FABRIC_REGENERATE=1 cargo test -p fabric reference::`.
    const CURRENT: &str = include_str!("../../../../docs/reference/fabric.d.luau");

    #[test]
    fn the_definitions_are_current() {
        let made = luau_definitions();
        if std::env::var_os("FABRIC_REGENERATE").is_some_and(|asked| asked == "1") {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/fabric.d.luau");
            return std::fs::write(path, made).expect("the file can be written");
        }
        assert!(CURRENT == made, "the definitions are not current: write them anew with FABRIC_REGENERATE=1");
    }

    #[test]
    fn every_function_that_scripts_have_is_defined_once() {
        // The language itself has it.
        for name in lint::FUNCTIONS.iter().filter(|name| **name != "print") {
            let found = FUNCTIONS.matches(&format!("\ndeclare {name}: ")).count();
            assert_eq!(found, 1, "{name}");
        }
        let (_, site) = FUNCTIONS.split_once("declare site: {").expect("the namespace of the site");
        for name in lint::SITE_FUNCTIONS {
            assert!(site.contains(&format!("\n\t{name}: ")), "{name}");
        }
    }
}
