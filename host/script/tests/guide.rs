//! The examples of the authors' guide are scripts that `check` accepts.

use std::collections::{BTreeMap, BTreeSet};

use fabric_model::Class;
use fabric_script::language::Language;
use fabric_script::lint::{Finding, Known, Primitives, Subject, World};
use fabric_script::{header, lint, modules};

const GUIDE: &str = include_str!("../../../docs/scripting.md");

const ANY: &str = "// /// fabric\n// title = \"example\"\n// kind = \"gameday\"\n// reach = \"change\"\n// [needs]\n\
    // \"dns.query\" = [\"vip:*\"]\n// \"tls.handshake\" = [\"vip:*\"]\n// \"unit.state\" = [\"host:*/*\"]\n\
    // \"unit.stop\" = [\"host:*/*\"]\n// \"vip.holder\" = [\"vip:*\"]\n// ///\n";

fn examples(language: Language) -> Vec<String> {
    let fence = format!("```{}\n", language.ending());
    let blocks = GUIDE.split(&fence).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// What is wrong with a script, beside needs that an example leaves unused.
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
fn every_example_of_the_guide_is_accepted() {
    let observing =
        ["dns.query", "tls.handshake", "unit.state", "vip.holder"].map(|name| (name, Class::Observe));
    let primitives: Primitives = observing
        .into_iter()
        .chain([("unit.stop", Class::Change)])
        .map(|(name, class)| {
            (name.parse().expect("a name"), Known { class, arguments: serde_json::json!({}) })
        })
        .collect();
    assert!(
        examples(Language::Rhai).len() >= 6 && !examples(Language::Luau).is_empty(),
        "the guide has examples"
    );
    for example in examples(Language::Luau) {
        let header = header::parse("guide.luau", &example).expect("a declaration");
        let found = checked("guide.luau", &example, &BTreeMap::new(), &primitives, &header);
        assert_eq!(found, [], "{example}");
    }
    for example in examples(Language::Rhai) {
        let source = if example.starts_with("// ///") { example } else { format!("{ANY}{example}") };
        let header = header::parse("guide.rhai", &source).expect("a declaration");
        let mut load = |_: &str| Ok("fn served(zone) { zone }".to_owned());
        let imported: BTreeMap<String, String> =
            modules::collect("guide.rhai", &source, &mut load).expect("imports");
        let found = checked("guide.rhai", &source, &imported, &primitives, &header);
        assert_eq!(found, [], "{source}");
    }
}

#[test]
fn the_guide_names_every_function() {
    let named: BTreeSet<&str> = GUIDE.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for function in lint::FUNCTIONS {
        assert!(named.contains(function), "{function}");
    }
}
