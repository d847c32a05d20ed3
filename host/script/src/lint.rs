//! What can be said of a script without running it: names that would shadow the host's, calls of primitives that do not exist, were
//! not declared or cannot be right, changes where none may stand, checks that never run, secrets in the text.
//!
//! None of this is a boundary: the gate in the host is. It keeps what a reviewer reads and what runs the same. Both languages are
//! turned into one tree (`tree`), and every rule is written once, over that.

mod arguments;
mod capture;
mod flow;
mod from_luau;
mod from_rhai;
mod names;
mod needs;
mod program;
mod reach;
pub mod rule;
mod secret;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::thread;

use fabric_model::door::Outcome;
use fabric_model::{Class, Diagnostic, PrimitiveName, Resource, Value};
use rhai::{AST, LexError, ParseError};

use self::names::Names;
use self::program::Program;
pub use self::rule::{Finding, RULES, Rule, Severity};
use self::tree::File;
use crate::header::Header;
use crate::language::Language;
pub use crate::library::{FUNCTIONS, SITE_FUNCTIONS};
use crate::luau;
use crate::modules::{Graph, Import, file_of};
use crate::nearest::suggestion;
use crate::rhai::thrown::is_parse_limit;
use crate::rhai::{engine, imports_of, unparsed};

/// The stack of the thread that reads a script. Parsers and rules recurse over what the text nests, which its parser bounds.
const STACK: usize = 64 << 20;

/// Luau's own functions that need no namespace.
const LUAU_FUNCTIONS: [&str; 17] = [
    "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "require",
    "select", "tonumber", "tostring", "type", "typeof", "unpack", "xpcall",
];

/// A script with what belongs to it.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its path as the operator wrote it; the ending says the language.
    pub path: &'a str,
    /// Its text.
    pub source: &'a str,
    /// Its modules, by import path.
    pub modules: &'a BTreeMap<String, String>,
    /// What it declares.
    pub header: &'a Header,
}

/// A primitive as the rules know it.
#[derive(Clone, Debug)]
pub struct Known {
    /// How strong it is.
    pub class: Class,
    /// The JSON Schema of its arguments.
    pub arguments: serde_json::Value,
}

/// The primitives by name.
pub type Primitives = BTreeMap<PrimitiveName, Known>;

/// What the rules ask the host about: primitives, and which resources their calls need.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The primitives that exist.
    pub primitives: &'a Primitives,
    /// What a call with these arguments needs; nothing where they do not decode.
    pub resources: &'a (dyn Fn(&PrimitiveName, &Value) -> Option<Vec<Resource>> + Sync),
    /// Whether a pattern, as the header has it, matches a resource.
    pub matches: &'a (dyn Fn(&str, &Resource) -> bool + Sync),
}

/// Everything that is wrong with a script and its modules, in the order of the files and lines. Nothing is run.
pub fn check(subject: &Subject<'_>, world: &World<'_>) -> Vec<Finding> {
    let examined = thread::scope(|scope| {
        let reader = thread::Builder::new().name("lint".to_owned()).stack_size(STACK);
        reader.spawn_scoped(scope, || examine(subject, world)).ok()?.join().ok()
    });
    let mut findings = examined.unwrap_or_else(|| {
        let message = "the script cannot be examined: there is no thread for it, or it ended early";
        vec![Finding { rule: &rule::SYNTAX, diagnostic: Diagnostic::whole(subject.path, message) }]
    });
    findings.sort_by(|a, b| (&a.diagnostic, a.rule.id).cmp(&(&b.diagnostic, b.rule.id)));
    findings.dedup();
    findings
}

fn examine(subject: &Subject<'_>, world: &World<'_>) -> Vec<Finding> {
    let Subject { path, source, modules, header } = *subject;
    let all: Vec<PrimitiveName> = world.primitives.keys().cloned().collect();
    let names = Names::new(&all);
    let Read { program, mut findings, .. } = match Language::of(path) {
        Language::Rhai => read_rhai(path, source, modules, &names),
        Language::Luau => read_luau(path, source, modules, &names),
    };
    findings.extend(secret::defaults(subject));
    let Some(program) = program else { return findings };
    let language = match Language::of(path) {
        Language::Rhai => engine::language_functions(),
        Language::Luau => LUAU_FUNCTIONS.iter().map(|name| (*name).to_owned()).collect(),
    };
    for (number, file) in program.numbered() {
        findings.extend(names::unknown_functions(file, &language));
        findings.extend(names::unknown_parameters(file, header));
        findings.extend(names::shadowed_imports(file));
        findings.extend(arguments::misfits(file, world));
        findings.extend(flow::unreachable(file, !program.is_module(number)));
        findings.extend(flow::empty(file));
        findings.extend(secret::literals(file));
    }
    findings.extend(capture::assigned(&program));
    findings.extend(reach::beyond_reach(&program, world.primitives, header));
    findings.extend(reach::out_of_place(&program, world.primitives));
    findings.extend(program.main().map(|main| needs::undeclared(main, subject, world)).unwrap_or_default());
    findings.extend(needs::unused(&program, subject, world));
    findings
}

/// A script and its modules, compiled and found sound.
pub(crate) struct Compiled {
    pub(crate) main: AST,
    pub(crate) modules: BTreeMap<String, AST>,
}

/// Why a script does not run.
pub(crate) struct Refused {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Whether it is over a limit of the parser.
    pub(crate) limit: bool,
}

impl Refused {
    fn of(findings: Vec<Finding>, limit: bool) -> Self {
        Self { diagnostics: findings.into_iter().map(|finding| finding.diagnostic).collect(), limit }
    }

    /// How a script ends that does not begin.
    pub(crate) fn outcome(&self) -> Outcome {
        let shown = self.diagnostics.first().map_or_else(String::new, ToString::to_string);
        let message = match self.diagnostics.len() {
            0 | 1 => shown,
            more => format!("{shown}\n{} more errors; `fabric check` shows them all", more - 1),
        };
        if self.limit { Outcome::Limit { message } } else { Outcome::Threw { message } }
    }
}

/// Compiles a Rhai script and its modules, and refuses names that hide the host's, primitives that do not exist, and imports that
/// cannot be followed: what the worker would run otherwise.
pub(crate) fn compile(
    path: &str,
    source: &str,
    modules: &BTreeMap<String, String>,
    primitives: &[PrimitiveName],
) -> Result<Compiled, Refused> {
    let Read { compiled, findings, limit, .. } = read_rhai(path, source, modules, &Names::new(primitives));
    match compiled {
        Some(compiled) if findings.is_empty() => Ok(compiled),
        _ => Err(Refused::of(findings, limit)),
    }
}

/// Refuses of a Luau script and its modules what [`compile`] refuses of a Rhai script.
pub(crate) fn sound(
    path: &str,
    source: &str,
    modules: &BTreeMap<String, String>,
    primitives: &[PrimitiveName],
) -> Result<(), Refused> {
    let Read { findings, limit, .. } = read_luau(path, source, modules, &Names::new(primitives));
    if findings.is_empty() { Ok(()) } else { Err(Refused::of(findings, limit)) }
}

/// What became of the text of a script and its modules.
struct Read {
    /// All of it, where it is Rhai and all of it could be parsed.
    compiled: Option<Compiled>,
    /// The same as trees.
    program: Option<Program>,
    findings: Vec<Finding>,
    limit: bool,
}

fn read_rhai(path: &str, source: &str, modules: &BTreeMap<String, String>, names: &Names<'_>) -> Read {
    let engine = engine::for_compiling(names.namespaces.iter().copied());
    let mut limit = false;
    let mut findings = Vec::new();
    let mut compile = |file: &str, text: &str| match engine::compile(&engine, file, text) {
        Ok(ast) => Some(ast),
        Err(error) => {
            limit |= is_parse_limit(error.err_type());
            findings.push(Finding { rule: &rule::SYNTAX, diagnostic: explained(file, &error, names) });
            None
        }
    };
    let main = compile(path, source);
    let asts: BTreeMap<String, AST> = modules
        .iter()
        .filter_map(|(module, text)| Some((module.clone(), compile(&file_of(Language::Rhai, module), text)?)))
        .collect();
    let texts = text_of(path, source, modules, Language::Rhai);
    let files: BTreeMap<&str, (File, Vec<Import>)> = std::iter::once((path, main.as_ref()))
        .chain(asts.iter().map(|(module, ast)| (module.as_str(), Some(ast))))
        .filter_map(|(key, ast)| {
            let (file, text) = texts.get(key)?;
            let imports = imports_of(file, ast?).unwrap_or_else(|errors| {
                findings
                    .extend(errors.into_iter().map(|diagnostic| Finding { rule: &rule::IMPORT, diagnostic }));
                Vec::new()
            });
            Some((key, (from_rhai::file(file, text, ast?), imports)))
        })
        .collect();
    let complete = asts.len() == modules.len();
    let program = assemble(path, Language::Rhai, files, names, &mut findings).filter(|_| complete);
    let compiled = main.filter(|_| complete).map(|main| Compiled { main, modules: asts });
    Read { compiled, program, findings, limit }
}

fn read_luau(path: &str, source: &str, modules: &BTreeMap<String, String>, names: &Names<'_>) -> Read {
    let mut findings = Vec::new();
    let texts = text_of(path, source, modules, Language::Luau);
    let mut files = BTreeMap::new();
    for (key, (file, text)) in &texts {
        let imports = luau::syntax::imports(file, text).unwrap_or_else(|errors| {
            findings.extend(errors.into_iter().map(|diagnostic| Finding { rule: &rule::IMPORT, diagnostic }));
            Vec::new()
        });
        match luau::syntax::parse(file, text) {
            Ok(ast) => {
                files.insert(*key, (from_luau::file(file, &ast), imports));
            }
            Err(wrong) => {
                findings
                    .extend(wrong.into_iter().map(|diagnostic| Finding { rule: &rule::SYNTAX, diagnostic }));
            }
        }
    }
    let complete = files.len() == texts.len();
    let program = assemble(path, Language::Luau, files, names, &mut findings).filter(|_| complete);
    Read { compiled: None, program, findings, limit: false }
}

/// Each text of a script with the file that it is from: the script's own by its path, the others by their import path.
fn text_of<'a>(
    path: &'a str,
    source: &'a str,
    modules: &'a BTreeMap<String, String>,
    language: Language,
) -> BTreeMap<&'a str, (String, &'a str)> {
    let modules =
        modules.iter().map(|(module, text)| (module.as_str(), (file_of(language, module), text.as_str())));
    std::iter::once((path, (path.to_owned(), source))).chain(modules).collect()
}

/// Puts the files together, once the imports among them are followed and their names are looked at.
fn assemble(
    path: &str,
    language: Language,
    files: BTreeMap<&str, (File, Vec<Import>)>,
    names: &Names<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Program> {
    let mut graph = Graph { language, root: Vec::new(), modules: BTreeMap::new() };
    let mut main = None;
    let mut others = Vec::new();
    for (key, (file, imports)) in files {
        findings.extend(names.misused(&file));
        if key == path {
            (main, graph.root) = (Some(file), imports);
        } else {
            others.push((key.to_owned(), file));
            graph.modules.insert(key.to_owned(), imports);
        }
    }
    let mut knots = Vec::new();
    graph.find_knots(path, &mut knots);
    findings.extend(knots.into_iter().map(|diagnostic| Finding { rule: &rule::IMPORT, diagnostic }));
    main.map(|main| Program::new(main, others))
}

fn explained(file: &str, error: &ParseError, names: &Names<'_>) -> Diagnostic {
    let found = unparsed(file, error);
    match error.err_type() {
        rhai::ParseErrorType::ModuleUndefined(name) => {
            let near = suggestion(name, names.namespaces.iter().copied());
            let message = format!("`{name}` is neither imported nor an area of primitives{near}");
            Diagnostic { message, ..found }
        }
        rhai::ParseErrorType::BadInput(LexError::ImproperSymbol(name, _)) if name == "eval" => {
            let message = "`eval` does not exist: what runs is what was read".to_owned();
            Diagnostic { message, ..found }.hint("Write the code out, or pass a function.")
        }
        _ => found,
    }
}
