//! Branches of `par` that assign to what stands around them.

use std::collections::BTreeSet;

use super::program::Program;
use super::rule::{CAPTURED_ASSIGNMENT, Finding};
use super::tree::{Expression, File, Function, Name, Spot, Statement, Visit, calls, walk};
use crate::language::Language;

/// Functions of Luau's `table` that change the table which they are given.
const CHANGING_TABLES: [&str; 5] = ["clear", "insert", "move", "remove", "sort"];

pub(super) fn assigned(program: &Program) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, file) in program.numbered() {
        for call in calls(&file.body).into_iter().filter(|call| call.plain() == Some("par")) {
            let bodies = match call.arguments.get(1) {
                Some(Expression::Function(function)) => vec![&**function],
                Some(Expression::Name(name)) => program.functions(number, &name.text),
                _ => Vec::new(),
            };
            findings.extend(bodies.into_iter().flat_map(|function| within(file, function)));
        }
    }
    findings
}

fn within(file: &File, function: &Function) -> Vec<Finding> {
    let mut own = Own(function.parameters.iter().map(|name| name.text.as_str()).collect());
    walk(&function.body, &mut own);
    let mut assigned = Assigned { language: file.language, found: Vec::new() };
    walk(&function.body, &mut assigned);
    let strange = assigned.found.into_iter().filter(|(name, _)| !own.0.contains(name.text.as_str()));
    let finding = |(name, spot): (&Name, Spot)| {
        let why = match file.language {
            Language::Luau => "all branches share it",
            Language::Rhai => "each branch has a copy of it",
        };
        let message = format!("`{}` stands outside of this branch of `par`, and {why}", name.text);
        Finding::at(&CAPTURED_ASSIGNMENT, &file.path, spot, message)
            .hint("Return the value from the function: `par` gives the results as a list in order.")
    };
    strange.map(finding).collect()
}

/// Every name that a function defines itself.
struct Own<'t>(BTreeSet<&'t str>);

impl<'t> Visit<'t> for Own<'t> {
    fn statement(&mut self, statement: &'t Statement) {
        match statement {
            Statement::Define { name, .. } => self.0.extend([name.text.as_str()]),
            Statement::Loop { names, .. } => self.0.extend(names.iter().map(|name| name.text.as_str())),
            Statement::Try { caught: Some(name), .. } => self.0.extend([name.text.as_str()]),
            _ => {}
        }
    }

    fn function(&mut self, function: &'t Function) {
        self.0.extend(function.name.as_deref());
        self.0.extend(function.parameters.iter().map(|name| name.text.as_str()));
    }
}

/// Every variable that is assigned to, or a field of which is.
struct Assigned<'t> {
    language: Language,
    found: Vec<(&'t Name, Spot)>,
}

impl<'t> Visit<'t> for Assigned<'t> {
    fn statement(&mut self, statement: &'t Statement) {
        if let Statement::Assign { target, .. } = statement {
            self.found.extend(target.root().map(|name| (name, name.spot)));
        }
    }

    fn expression(&mut self, expression: &'t Expression) {
        let Expression::Call(call) = expression else { return };
        let changes = match call.namespace.as_deref() {
            Some("table") => CHANGING_TABLES.contains(&call.name.as_str()),
            None => call.plain() == Some("rawset"),
            Some(_) => false,
        };
        if self.language == Language::Luau && changes {
            self.found
                .extend(call.arguments.first().and_then(Expression::root).map(|name| (name, call.spot)));
        }
    }
}
