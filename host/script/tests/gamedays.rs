//! Every GameDay of the project is accepted before it runs, and stands by the form of one.

#![expect(
    clippy::disallowed_methods,
    reason = "the engine touches no file; this test reads the project's own scripts"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fabric_model::Class;
use fabric_script::header::{self, ScriptKind};
use fabric_script::lint::{Finding, Known, Primitives, Subject, World};
use fabric_script::{lint, modules};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn primitives() -> Primitives {
    let observing =
        ["dns.query", "tcp.connect", "unit.state", "vip.holder"].map(|name| (name, Class::Observe));
    let changing = ["link.down", "nft.apply", "proxmox.guest_stop", "unit.kill", "unit.restart", "unit.stop"]
        .map(|name| (name, Class::Change));
    observing
        .into_iter()
        .chain(changing)
        .map(|(name, class)| {
            (name.parse().expect("a name"), Known { class, arguments: serde_json::json!({}) })
        })
        .collect()
}

fn scripts() -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join("gamedays")).expect("the folder exists");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let scripts = paths.filter(|path| path.extension().is_some_and(|ending| ending == "rhai"));
    scripts
        .map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            (format!("gamedays/{name}"), fs::read_to_string(path).expect("it is readable"))
        })
        .collect()
}

/// What is wrong with a script, beside needs of primitives that are left out here.
fn checked(
    path: &str,
    source: &str,
    modules: &BTreeMap<String, String>,
    primitives: &Primitives,
    header: &header::Header,
) -> Vec<Finding> {
    let world = World { primitives, resources: &|_, _| None, matches: &|_, _| true };
    let mut found = lint::check(&Subject { path, source, modules, header }, &world);
    found.retain(|finding| finding.rule.id != "unused-need");
    found
}

#[test]
fn every_gameday_is_accepted() {
    let scripts = scripts();
    assert_eq!(scripts.len(), 10, "nine GameDays and what only looks");
    for (path, source) in scripts {
        let header = header::parse(&path, &source).expect("a declaration");
        let mut load = |file: &str| fs::read_to_string(root().join(file)).map_err(|error| error.to_string());
        let imported = modules::collect(&path, &source, &mut load).expect("its modules");
        assert_eq!(checked(&path, &source, &imported, &primitives(), &header), [], "{path}");
        let kind =
            if path.ends_with("readiness.rhai") { ScriptKind::Acceptance } else { ScriptKind::Gameday };
        assert_eq!(header.kind, kind, "{path}");
    }
}

#[test]
fn every_gameday_says_what_it_is_for_and_looks_before_and_after() {
    for (path, source) in scripts().into_iter().filter(|(path, _)| !path.ends_with("readiness.rhai")) {
        for part in ["Purpose", "Steady state", "Method", "Expected", "Abort", "Rollback", "Evidence"] {
            assert!(source.contains(&format!("// {part}: ")), "{path}: {part}");
        }
        let looks = source.matches("steady_state(").count();
        assert!(looks >= 2 || source.contains("failover::rehearse("), "{path}");
    }
}
