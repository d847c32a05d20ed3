//! The modules of a script: which it imports, directly and through others. The host gathers and digests all of them before
//! anything runs, so that what runs is what was read.

use std::collections::BTreeMap;

use fabric_model::Diagnostic;
use fabric_model::protection::{Protection, stands};

use crate::language::Language;
use crate::{luau, rhai};

/// Modules of one run; the site's largest suite imports a handful.
pub const MODULES_LIMIT: usize = 64;
/// Imports within imports.
pub const IMPORT_DEPTH: usize = 16;
/// Bytes of one script or module.
pub const SOURCE_LIMIT: usize = 256 << 10;

/// The file of a module, relative to the project's root.
pub fn file_of(language: Language, module: &str) -> String {
    format!("{module}.{}", language.ending())
}

/// The modules that a script or module imports itself, in the order of its text.
///
/// # Errors
/// When it cannot be parsed, or an import is not a literal path of an allowed form.
pub fn imports(file: &str, source: &str) -> Result<Vec<String>, Vec<Diagnostic>> {
    Ok(parsed(file, source)?.into_iter().map(|import| import.module).collect())
}

/// Every module that a script needs, by its import path. `load` gets the file's path, relative to the project's root, and
/// gives its text or says why it cannot.
///
/// # Errors
/// Every error found: paths, files, sizes, cycles, and more modules or deeper imports than a run may have.
pub fn collect(
    file: &str,
    source: &str,
    load: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
    let language = Language::of(file);
    let mut sources = BTreeMap::new();
    let mut errors = Vec::new();
    let mut graph = Graph { language, root: read(file, source, &mut errors), modules: BTreeMap::new() };
    let mut wanted: Vec<(String, Import)> =
        graph.root.iter().rev().map(|import| (file.to_owned(), import.clone())).collect();
    while let Some((importer, import)) = wanted.pop() {
        if graph.modules.contains_key(&import.module) {
            continue;
        }
        if graph.modules.len() >= MODULES_LIMIT {
            let message = format!("the script needs more than {MODULES_LIMIT} modules");
            errors.push(import.wrong(&importer, message, "Put what belongs together into one module."));
            break;
        }
        let module_file = file_of(language, &import.module);
        let text = load(&module_file).unwrap_or_else(|why| {
            let message = format!("module `{}` cannot be read: {why}", import.module);
            errors.push(import.wrong(&importer, message, &path_hint(language)));
            String::new()
        });
        let found = read(&module_file, &text, &mut errors);
        wanted.extend(found.iter().rev().map(|next| (module_file.clone(), next.clone())));
        graph.modules.insert(import.module.clone(), found);
        sources.insert(import.module, text);
    }
    graph.find_knots(file, &mut errors);
    if errors.is_empty() { Ok(sources) } else { Err(errors) }
}

/// One `import` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) module: String,
    line: usize,
    column: usize,
}

impl Import {
    fn wrong(&self, file: &str, message: impl Into<String>, hint: &str) -> Diagnostic {
        let (line, column) = (self.line, self.column);
        Diagnostic { line, column, ..Diagnostic::whole(file, message) }.hint(hint)
    }
}

/// Which module imports which.
pub(crate) struct Graph {
    pub(crate) language: Language,
    pub(crate) root: Vec<Import>,
    pub(crate) modules: BTreeMap<String, Vec<Import>>,
}

impl Graph {
    /// Reports imports that lead back to themselves, too deep, or nowhere.
    pub(crate) fn find_knots(&self, file: &str, errors: &mut Vec<Diagnostic>) {
        // How deep the imports below a module go, once that is known.
        let mut known = BTreeMap::new();
        self.descend(file, &self.root, &mut Vec::new(), &mut known, errors);
    }

    /// Returns how deep the imports go. Each module is entered once, and the path is bounded.
    fn descend<'a>(
        &'a self,
        file: &str,
        imports: &'a [Import],
        path: &mut Vec<&'a str>,
        known: &mut BTreeMap<&'a str, usize>,
        errors: &mut Vec<Diagnostic>,
    ) -> usize {
        let mut deepest = 0;
        for import in imports {
            let module = import.module.as_str();
            if path.contains(&module) {
                let cycle: Vec<&str> =
                    path.iter().copied().skip_while(|m| *m != module).chain([module]).collect();
                let message = format!("a cycle of imports: {}", cycle.join(" -> "));
                errors.push(import.wrong(file, message, "Move what both need into a third module."));
                continue;
            }
            let Some(next) = self.modules.get(module) else { continue };
            let below = match known.get(module) {
                Some(below) => *below,
                None if path.len() >= IMPORT_DEPTH => IMPORT_DEPTH,
                None => {
                    path.push(module);
                    let below = self.descend(&file_of(self.language, module), next, path, known, errors);
                    path.pop();
                    known.insert(module, below);
                    below
                }
            };
            deepest = deepest.max(below + 1);
            if path.is_empty() && deepest > IMPORT_DEPTH {
                let message = format!("imports nest deeper than {IMPORT_DEPTH}");
                errors.push(import.wrong(file, message, "Import the deeper modules directly."));
                break;
            }
        }
        deepest
    }
}

fn read(file: &str, source: &str, errors: &mut Vec<Diagnostic>) -> Vec<Import> {
    parsed(file, source).unwrap_or_else(|wrong| {
        errors.extend(wrong);
        Vec::new()
    })
}

fn parsed(file: &str, source: &str) -> Result<Vec<Import>, Vec<Diagnostic>> {
    if source.len() > SOURCE_LIMIT {
        let message =
            format!("{} bytes are more than the {SOURCE_LIMIT} that a script may have", source.len());
        return Err(vec![Diagnostic::whole(file, message).hint("Split it into modules.")]);
    }
    match Language::of(file) {
        Language::Rhai => rhai::imports(file, source),
        Language::Luau => luau::syntax::imports(file, source),
    }
}

/// An import of a literal path at its place.
///
/// # Errors
/// When the path is not of an allowed form.
pub(crate) fn imported(
    language: Language,
    file: &str,
    module: &str,
    line: usize,
    column: usize,
) -> Result<Import, Diagnostic> {
    let import = Import { module: module.to_owned(), line, column };
    if is_module_path(module) || !stands(Protection::ModulePaths) {
        return Ok(import);
    }
    let message = format!("`{}` is not the path of a module", module.chars().take(80).collect::<String>());
    Err(import.wrong(file, message, &path_hint(language)))
}

/// How the path of a module is written.
pub(crate) fn path_hint(language: Language) -> String {
    let (ending, example) = (language.ending(), language.import_example());
    format!("Write the path from the project's root without `.{ending}`, as in `{example}`.")
}

/// A path of words of `[a-z0-9_-]` joined by `/`: it cannot leave the project and is the same on every file system.
fn is_module_path(path: &str) -> bool {
    path.len() <= 200
        && path.split('/').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let files: BTreeMap<&str, &str> = files.iter().copied().collect();
        let main = files.get("main.rhai").expect("the script");
        let mut load = |path: &str| files.get(path).map(ToString::to_string).ok_or("no such file".to_owned());
        collect("main.rhai", main, &mut load)
            .map(|modules| modules.into_keys().collect())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn the_whole_closure_is_gathered_once() {
        let found = gather(&[
            ("main.rhai", "import \"lib/a\" as a;\nimport \"lib/b\" as b;"),
            ("lib/a.rhai", "fn f() { import \"lib/b\" as b; }"),
            ("lib/b.rhai", ""),
        ]);
        assert_eq!(found, Ok(vec!["lib/a".to_owned(), "lib/b".to_owned()]));
    }

    #[test]
    fn a_cycle_is_shown_where_it_closes() {
        let files = [
            ("main.rhai", "import \"a\" as a;"),
            ("a.rhai", "import \"b\" as b;"),
            ("b.rhai", "\nimport \"a\" as a;"),
        ];
        let wrong = gather(&files).expect_err("a cycle");
        assert!(wrong.contains("b.rhai:2:8: a cycle of imports: a -> b -> a"), "{wrong}");
        let own = gather(&[("main.rhai", "import \"a\" as a;"), ("a.rhai", "import \"a\" as a;")]);
        assert!(own.expect_err("itself").contains("a -> a"));
    }

    #[test]
    fn paths_that_leave_the_project_or_are_computed_are_refused() {
        for bad in ["../x", "/etc/x", "a//b", "a/../b", "A", "a.rhai", "", "a b", "ä"] {
            let wrong = gather(&[("main.rhai", &format!("import \"{bad}\" as x;"))]).expect_err(bad);
            assert!(wrong.contains("not the path of a module"), "{wrong}");
        }
        let wrong = gather(&[("main.rhai", "let p = \"a\";\nimport p + \"b\" as x;")]).expect_err("computed");
        assert!(wrong.contains("main.rhai:2:1: the path of an import is computed"), "{wrong}");
    }

    #[test]
    fn a_module_that_cannot_be_read_is_named_at_its_import() {
        let wrong = gather(&[("main.rhai", "\n  import \"lib/x\" as x;")]).expect_err("missing");
        assert!(wrong.starts_with("main.rhai:2:10: module `lib/x` cannot be read: no such file"), "{wrong}");
    }

    #[test]
    fn a_chain_over_the_depth_limit_is_refused_and_one_at_the_limit_is_not() {
        let chain = |length: usize| {
            let mut names: Vec<(String, String)> = (0..length)
                .map(|n| {
                    (
                        format!("m{n}.rhai"),
                        if n + 1 < length { format!("import \"m{}\" as m;", n + 1) } else { String::new() },
                    )
                })
                .collect();
            names.push(("main.rhai".into(), "import \"m0\" as m;".into()));
            let files: Vec<(&str, &str)> = names.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            gather(&files)
        };
        assert!(chain(IMPORT_DEPTH).is_ok());
        assert!(chain(IMPORT_DEPTH + 1).expect_err("too deep").contains("nest deeper"));
    }

    #[test]
    fn too_many_modules_and_too_much_text_are_refused() {
        let mut names: Vec<(String, String)> =
            (0..=MODULES_LIMIT).map(|n| (format!("m{n}.rhai"), String::new())).collect();
        let main: String = (0..=MODULES_LIMIT).map(|n| format!("import \"m{n}\" as m{n};")).collect();
        names.push(("main.rhai".into(), main));
        let files: Vec<(&str, &str)> = names.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert!(gather(&files).expect_err("65").contains("more than 64 modules"));
        let long = " ".repeat(SOURCE_LIMIT + 1);
        assert!(gather(&[("main.rhai", &long)]).expect_err("long").contains("more than the"));
    }
}
