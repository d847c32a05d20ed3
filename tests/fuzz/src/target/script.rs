//! A script and two modules: their declaration, their imports, and what is refused before anything runs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fabric_primitives::registry::REGISTRY;
use fabric_script::language::Language;
use fabric_script::lint::{Known, Primitives, Subject, World};
use fabric_script::{header, lint, modules};

/// What stands between the script and the modules `a` and `b`: the record separator of ASCII, which no text has.
const BETWEEN: char = '\u{1e}';

static PRIMITIVES: LazyLock<Primitives> = LazyLock::new(|| {
    let known = REGISTRY.iter().map(|primitive| {
        let arguments = primitive.arguments_schema().to_value();
        (primitive.name(), Known { class: primitive.class(), arguments })
    });
    known.collect()
});

/// The texts, one behind the other, in Luau where the first begins as a comment of Luau. What is refused is refused each time, and in
/// the file that it stands in.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut texts = text.split(BETWEEN);
    let source = texts.next().unwrap_or_default();
    let language = if source.starts_with(Language::Luau.comment()) { Language::Luau } else { Language::Rhai };
    let path = modules::file_of(language, "s");
    let names = ["a", "b"].map(|module| modules::file_of(language, module));
    let files: BTreeMap<String, &str> = names.into_iter().zip(texts).collect();
    let mut load = |file: &str| {
        files.get(file).map(|text| (*text).to_owned()).ok_or_else(|| "there is no such file".to_owned())
    };
    let header = header::parse(&path, source);
    let Ok(gathered) = modules::collect(&path, source, &mut load) else { return };
    assert!(gathered.keys().all(|module| files.contains_key(&modules::file_of(language, module))));
    let Ok(header) = header else { return };
    let world = World { primitives: &PRIMITIVES, resources: &|_, _| None, matches: &|_, _| true };
    let subject = Subject { path: &path, source, modules: &gathered, header: &header };
    let found = lint::check(&subject, &world);
    for error in found.iter().map(|finding| &finding.diagnostic) {
        let text = if error.file == path { Some(&source) } else { files.get(&error.file) };
        let text = text.expect("an error is about a file that was given");
        assert!(error.line <= text.matches('\n').count() + 1, "{error:?}");
    }
    assert_eq!(lint::check(&subject, &world), found);
}
