//! The list itself: sorted, without doubles, and equal to the folder.

use std::collections::BTreeSet;
use std::path::Path;

use fabric_primitives::registry::{self, REGISTRY};
use libtest_mimic::{Failed, Trial};

/// Files beside the primitives of an area that are none: what several of them share.
const SHARED: [&str; 1] = ["http.request"];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("registry::is_sorted_without_doubles", is_sorted_without_doubles),
        Trial::test("registry::finds_each_by_its_name", finds_each_by_its_name),
        Trial::test("registry::lists_every_file_and_nothing_else", lists_every_file_and_nothing_else),
    ]
}

/// `name()` parses the text, so this also says that every name is one.
fn names() -> Vec<String> {
    REGISTRY.iter().map(|primitive| primitive.name().to_string()).collect()
}

fn is_sorted_without_doubles() -> Result<(), Failed> {
    assert!(names().is_sorted_by(|a, b| a < b), "{:?}", names());
    assert!(!["b.a", "a.a"].is_sorted_by(|a, b| a < b) && !["a.a", "a.a"].is_sorted_by(|a, b| a < b));
    Ok(())
}

fn finds_each_by_its_name() -> Result<(), Failed> {
    for primitive in REGISTRY {
        let found = registry::find(&primitive.name()).expect("it is listed");
        assert_eq!(found.name(), primitive.name());
    }
    assert!(registry::find(&"dns.no_such".parse().expect("a name")).is_none());
    Ok(())
}

fn lists_every_file_and_nothing_else() -> Result<(), Failed> {
    let files = files();
    let listed: BTreeSet<String> = names().into_iter().collect();
    assert_eq!(differences(&listed, &files), Vec::<String>::new());
    // Planted: a file that is not listed, and an entry without a file.
    let mut more = files.clone();
    more.insert("dns.forgotten".to_owned());
    assert_eq!(differences(&listed, &more), ["dns.forgotten"]);
    let mut fewer = files;
    fewer.remove("dns.query");
    assert_eq!(differences(&listed, &fewer), ["dns.query"]);
    Ok(())
}

fn differences(listed: &BTreeSet<String>, files: &BTreeSet<String>) -> Vec<String> {
    listed.symmetric_difference(files).cloned().collect()
}

/// `area.verb` of every file `src/<area>/<verb>.rs` that is not shared or the area's own list.
#[expect(clippy::disallowed_methods, reason = "compares the list with the folder that it stands for")]
fn files() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).expect("the folder can be read");
        entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    let stem = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut found = BTreeSet::new();
    // What is written of the primitives is no area of them.
    for area in entries(&folder).iter().filter(|path| path.is_dir() && stem(path) != "reference") {
        for file in entries(area) {
            let name = format!("{}.{}", stem(area), stem(&file));
            if stem(&file) != "mod" && !SHARED.contains(&name.as_str()) {
                found.insert(name);
            }
        }
    }
    found
}
