//! What is refused before a script runs: names that would shadow the host's, calls of primitives that do not exist or were
//! not declared, changes where none may stand, and text run as code.
//!
//! None of this is a boundary: the gate in the host is. It keeps what a reviewer reads and what runs the same.

mod change;

use std::collections::{BTreeMap, BTreeSet};

use fabric_model::door::Outcome;
use fabric_model::{Class, Diagnostic, PrimitiveName};
use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, Ident, LexError, ParseError, Position, Stmt};

use crate::header::Header;
use crate::language::Language;
pub use crate::library::FUNCTIONS;
use crate::library::{SITE, SITE_FUNCTIONS};
use crate::luau;
use crate::modules::{Graph, file_of};
use crate::nearest::suggestion;
use crate::rhai::thrown::is_parse_limit;
use crate::rhai::{at, engine, imports_of, unparsed};

const HINT_NAME: &str = "Choose another name.";

/// Everything that is wrong with a script and its modules, in the order of the files and lines. Nothing is run.
///
/// What a module calls beyond the header is left to the gate: the script may never get there.
pub fn check(
    path: &str,
    source: &str,
    modules: &BTreeMap<String, String>,
    primitives: &BTreeMap<PrimitiveName, Class>,
    header: &Header,
) -> Vec<Diagnostic> {
    if Language::of(path) == Language::Luau {
        return unparsed_luau(path, source, modules);
    }
    let all: Vec<PrimitiveName> = primitives.keys().cloned().collect();
    let functions = Some(engine::language_functions());
    let names = Names { functions, classes: Some(primitives), ..Names::new(&all) };
    let mut found = match names.compile(path, source, modules) {
        Ok(compiled) => {
            let mut found = undeclared(path, &compiled.main, &all, header);
            found.extend(change::beyond_reach(path, &compiled.main, primitives, header));
            found
        }
        Err(refused) => refused.diagnostics,
    };
    found.sort();
    found.dedup();
    found
}

/// What cannot be parsed of a Luau script and its modules.
fn unparsed_luau(path: &str, source: &str, modules: &BTreeMap<String, String>) -> Vec<Diagnostic> {
    let modules = modules.iter().map(|(module, text)| (file_of(Language::Luau, module), text.as_str()));
    let files = std::iter::once((path.to_owned(), source)).chain(modules);
    files.filter_map(|(file, text)| luau::syntax::parse(&file, text).err()).flatten().collect()
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

/// Compiles a script and its modules and refuses what [`check`] refuses, but for what the header says.
pub(crate) fn compile(
    path: &str,
    source: &str,
    modules: &BTreeMap<String, String>,
    primitives: &[PrimitiveName],
) -> Result<Compiled, Refused> {
    Names::new(primitives).compile(path, source, modules)
}

/// The names that belong to the host.
struct Names<'a> {
    namespaces: BTreeSet<&'a str>,
    primitives: &'a [PrimitiveName],
    /// The language's own functions. The worker does without: it would cost it as much as the script, and the call of a
    /// function that does not exist is an error there anyway.
    functions: Option<BTreeSet<String>>,
    /// How strong each primitive is. The worker does without: the host refuses what stands out of place.
    classes: Option<&'a BTreeMap<PrimitiveName, Class>>,
}

impl<'a> Names<'a> {
    fn new(primitives: &'a [PrimitiveName]) -> Self {
        let areas = primitives.iter().map(PrimitiveName::area);
        Self { namespaces: areas.chain([SITE]).collect(), primitives, functions: None, classes: None }
    }

    fn compile(
        &self,
        path: &str,
        source: &str,
        modules: &BTreeMap<String, String>,
    ) -> Result<Compiled, Refused> {
        let engine = engine::for_compiling(self.namespaces.iter().copied());
        let mut refused = Refused { diagnostics: Vec::new(), limit: false };
        let main = self.compiled(&engine, path, source, &mut refused);
        let compiled: BTreeMap<String, (String, Option<AST>)> = modules
            .iter()
            .map(|(module, text)| {
                let file = file_of(Language::Rhai, module);
                let ast = self.compiled(&engine, &file, text, &mut refused);
                (module.clone(), (file, ast))
            })
            .collect();
        let imports = |file: &str, ast: &Option<AST>, refused: &mut Refused| {
            let found = ast.as_ref().map(|ast| imports_of(file, ast));
            found.unwrap_or(Ok(Vec::new())).unwrap_or_else(|errors| {
                refused.diagnostics.extend(errors);
                Vec::new()
            })
        };
        let graph = Graph {
            language: Language::Rhai,
            root: imports(path, &main, &mut refused),
            modules: compiled
                .iter()
                .map(|(module, (file, ast))| (module.clone(), imports(file, ast, &mut refused)))
                .collect(),
        };
        graph.find_knots(path, &mut refused.diagnostics);
        match main {
            Some(main) if refused.diagnostics.is_empty() => {
                let modules = compiled.into_iter().filter_map(|(m, (_, ast))| Some((m, ast?))).collect();
                Ok(Compiled { main, modules })
            }
            _ => Err(refused),
        }
    }

    fn compiled(&self, engine: &Engine, file: &str, source: &str, refused: &mut Refused) -> Option<AST> {
        match engine::compile(engine, file, source) {
            Ok(ast) => {
                refused.diagnostics.extend(self.misused(file, source, &ast));
                Some(ast)
            }
            Err(error) => {
                refused.limit |= is_parse_limit(error.err_type());
                refused.diagnostics.push(self.explained(file, &error));
                None
            }
        }
    }

    fn explained(&self, file: &str, error: &ParseError) -> Diagnostic {
        let found = unparsed(file, error);
        match error.err_type() {
            rhai::ParseErrorType::ModuleUndefined(name) => {
                let near = suggestion(name, self.namespaces.iter().copied());
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

    fn misused(&self, file: &str, source: &str, ast: &AST) -> Vec<Diagnostic> {
        let mut found = Found { file, diagnostics: Vec::new(), names: BTreeSet::new() };
        for function in ast.iter_functions().filter(|f| !is_closure(f.name)) {
            if FUNCTIONS.contains(&function.name) || self.namespaces.contains(function.name) {
                let message = format!("function `{}` would hide the one of the same name", function.name);
                found.add(definition(source, function.name), message, HINT_NAME);
            }
            for parameter in &function.params {
                self.named(parameter, "parameter", definition(source, function.name), &mut found);
            }
        }
        if let Some(functions) = &self.functions {
            unknown_functions(ast, functions, &mut found);
        }
        if let Some(classes) = self.classes {
            change::out_of_place(ast, classes, &mut found);
        }
        ast.walk(&mut |path: &[ASTNode<'_>]| {
            match path.last() {
                Some(ASTNode::Stmt(statement)) => self.statement(statement, &mut found),
                Some(ASTNode::Expr(Expr::FnCall(call, position) | Expr::MethodCall(call, position))) => {
                    self.call(call, *position, &mut found);
                }
                _ => {}
            }
            true
        });
        for closure in ast.iter_functions().filter(|f| is_closure(f.name)) {
            // Captured variables are parameters of a closure too; they were found where they are defined.
            for parameter in
                closure.params.iter().filter(|name| !found.names.contains(**name)).collect::<Vec<_>>()
            {
                self.named(parameter, "parameter", between_bars(source, parameter), &mut found);
            }
        }
        found.diagnostics
    }

    fn named(&self, name: &str, what: &str, position: Position, found: &mut Found<'_>) {
        if self.namespaces.contains(name) {
            let message = format!("{what} `{name}` is named like a namespace of the host");
            found.add(position, message, HINT_NAME);
            found.names.insert(name.to_owned());
        }
    }

    fn statement(&self, statement: &Stmt, found: &mut Found<'_>) {
        let mut named = |ident: &Ident, what: &str| self.named(&ident.name, what, ident.pos, found);
        match statement {
            Stmt::Var(variable, ..) => named(&variable.0, "variable"),
            Stmt::Import(import, _) => named(&import.1, "import"),
            Stmt::Export(export, _) => named(&export.1, "export"),
            Stmt::For(parts, _) => {
                named(&parts.0, "variable");
                if let Some(counter) = &parts.1 {
                    named(counter, "variable");
                }
            }
            Stmt::TryCatch(parts, _) => {
                if let Expr::Variable(variable, _, position) = &parts.expr {
                    self.named(&variable.1, "variable", *position, found);
                }
            }
            Stmt::FnCall(call, position) => self.call(call, *position, found),
            _ => {}
        }
    }

    fn call(&self, call: &FnCallExpr, position: Position, found: &mut Found<'_>) {
        let Some((area, verb)) = qualified(call).filter(|(area, _)| self.namespaces.contains(area)) else {
            return;
        };
        if area == SITE {
            if !SITE_FUNCTIONS.contains(&verb) {
                let near = suggestion(verb, SITE_FUNCTIONS.iter().copied());
                let message = format!("`site` has no function `{verb}`{near}");
                found.add(position, message, "docs/scripting.md lists them.");
            }
        } else if !self.primitives.iter().any(|p| p.area() == area && p.verb() == verb) {
            let verbs = self.primitives.iter().filter(|p| p.area() == area).map(PrimitiveName::verb);
            let message = format!("`{area}.{verb}` is not a primitive{}", suggestion(verb, verbs));
            found.add(position, message, "`fabric list primitives` shows them all.");
        }
    }
}

/// Calls of functions that are neither the language's nor ours nor the file's own. Methods are left out: a table may hold them.
fn unknown_functions(ast: &AST, language: &BTreeSet<String>, found: &mut Found<'_>) {
    let own: BTreeSet<&str> = ast.iter_functions().map(|f| f.name).collect();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        let (call, position) = match path.last() {
            Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => (call, position),
            Some(ASTNode::Expr(Expr::FnCall(call, position))) => (call, position),
            _ => return true,
        };
        let name = call.name.as_str();
        let known = FUNCTIONS.contains(&name) || language.contains(name) || own.contains(name);
        if !known && !call.is_qualified() && !call.is_operator_call() && !is_closure(name) {
            let all = FUNCTIONS
                .iter()
                .copied()
                .chain(own.iter().copied())
                .chain(language.iter().map(String::as_str));
            let message = format!("there is no function `{name}`{}", suggestion(name, all));
            found.add(*position, message, "Define it, or import the module that has it.");
        }
        true
    });
}

/// What was found in one file.
struct Found<'a> {
    file: &'a str,
    diagnostics: Vec<Diagnostic>,
    /// Names that were refused where they are defined.
    names: BTreeSet<String>,
}

impl Found<'_> {
    fn add(&mut self, position: Position, message: String, hint: &str) {
        self.diagnostics.push(at(self.file, position, message).hint(hint));
    }
}

fn is_closure(function: &str) -> bool {
    function.starts_with("anon$")
}

/// The namespace and the name of a call that has one namespace.
fn qualified(call: &FnCallExpr) -> Option<(&str, &str)> {
    (call.namespace.path.len() == 1).then(|| (call.namespace.root(), call.name.as_str()))
}

/// Calls of the main script to primitives that its header does not declare on any resource.
fn undeclared(path: &str, ast: &AST, primitives: &[PrimitiveName], header: &Header) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        let (call, position) = match nodes.last() {
            Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => (call, position),
            Some(ASTNode::Expr(Expr::FnCall(call, position))) => (call, position),
            _ => return true,
        };
        let Some((area, verb)) = qualified(call) else { return true };
        let declared = |p: &PrimitiveName| header.needs.iter().any(|need| need.primitive == *p);
        if let Some(primitive) =
            primitives.iter().find(|p| p.area() == area && p.verb() == verb).filter(|p| !declared(p))
        {
            let message = format!("`{primitive}` is called, and the header does not declare it");
            let hint = format!("Add a line such as `\"{primitive}\" = [\"host:NAME\"]` under `[needs]`.");
            found.push(at(path, *position, message).hint(hint));
        }
        true
    });
    found
}

/// Where a function is defined; the parser keeps no position of it.
fn definition(source: &str, name: &str) -> Position {
    for (index, line) in source.lines().enumerate() {
        for (offset, _) in line.match_indices("fn") {
            let rest = line.get(offset + 2..).unwrap_or_default();
            let is_it =
                rest.trim_start().strip_prefix(name).is_some_and(|tail| tail.trim_start().starts_with('('));
            let line_number = u16::try_from(index + 1);
            let column = u16::try_from(line.get(..offset).map_or(0, |before| before.chars().count()) + 1);
            if let (true, Ok(line), Ok(column)) =
                (is_it && rest.starts_with(char::is_whitespace), line_number, column)
            {
                return Position::new(line, column);
            }
        }
    }
    Position::NONE
}

/// The first parameter of a closure that has this name; the parser keeps no position of it either.
fn between_bars(source: &str, name: &str) -> Position {
    for (index, line) in source.lines().enumerate() {
        let mut column = 1;
        for (segment, text) in line.split('|').enumerate() {
            if segment % 2 == 1 && text.split(',').any(|parameter| parameter.trim() == name) {
                let (line, column) = (u16::try_from(index + 1), u16::try_from(column));
                return line.ok().zip(column.ok()).map_or(Position::NONE, |(l, c)| Position::new(l, c));
            }
            column += text.chars().count() + 1;
        }
    }
    Position::NONE
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "// /// fabric\n// title = \"t\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n// [needs]\n\
        // \"dns.query\" = [\"vip:dns\"]\n// ///\n";

    fn primitives() -> BTreeMap<PrimitiveName, Class> {
        let observing = ["dns.query", "dns.transfer", "unit.state"].map(|name| (name, Class::Observe));
        let all = observing.into_iter().chain([("unit.stop", Class::Change), ("disk.wipe", Class::Destroy)]);
        all.map(|(name, class)| (name.parse().expect("a name"), class)).collect()
    }

    fn found_in_gameday(body: &str) -> Vec<String> {
        let header = "// /// fabric\n// title = \"t\"\n// kind = \"gameday\"\n// reach = \"change\"\n// [needs]\n\
            // \"unit.stop\" = [\"host:a/b\"]\n// \"disk.wipe\" = [\"host:a/b\"]\n// ///\n";
        let source = format!("{header}{body}");
        let header = crate::header::parse("a.rhai", &source).expect("good");
        let found = check("a.rhai", &source, &BTreeMap::new(), &primitives(), &header);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_change_stands_where_it_may() {
        for good in [
            "during(#{ title: \"t\", fault: || unit::stop(#{}) }, || check(\"c\", || true));",
            "fn stop(m) { unit::stop(#{ host: m }) } during(#{ title: \"t\", fault: || stop(\"a\") }, || { });",
            "step(\"s\", || unit::stop(#{}));",
        ] {
            assert_eq!(found_in_gameday(good), Vec::<String>::new(), "{good}");
        }
    }

    #[test]
    fn a_change_out_of_place_is_refused_at_its_line() {
        for (body, says) in [
            (
                "check(\"c\", || unit::stop(#{}));",
                "9:21: `unit.stop` changes something, and `check` is no place",
            ),
            (
                "let m = 1;\npar([1], |x| {\n  let y = m;\n  unit::stop(#{ x: y }) });",
                "12:9: `unit.stop` changes",
            ),
            ("step(\"s\", || par([1], |x| [2].map(|y| unit::stop(#{}))));", "`par` is no place"),
            (
                "fn stop() { unit::stop(#{}) }\ncheck(\"c\", || stop());",
                "9:19: `unit.stop` changes something",
            ),
            (
                "during(#{ title: \"t\", fault: || abort_when(\"a\", || unit::stop(#{})) }, || 1);",
                "`abort_when` is no",
            ),
            (
                "disk::wipe(#{});",
                "9:7: `disk.wipe` is of the class `destroy`, and the reach of the script is `change`",
            ),
        ] {
            let found = found_in_gameday(body);
            assert!(found.iter().any(|f| f.contains(says)), "{body}: {found:?}");
        }
        let found = found("unit::stop(#{});", &[]);
        let says = "8:7: `unit.stop` is of the class `change`, and the reach of the script is `observe`";
        assert!(found.iter().any(|f| f.contains(says)), "{found:?}");
    }

    fn found(body: &str, modules: &[(&str, &str)]) -> Vec<String> {
        let source = format!("{HEADER}{body}");
        let header = crate::header::parse("a.rhai", &source).expect("good");
        let modules = modules.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect();
        check("a.rhai", &source, &modules, &primitives(), &header).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_script_has_no_errors() {
        let body = "import \"lib/x\" as x;\nfn own(a) { a }\nown(`${1 + max(1, 2)}`); let f = |a| -a; f.call(1); type_of(1); [1].filter(|n| n in [1, 2]).len();\nfor host in site::hosts() { check(host.name, || expect_true(\"x\", dns::query(#{a: 1}).ok)); }\nx::f();";
        assert_eq!(found(body, &[("lib/x", "fn f() { unit::state(#{}) }")]), Vec::<String>::new());
    }

    #[test]
    fn each_misuse_is_refused_at_its_place() {
        for (body, says) in [
            ("import \"lib/x\" as dns;", "8:19: import `dns` is named like"),
            ("let x = 1;\nlet site = 1;", "9:5: variable `site` is named like"),
            ("const unit = 1;", "variable `unit` is named like"),
            ("fn f(dns) { 1 }", "8:1: parameter `dns` is named like"),
            ("let f = |dns| 1;", "8:10: parameter `dns` is named like"),
            ("for dns in [1] { }", "variable `dns` is named like"),
            ("for (x, dns) in [1] { }", "variable `dns` is named like"),
            ("try { 1 } catch (dns) { 2 }", "variable `dns` is named like"),
            ("1;\n  fn check(a, b) { true }", "9:3: function `check` would hide"),
            ("private fn expect_eq(a) { true }", "function `expect_eq` would hide"),
            (
                "if true { switch 1 { 1 => dns::qeury(#{}) } }",
                "`dns.qeury` is not a primitive; did you mean `query`?",
            ),
            ("let x = [#{a: `${dns::nope()}`}];", "`dns.nope` is not a primitive"),
            ("dsn::query(#{});", "`dsn` is neither imported nor an area of primitives; did you mean `dns`?"),
            ("site::hots();", "`site` has no function `hots`; did you mean `host`"),
            (
                "let f = || dns::transfer(#{});",
                "`dns.transfer` is called, and the header does not declare it",
            ),
            ("unit::state(#{});", "8:7: `unit.state` is called, and"),
            (
                "check(\"c\", || expekt_eq(\"x\", 1, 1));",
                "8:15: there is no function `expekt_eq`; did you mean `expect_eq`?",
            ),
            ("sleep(1);", "8:1: there is no function `sleep`"),
            ("eval(\"1\");", "`eval` does not exist"),
            ("let x = nope;", "nope"),
            ("import \"lib/x\" as x; fn (", "8:"),
        ] {
            let found = found(body, &[("lib/x", "")]);
            assert!(found.iter().any(|f| f.contains(says)), "{body}: {found:?}");
        }
    }

    #[test]
    fn a_captured_variable_is_reported_once_where_it_is_defined() {
        let found = found("let unit = 1;\nlet f = || unit + 1;", &[]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn modules_are_held_to_the_same() {
        let found = found("import \"lib/x\" as x;", &[("lib/x", "\nfn par(a) { a }")]);
        assert!(found.first().is_some_and(|f| f.starts_with("lib/x.rhai:2:1: function `par`")), "{found:?}");
    }

    #[test]
    fn a_cycle_is_refused_here_too() {
        let found = found("import \"lib/x\" as x;", &[("lib/x", "import \"lib/x\" as x;")]);
        assert!(found.iter().any(|f| f.contains("cycle")), "{found:?}");
    }
}
