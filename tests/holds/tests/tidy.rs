//! Holds what every file and every crate keeps to.

use fabric_holds::tidy::{CROSSINGS, LINES, fences, granted, lints, long_files, machine_paths, unfinished};
use fabric_holds::tree::{Tree, root};

const NOTHING: [String; 0] = [];

fn tree() -> Tree {
    Tree::read(&root()).expect("the repository can be read")
}

/// Where this machine keeps the checkout and the build.
fn own_paths() -> Vec<String> {
    let places = [root().to_str().map(str::to_owned), std::env::var("CARGO_TARGET_DIR").ok()];
    let deep = places.into_iter().flatten().filter(|place| place.matches('/').count() >= 2);
    deep.map(|place| format!("{place}/")).collect()
}

#[test]
fn no_file_of_code_is_too_long() {
    assert_eq!(long_files(&tree()), NOTHING);
}

#[test]
fn unfinished_work_says_its_kind_and_why_it_waits() {
    assert_eq!(unfinished(&tree()), NOTHING);
}

#[test]
fn no_file_has_a_path_of_somebodys_machine() {
    assert_eq!(machine_paths(&tree(), &own_paths()), NOTHING);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    assert_eq!(lints(&tree()), NOTHING);
}

#[test]
fn only_named_crates_cross_a_fence() {
    assert_eq!(fences(&tree(), CROSSINGS), Ok(vec![]));
}

#[test]
fn only_the_gate_makes_a_granted() {
    assert_eq!(granted(&tree()), NOTHING);
}

#[test]
fn a_planted_long_file_is_found() {
    let text = |lines| "x\n".repeat(lines);
    assert_eq!(long_files(&Tree::of([("a.rs", &text(LINES)), ("a.json", &text(LINES + 1))])), NOTHING);
    assert_eq!(
        long_files(&Tree::of([("a.rs", &text(LINES + 1))])),
        [format!("a.rs has {} lines; {LINES} is the most", LINES + 1)]
    );
}

#[test]
fn planted_notes_of_unfinished_work_are_found() {
    let word = concat!("TO", "DO");
    let notes = |line: String| unfinished(&Tree::of([("a.rs", &line)])).len();
    for good in
        [format!("// {word}(stage): Luau comes with stage 3"), format!("let {word}S = 1;"), "mktodo".into()]
    {
        assert_eq!(notes(good.clone()), 0, "{good}");
    }
    let bad = [
        format!("// {word}"),
        format!("// {word}: later"),
        format!("// {word}(x): because of this"),
        format!("// {word}(stage): no"),
    ];
    for bad in bad
        .into_iter()
        .chain([concat!("// FIX", "ME").into(), concat!("// XX", "X(stage): a long reason").into()])
    {
        assert_eq!(notes(bad.clone()), 1, "{bad}");
    }
}

#[test]
fn planted_machine_paths_are_found() {
    let own = ["/srv/checkout/".to_owned()];
    let paths = |line: &str| machine_paths(&Tree::of([("a.md", line)]), &own).len();
    assert_eq!(paths(concat!("x /ho", "me/samakia/.ssh /ho", "me/")), 0);
    for bad in [
        concat!("/ho", "me/somebody/x"),
        concat!("/ho", "me/samakia/x /ho", "me/me"),
        concat!("/Us", "ers/me"),
        "/srv/checkout/a.rs",
        concat!("~/.cargo", "/registry/src"),
    ] {
        assert_eq!(paths(bad), 1, "{bad}");
    }
}

#[test]
fn a_planted_crate_without_lints_is_found() {
    let good = "[lints]\nworkspace = true\n";
    assert_eq!(lints(&Tree::of([("host/a/Cargo.toml", good), ("Cargo.toml", "")])), NOTHING);
    for bad in ["", "[lints]\nworkspace = false\n", "[lints.rust]\nunsafe_code = \"allow\"\n", "not toml"] {
        assert_eq!(lints(&Tree::of([("host/a/Cargo.toml", bad)])).len(), 1, "{bad}");
    }
}

const CLIPPY: &str = "\
allow-unwrap-in-tests = true
disallowed-methods = [{ path = \"std::fs::read\", reason = \"files: no\" }, { path = \"now\", reason = \"clock: no\" }]
";
const MAY: &[(&str, &[&str], &str)] = &[("host/a", &["files"], "")];

#[test]
fn planted_holes_in_the_fences_are_found() {
    let holes = |path: &str, text: &str| {
        let tree = Tree::of([("clippy.toml", CLIPPY), (path, text)]);
        fences(&tree, MAY).expect("the root's file is good").len()
    };
    let good = CLIPPY.replace("{ path = \"std::fs::read\", reason = \"files: no\" }, ", "");
    assert_eq!(holes("host/a/clippy.toml", &good), 0);
    assert_eq!(holes("host/a/clippy.toml", ""), 1, "an empty file drops every fence");
    assert_eq!(holes("host/a/clippy.toml", &good.replace("true", "false")), 1, "the settings go along");
    assert_eq!(holes("host/a/clippy.toml", "allow-unwrap-in-tests = true"), 1, "the clock is left out");
    assert_eq!(holes("host/a/clippy.toml", CLIPPY), 1, "the fence is not crossed");
    assert_eq!(holes("host/b/clippy.toml", CLIPPY), 2, "not on the list, and the row is stale");
    assert!(fences(&Tree::of([("clippy.toml", &CLIPPY.replace("files:", ""))]), MAY).is_err());
    assert!(fences(&Tree::of([]), MAY).is_err());
}

#[test]
fn a_planted_maker_of_granted_is_found() {
    const HOME: &str = "host/gate/src/granted.rs";
    let (one, call) = ("impl<T> Granted<T> {\nfn new() -> Self {\nSelf { thing }", "Granted::new(thing)");
    assert_eq!(
        granted(&Tree::of([(HOME, one), ("host/gate/src/gate.rs", call), ("host/a/src/a.rs", call)])),
        NOTHING
    );
    assert_eq!(granted(&Tree::of([(HOME, one), ("host/gate/src/policy.rs", call)])).len(), 1);
    for second in ["Self { thing }", "Granted { thing }", "let forged = Granted {"] {
        assert_eq!(granted(&Tree::of([(HOME, &format!("{one}\n{second}"))])).len(), 1, "{second}");
    }
    assert_eq!(granted(&Tree::of([])).len(), 1, "the file has moved");
}
