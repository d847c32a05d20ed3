//! The reference that is made from the registry of primitives and the catalogue of functions.

pub(crate) mod functions;

use fabric_primitives::reference;
use fabric_primitives::registry::REGISTRY;

/// The definition file for Luau's language server: the functions that every script has, and the primitives of the registry.
pub(crate) fn luau_definitions() -> String {
    format!("{}{}", reference::definitions(REGISTRY), functions::definitions())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use fabric_script::lint;

    use super::*;

    /// Holds a file of `docs/reference` against what is made. `FABRIC_REGENERATE=1 cargo test -p fabric reference::` writes it anew.
    fn is_current(name: &str, made: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
        if std::env::var_os("FABRIC_REGENERATE").is_some_and(|asked| asked == "1") {
            return std::fs::write(path, made).expect("the file can be written");
        }
        let current = std::fs::read_to_string(path).expect("the file is there");
        assert!(current == made, "{name} is not current: write it anew with FABRIC_REGENERATE=1");
    }

    #[test]
    fn the_definitions_are_current() {
        is_current("fabric.d.luau", &luau_definitions());
    }

    #[test]
    fn the_page_of_functions_is_current() {
        is_current("functions.md", &functions::page());
    }

    #[test]
    fn every_function_that_scripts_have_is_defined_and_described_once() {
        let (definitions, page) = (functions::definitions(), functions::page());
        for name in lint::FUNCTIONS {
            // The language itself declares it.
            let expected = usize::from(name != "print");
            assert_eq!(definitions.matches(&format!("\ndeclare {name}: ")).count(), expected, "{name}");
            assert_eq!(page.matches(&format!("\n## `{name}`\n")).count(), 1, "{name}");
        }
        for name in lint::SITE_FUNCTIONS {
            assert_eq!(definitions.matches(&format!("\n\t{name}: ")).count(), 1, "{name}");
            assert_eq!(page.matches(&format!("\n## `site.{name}`\n")).count(), 1, "{name}");
        }
    }
}
