//! Holds which crate may link which, ours and foreign.

use fabric_holds::architecture::{EDGES, Edge, edges};
use fabric_holds::deny::{Deny, sources};
use fabric_holds::graph::{Graph, Link};
use fabric_holds::tree::{Tree, root};

const NOTHING: [String; 0] = [];

fn graph() -> Graph {
    Graph::read(&root()).expect("cargo resolves the workspace as its lock file pins it")
}

fn tree() -> Tree {
    Tree::read(&root()).expect("the repository can be read")
}

fn deny() -> Deny {
    Deny::parse(tree().text("deny.toml").expect("there is a deny.toml")).expect("deny.toml can be read")
}

#[test]
fn crates_use_only_the_crates_below_them() {
    assert_eq!(edges(&graph(), EDGES), NOTHING);
}

#[test]
fn foreign_libraries_are_linked_only_where_they_belong() {
    assert_eq!(deny().fences(&graph()), NOTHING);
}

#[test]
fn the_lock_file_has_one_stack_and_nothing_banned() {
    assert_eq!(deny().lock(tree().text("Cargo.lock").expect("there is a lock file")), Ok(vec![]));
}

#[test]
fn every_licence_is_allowed() {
    assert_eq!(deny().licences(&graph()), NOTHING);
}

#[test]
fn foreign_crates_come_from_crates_io() {
    assert_eq!(sources(&graph()), NOTHING);
}

/// What speaks with a network, or could wait for one.
const NETWORK: [&str; 12] = [
    "async-std",
    "h2",
    "hickory-proto",
    "hyper",
    "mio",
    "quinn",
    "reqwest",
    "russh",
    "rustls",
    "socket2",
    "tokio",
    "ureq",
];

fn network_below(graph: &Graph, program: &str) -> Vec<String> {
    graph.below(program).into_iter().filter(|name| NETWORK.contains(&name.as_str())).collect()
}

#[test]
fn the_verifier_is_built_of_nothing_that_speaks_with_a_network() {
    let graph = graph();
    assert_eq!(network_below(&graph, "fabric-verify"), NOTHING);
    let own: Vec<String> =
        graph.below("fabric-verify").into_iter().filter(|name| graph.is_own(name)).collect();
    assert_eq!(own, ["fabric-evidence", "fabric-model", "fabric-redact", "fabric-verify"]);
    assert!(network_below(&graph, "fabric").contains(&"tokio".to_owned()), "the list would find something");
}

#[test]
fn a_verifier_that_links_the_network_somewhere_below_is_found() {
    let graph = Graph::of(&["v", "e"], &[("v", "e"), ("e", "client"), ("client", "tokio")]);
    assert_eq!(network_below(&graph, "v"), ["tokio"]);
}

const TABLE: &[Edge] = &[
    Edge { from: "a", to: "b", dev: false, reason: "" },
    Edge { from: "a", to: "c", dev: true, reason: "" },
];

fn small() -> Graph {
    let mut graph = Graph::of(&["a", "b", "c"], &[("a", "b"), ("a", "c"), ("b", "serde")]);
    let link = Link { from: "a".into(), to: "c".into(), dev: false };
    graph.links.remove(&link);
    graph.links.insert(Link { dev: true, ..link });
    graph
}

#[test]
fn a_planted_edge_is_found() {
    assert_eq!(edges(&small(), TABLE), NOTHING);
    let mut graph = small();
    graph.links.insert(Link { from: "b".into(), to: "c".into(), dev: false });
    assert_eq!(edges(&graph, TABLE), ["`b` uses `c`, and no row of the table of edges allows it"]);
}

#[test]
fn a_planted_edge_of_tests_that_the_code_takes_is_found() {
    let mut graph = small();
    graph.links.insert(Link { from: "a".into(), to: "c".into(), dev: false });
    assert_eq!(edges(&graph, TABLE), ["`a` uses `c`, and no row of the table of edges allows it"]);
}

#[test]
fn a_stale_row_is_found() {
    let mut graph = small();
    graph.links.remove(&Link { from: "a".into(), to: "b".into(), dev: false });
    assert_eq!(
        edges(&graph, TABLE),
        ["the row that `a` may use `b` is stale: no manifest says that it uses it"]
    );
}

const DENY: &str = r#"
[licenses]
allow = ["MIT", "ISC"]
exceptions = [{ crate = "lgpl", allow = ["LGPL-2.0-or-later"] }]
[sources]
unknown-registry = "deny"
unknown-git = "deny"
[[bans.deny]]
crate = "bad"
reason = "never"
[[bans.deny]]
crate = "ssh"
wrappers = ["a", "wrapper"]
reason = "one place"
[[bans.deny]]
crate = "tokio"
deny-multiple-versions = true
"#;

fn small_deny() -> Deny {
    Deny::parse(DENY).expect("a deny.toml")
}

#[test]
fn a_planted_link_past_the_fence_and_a_stale_place_are_found() {
    let deny = small_deny();
    let links = [("a", "ssh"), ("wrapper", "ssh")];
    assert_eq!(deny.fences(&Graph::of(&["a", "b"], &links)), NOTHING);
    let more = [("a", "ssh"), ("wrapper", "ssh"), ("b", "ssh"), ("foreign", "bad")];
    assert_eq!(
        deny.fences(&Graph::of(&["a", "b"], &more)),
        ["`foreign` links `bad`, which deny.toml fences off", "`b` links `ssh`, which deny.toml fences off"]
    );
    assert_eq!(
        deny.fences(&Graph::of(&["a"], &[("a", "ssh")])),
        ["deny.toml lets `wrapper` link `ssh`, and it does not"]
    );
}

#[test]
fn a_planted_ban_and_a_second_version_are_found_in_the_lock_file() {
    let lock = |names: &[&str]| {
        let packages: String = names.iter().map(|name| format!("[[package]]\nname = \"{name}\"\n")).collect();
        small_deny().lock(&packages).expect("a lock file")
    };
    assert_eq!(lock(&["tokio", "ssh"]), NOTHING);
    assert_eq!(lock(&["tokio", "bad"]), ["Cargo.lock has `bad`, which is banned"]);
    assert_eq!(lock(&["tokio", "tokio"]), ["Cargo.lock has 2 versions of `tokio`; there may be one"]);
    assert_eq!(lock(&["ssh"]), ["deny.toml wants one version of `tokio`, which is not used"]);
}

#[test]
fn a_planted_licence_is_found() {
    let graph_of = |licences: &[(&str, Option<&str>)]| {
        let names: Vec<(&str, &str)> = licences.iter().map(|(name, _)| ("a", *name)).collect();
        let mut graph = Graph::of(&["a"], &names);
        for package in &mut graph.packages {
            if let Some((_, licence)) = licences.iter().find(|(name, _)| *name == package.name) {
                package.licence = licence.map(str::to_owned);
            }
        }
        small_deny().licences(&graph)
    };
    let good = [("x", Some("MIT OR GPL-3.0-only")), ("y", Some("ISC")), ("lgpl", Some("LGPL-2.0-or-later"))];
    assert_eq!(graph_of(&good), NOTHING);
    for bad in
        [Some("GPL-3.0-only"), Some("MIT AND GPL-3.0-only"), Some("LGPL-2.0-or-later"), Some("MIT OR"), None]
    {
        let found = graph_of(&[&good[..], &[("z", bad)]].concat());
        assert!(matches!(&found[..], [one] if one.starts_with("`z` is under `")), "{bad:?}: {found:?}");
    }
    assert_eq!(
        graph_of(&[("x", Some("MIT"))]),
        [
            "deny.toml allows `ISC`, which no package has",
            "deny.toml makes an exception for `lgpl`, which is not used"
        ]
    );
}

#[test]
fn a_planted_source_is_found() {
    let mut graph = Graph::of(&["a"], &[("a", "x")]);
    assert_eq!(sources(&graph), NOTHING);
    for package in &mut graph.packages {
        package.crates_io = false;
    }
    assert_eq!(sources(&graph), ["`x` does not come from crates.io"]);
}

#[test]
fn a_weakened_deny_file_is_refused() {
    for (from, to) in [
        ("unknown-git = \"deny\"", "unknown-git = \"warn\""),
        ("unknown-registry = \"deny\"", ""),
        ("reason = \"never\"", ""),
        ("allow = [\"MIT\", \"ISC\"]", ""),
    ] {
        assert!(DENY.contains(from), "{from}");
        assert!(Deny::parse(&DENY.replacen(from, to, 1)).is_err(), "{from}");
    }
}
