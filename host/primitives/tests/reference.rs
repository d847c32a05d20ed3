//! `docs/reference/primitives.md` is what the registry says. `FABRIC_REGENERATE=1 cargo test -p fabric-primitives --test
//! reference` writes it anew; without that, a page that is not current is a failure.

use std::path::Path;

use fabric_primitives::registry::REGISTRY;
use fabric_primitives::{Primitive, reference};

const PAGE: &str = "docs/reference/primitives.md";

fn page(primitives: &[&dyn Primitive]) -> String {
    reference::page(primitives).expect("every example is one")
}

#[expect(clippy::disallowed_methods, reason = "the one way to ask a test to write")]
fn is_current(path: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("FABRIC_REGENERATE").is_some_and(|asked| asked == "1") {
        return std::fs::write(file, made).expect("the page can be written");
    }
    let current = std::fs::read_to_string(file).expect("the page is there");
    let differs = current.lines().zip(made.lines()).zip(1..).find(|((old, new), _)| old != new);
    assert_eq!(differs, None, "{path} is not current: write it anew with FABRIC_REGENERATE=1");
    assert_eq!(current.len(), made.len(), "{path} is not current: write it anew with FABRIC_REGENERATE=1");
}

#[test]
fn the_reference_is_current() {
    is_current(PAGE, &page(REGISTRY));
}

#[test]
fn every_primitive_has_a_section_with_an_example() {
    let page = self::page(REGISTRY);
    for primitive in REGISTRY {
        let name = primitive.name();
        assert!(page.contains(&format!("\n## `{name}`\n")), "{name}");
        assert!(page.contains(&format!("\n{}::{}(#{{ ", name.area(), name.verb())), "{name}");
        assert!(page.contains(&format!("\n{}.{}{{ ", name.area(), name.verb())), "{name}");
    }
    // A primitive that is taken away leaves no section behind, so the comparison above does compare.
    let fewer = self::page(REGISTRY.get(1..).expect("more than one"));
    assert_ne!(fewer, page);
}

#[test]
fn every_field_of_the_page_is_explained() {
    let page = self::page(REGISTRY);
    let unexplained: Vec<&str> =
        page.lines().filter(|line| line.starts_with('|') && line.ends_with("|  |")).collect();
    assert_eq!(unexplained, Vec::<&str>::new());
}
