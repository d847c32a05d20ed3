//! `docs/reference/primitives.md` is what the registry says. `FABRIC_REGENERATE=1 cargo test -p fabric-primitives --test
//! reference` writes it anew; without that, a page that is not current is a failure.

#[path = "reference/fields.rs"]
mod fields;
#[path = "reference/page.rs"]
mod page;

use std::path::Path;

use fabric_primitives::registry::REGISTRY;

const CURRENT: &str = include_str!("../../../docs/reference/primitives.md");

#[test]
#[expect(clippy::disallowed_methods, reason = "the one way to ask a test to write")]
fn the_reference_is_current() {
    let page = page::page(REGISTRY);
    if std::env::var_os("FABRIC_REGENERATE").is_some_and(|asked| asked == "1") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/primitives.md");
        return std::fs::write(path, page).expect("the page can be written");
    }
    let differs = CURRENT.lines().zip(page.lines()).zip(1..).find(|((old, new), _)| old != new);
    assert_eq!(differs, None, "the page is not current: write it anew with FABRIC_REGENERATE=1");
    assert_eq!(CURRENT.len(), page.len(), "the page is not current: write it anew with FABRIC_REGENERATE=1");
}

#[test]
fn every_primitive_has_a_section_with_an_example() {
    let page = page::page(REGISTRY);
    for primitive in REGISTRY {
        let name = primitive.name();
        assert!(page.contains(&format!("\n## `{name}`\n")), "{name}");
        assert!(page.contains(&format!("\n{}::{}(#{{ ", name.area(), name.verb())), "{name}");
    }
    // A primitive that is taken away leaves no section behind, so the comparison above does compare.
    let fewer = page::page(REGISTRY.get(1..).expect("more than one"));
    assert_ne!(fewer, page);
}

#[test]
fn every_field_of_the_page_is_explained() {
    let page = page::page(REGISTRY);
    let unexplained: Vec<&str> =
        page.lines().filter(|line| line.starts_with('|') && line.ends_with("|  |")).collect();
    assert_eq!(unexplained, Vec::<&str>::new());
}
