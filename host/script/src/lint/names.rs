//! Names: those of the host that are hidden, and those that nothing has.

use std::collections::{BTreeMap, BTreeSet};

use fabric_model::{PrimitiveName, Value};

use super::rule::{
    Finding, SHADOWED_IMPORT, SHADOWED_NAME, UNKNOWN_FUNCTION, UNKNOWN_PARAMETER, UNKNOWN_PRIMITIVE,
};
use super::tree::{Call, Defined, Expression, File, Function, Name, Spot, Statement, Visit, walk};
use crate::header::Header;
use crate::language::Language;
use crate::library::{FUNCTIONS, SITE, SITE_FUNCTIONS};
use crate::nearest::suggestion;

const HINT_NAME: &str = "Choose another name.";

/// The names that belong to the host.
pub(crate) struct Names<'a> {
    pub(crate) namespaces: BTreeSet<&'a str>,
    pub(crate) primitives: &'a [PrimitiveName],
}

impl<'a> Names<'a> {
    pub(crate) fn new(primitives: &'a [PrimitiveName]) -> Self {
        let areas = primitives.iter().map(PrimitiveName::area);
        Self { namespaces: areas.chain([SITE]).collect(), primitives }
    }

    /// What hides a name of the host, and what is called in its namespaces without being there.
    pub(crate) fn misused(&self, file: &File) -> Vec<Finding> {
        let mut found = Misused { names: self, file, findings: Vec::new() };
        walk(&file.body, &mut found);
        found.findings
    }

    /// The primitive that a call asks for.
    pub(crate) fn primitive(&self, call: &Call) -> Option<&'a PrimitiveName> {
        let area = call.namespace.as_deref()?;
        self.primitives.iter().find(|p| p.area() == area && p.verb() == call.name)
    }
}

struct Misused<'a> {
    names: &'a Names<'a>,
    file: &'a File,
    findings: Vec<Finding>,
}

impl Misused<'_> {
    fn add(&mut self, rule: &'static super::rule::Rule, spot: Spot, message: String, hint: &str) {
        self.findings.push(Finding::at(rule, &self.file.path, spot, message).hint(hint));
    }

    fn named(&mut self, what: &str, name: &Name) {
        if self.names.namespaces.contains(name.text.as_str()) {
            let message = format!("{what} `{}` is named like a namespace of the host", name.text);
            self.add(&SHADOWED_NAME, name.spot, message, HINT_NAME);
        }
    }

    fn called(&mut self, call: &Call) {
        let Some(area) = call.namespace.as_deref().filter(|area| self.names.namespaces.contains(area)) else {
            return;
        };
        if area == SITE {
            if !SITE_FUNCTIONS.contains(&call.name.as_str()) {
                let near = suggestion(&call.name, SITE_FUNCTIONS.iter().copied());
                let message = format!("`site` has no function `{}`{near}", call.name);
                self.add(&UNKNOWN_PRIMITIVE, call.spot, message, "docs/scripting.md lists them.");
            }
        } else if self.names.primitive(call).is_none() {
            let verbs = self.names.primitives.iter().filter(|p| p.area() == area).map(PrimitiveName::verb);
            let near = suggestion(&call.name, verbs);
            let message = format!("`{area}.{}` is not a primitive{near}", call.name);
            self.add(&UNKNOWN_PRIMITIVE, call.spot, message, "`fabric list primitives` shows them all.");
        }
    }
}

impl<'t> Visit<'t> for Misused<'_> {
    fn statement(&mut self, statement: &'t Statement) {
        match statement {
            Statement::Define { what: Defined::Export, name, .. } => self.named("export", name),
            Statement::Define { what: Defined::Variable, name, .. } => {
                self.named("variable", name);
                self.hidden_function("variable", &name.text, name.spot);
            }
            Statement::Import { alias, .. } => self.named("import", alias),
            Statement::Loop { names, .. } => names.iter().for_each(|name| self.named("variable", name)),
            Statement::Try { caught: Some(name), .. } => self.named("variable", name),
            _ => {}
        }
    }

    fn expression(&mut self, expression: &'t Expression) {
        if let Expression::Call(call) = expression {
            self.called(call);
        }
    }

    fn function(&mut self, function: &'t Function) {
        if let Some(name) = &function.name {
            let message = format!("function `{name}` would hide the one of the same name");
            if FUNCTIONS.contains(&name.as_str()) || self.names.namespaces.contains(name.as_str()) {
                self.add(&SHADOWED_NAME, function.spot, message, HINT_NAME);
            }
        }
        function.parameters.iter().for_each(|parameter| self.named("parameter", parameter));
    }
}

impl Misused<'_> {
    /// Where functions are values like others, a variable hides one; in Rhai the two live side by side.
    fn hidden_function(&mut self, what: &str, name: &str, spot: Spot) {
        if self.file.language == Language::Luau && FUNCTIONS.contains(&name) {
            let message = format!("{what} `{name}` would hide the function of the same name");
            self.add(&SHADOWED_NAME, spot, message, HINT_NAME);
        }
    }
}

/// Calls of functions that are neither the language's nor ours nor the file's own. Methods are left out: a table may hold them.
pub(super) fn unknown_functions(file: &File, language: &BTreeSet<String>) -> Vec<Finding> {
    let own = own_names(file);
    let mut findings = Vec::new();
    for call in super::tree::calls(&file.body) {
        let Some(name) = call.plain() else { continue };
        if FUNCTIONS.contains(&name) || language.contains(name) || own.contains(name) {
            continue;
        }
        let all =
            FUNCTIONS.iter().copied().chain(own.iter().copied()).chain(language.iter().map(String::as_str));
        let message = format!("there is no function `{name}`{}", suggestion(name, all));
        findings.push(
            Finding::at(&UNKNOWN_FUNCTION, &file.path, call.spot, message)
                .hint("Define it, or import the module that has it."),
        );
    }
    findings
}

/// Everything that the file itself gives a name to.
fn own_names(file: &File) -> BTreeSet<&str> {
    struct Own<'t>(BTreeSet<&'t str>);
    impl<'t> Visit<'t> for Own<'t> {
        fn statement(&mut self, statement: &'t Statement) {
            match statement {
                Statement::Define { name, .. } => self.0.extend([name.text.as_str()]),
                Statement::Import { alias, .. } => self.0.extend([alias.text.as_str()]),
                Statement::Loop { names, .. } => self.0.extend(names.iter().map(|name| name.text.as_str())),
                _ => {}
            }
        }

        fn function(&mut self, function: &'t Function) {
            self.0.extend(function.name.as_deref());
            self.0.extend(function.parameters.iter().map(|name| name.text.as_str()));
        }
    }
    let mut own = Own(BTreeSet::new());
    walk(&file.body, &mut own);
    own.0
}

/// Functions and variables that have the name of an import of the same file.
pub(super) fn shadowed_imports(file: &File) -> Vec<Finding> {
    struct Shadows<'t> {
        imports: BTreeMap<&'t str, Spot>,
        others: Vec<(&'static str, &'t str, Spot)>,
    }
    impl<'t> Visit<'t> for Shadows<'t> {
        fn statement(&mut self, statement: &'t Statement) {
            match statement {
                Statement::Import { alias, .. } => {
                    self.imports.insert(&alias.text, alias.spot);
                }
                Statement::Define { what: Defined::Variable, name, .. } => {
                    self.others.push(("variable", &name.text, name.spot));
                }
                Statement::Loop { names, .. } => {
                    self.others.extend(names.iter().map(|name| ("variable", name.text.as_str(), name.spot)));
                }
                _ => {}
            }
        }

        fn function(&mut self, function: &'t Function) {
            self.others.extend(function.name.as_deref().map(|name| ("function", name, function.spot)));
            let parameters = function.parameters.iter();
            self.others.extend(parameters.map(|name| ("parameter", name.text.as_str(), name.spot)));
        }
    }
    let mut found = Shadows { imports: BTreeMap::new(), others: Vec::new() };
    walk(&file.body, &mut found);
    let shadows = found.others.iter().filter_map(|(what, name, spot)| {
        let import = found.imports.get(name)?;
        let message = format!("{what} `{name}` has the name of the import in line {}", import.line);
        Some(Finding::at(&SHADOWED_IMPORT, &file.path, *spot, message).hint(HINT_NAME))
    });
    shadows.collect()
}

/// Parameters that are asked for and that the header does not declare.
pub(super) fn unknown_parameters(file: &File, header: &Header) -> Vec<Finding> {
    let mut findings = Vec::new();
    for call in super::tree::calls(&file.body).into_iter().filter(|call| call.plain() == Some("param")) {
        let Some(Expression::Literal(Value::Text(name), spot)) = call.arguments.first() else { continue };
        if !header.params.contains_key(name) {
            let near = suggestion(name, header.params.keys().map(String::as_str));
            let message = format!("the script declares no parameter `{name}`{near}");
            let comment = file.language.comment();
            findings.push(Finding::at(&UNKNOWN_PARAMETER, &file.path, *spot, message).hint(format!(
                "Add `{comment} [params.{name}]` and `{comment} type = \"string\"` to the header."
            )));
        }
    }
    findings
}
