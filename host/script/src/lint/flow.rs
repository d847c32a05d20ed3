//! Checks that can never run, and checks that show nothing.

use std::collections::BTreeSet;

use fabric_model::Value;

use super::rule::{EMPTY_CHECK, Finding, UNREACHABLE_CHECK};
use super::tree::{
    Block, Call, Expression, File, Function, Leave, Spot, Statement, Visit, calls, walk, walk_expression,
};

/// What makes a check.
const CHECKS: [&str; 2] = ["check", "steady_state"];
/// Functions of ours that end what they stand in, whatever the site is like.
const ENDING: [&str; 2] = ["fail", "skip"];
/// Functions that say something and find nothing out.
const TALKING: [&str; 3] = ["debug", "note", "print"];

/// Checks that stand where the script never comes.
pub(super) fn unreachable(file: &File, is_main: bool) -> Vec<Finding> {
    let mut dead = Dead { found: Vec::new() };
    dead.block(&file.body);
    if is_main {
        dead.found.extend(never_called(&file.body));
    }
    let mut findings: Vec<Finding> = Vec::new();
    for (spot, why) in dead.found {
        let message = format!("this check can never run: {why}");
        let finding = Finding::at(&UNREACHABLE_CHECK, &file.path, spot, message)
            .hint("Move it to where it runs, or leave it out.");
        if !findings
            .iter()
            .any(|other| (other.diagnostic.line, other.diagnostic.column) == (spot.line, spot.column))
        {
            findings.push(finding);
        }
    }
    findings
}

struct Dead {
    found: Vec<(Spot, String)>,
}

impl Dead {
    /// Returns why nothing after the block runs, if so.
    fn block(&mut self, block: &Block) -> Option<String> {
        let mut over: Option<String> = None;
        for statement in block {
            match &over {
                // A function that is defined after the end may be called before it.
                Some(_) if matches!(statement, Statement::Function(_)) => {
                    self.statement(statement);
                }
                Some(why) => {
                    self.found.extend(checks_of(statement).into_iter().map(|spot| (spot, why.clone())))
                }
                None => over = self.statement(statement),
            }
        }
        over
    }

    fn statement(&mut self, statement: &Statement) -> Option<String> {
        match statement {
            Statement::Do(expression) => {
                self.within(expression);
                match expression {
                    Expression::Call(call) if call.plain().is_some_and(|name| ENDING.contains(&name)) => {
                        Some(format!("`{}` in line {} ends what it stands in", call.name, call.spot.line))
                    }
                    Expression::Block(block) => {
                        // What is in it was looked at already.
                        Self { found: Vec::new() }.block(block)
                    }
                    _ => None,
                }
            }
            Statement::Define { value, .. } => {
                value.iter().for_each(|value| self.within(value));
                None
            }
            Statement::Assign { value, .. } => {
                self.within(value);
                None
            }
            Statement::Function(function) => {
                self.block(&function.body);
                None
            }
            Statement::Import { .. } => None,
            Statement::Branch(arms) => self.branch(arms),
            Statement::Loop { head, body, endless, .. } => {
                head.iter().for_each(|head| self.within(head));
                if head.as_ref().is_some_and(is_false) {
                    let why = "the condition of its loop is never true".to_owned();
                    self.found.extend(body.iter().flat_map(checks_of).map(|spot| (spot, why.clone())));
                    return None;
                }
                self.block(body);
                (*endless && !has_break(body)).then(|| "nothing ends the loop before it".to_owned())
            }
            Statement::Try { body, handler, .. } => {
                let (tried, handled) = (self.block(body), self.block(handler));
                tried.and(handled)
            }
            Statement::Block(block) => self.block(block),
            Statement::Leave { how, value } => {
                value.iter().for_each(|value| self.within(value));
                Some(
                    match how {
                        Leave::Break => "`break` stands before it",
                        Leave::Continue => "`continue` stands before it",
                        Leave::Return => "`return` stands before it",
                        Leave::Throw => "an error is thrown before it",
                    }
                    .to_owned(),
                )
            }
        }
    }

    fn branch(&mut self, arms: &[(Option<Expression>, Block)]) -> Option<String> {
        let mut all = Vec::new();
        for (condition, block) in arms {
            condition.iter().for_each(|condition| self.within(condition));
            if condition.as_ref().is_some_and(is_false) {
                let why = "its condition is never true".to_owned();
                self.found.extend(block.iter().flat_map(checks_of).map(|spot| (spot, why.clone())));
            } else {
                all.push(self.block(block));
            }
        }
        // Without an `otherwise` there is a way past all of them.
        let whole = arms.iter().any(|(condition, _)| condition.is_none());
        let ends: Option<Vec<String>> = all.into_iter().collect();
        ends.filter(|_| whole)?.into_iter().next()
    }

    /// The functions and blocks within an expression are ways of their own.
    fn within(&mut self, expression: &Expression) {
        match expression {
            Expression::Function(function) => {
                self.block(&function.body);
            }
            Expression::Block(block) => {
                self.block(block);
            }
            Expression::List(parts, _) | Expression::Other(parts) => {
                parts.iter().for_each(|part| self.within(part))
            }
            Expression::Table(table) => table.fields.iter().for_each(|(_, field)| self.within(field)),
            Expression::Member(of, _) => self.within(of),
            Expression::Index(parts) => {
                self.within(&parts.0);
                self.within(&parts.1);
            }
            Expression::Call(call) => {
                call.receiver.iter().chain(&call.arguments).for_each(|part| self.within(part));
            }
            Expression::Literal(..) | Expression::Name(_) => {}
        }
    }
}

fn is_false(condition: &Expression) -> bool {
    matches!(condition, Expression::Literal(Value::Bool(false), _))
}

/// Where checks stand within a statement.
fn checks_of(statement: &Statement) -> Vec<Spot> {
    calls(std::slice::from_ref(statement))
        .into_iter()
        .filter(|call| is_check(call))
        .map(|call| call.spot)
        .collect()
}

fn is_check(call: &Call) -> bool {
    call.plain().is_some_and(|name| CHECKS.contains(&name))
}

/// Whether something in the body of a loop breaks it; one in a loop or function within it does not.
fn has_break(block: &Block) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Leave { how, .. } => matches!(how, Leave::Break | Leave::Return | Leave::Throw),
        Statement::Branch(arms) => arms.iter().any(|(_, block)| has_break(block)),
        Statement::Block(block) | Statement::Do(Expression::Block(block)) => has_break(block),
        Statement::Try { body, handler, .. } => has_break(body) || has_break(handler),
        // A `return` leaves it from any depth of loops.
        Statement::Loop { body, .. } => returns(body),
        _ => false,
    })
}

fn returns(block: &Block) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Leave { how, .. } => matches!(how, Leave::Return | Leave::Throw),
        Statement::Branch(arms) => arms.iter().any(|(_, block)| returns(block)),
        Statement::Block(block) | Statement::Do(Expression::Block(block)) => returns(block),
        Statement::Try { body, handler, .. } => returns(body) || returns(handler),
        Statement::Loop { body, .. } => returns(body),
        _ => false,
    })
}

/// Checks in functions of the script that nothing leads to.
fn never_called(body: &Block) -> Vec<(Spot, String)> {
    let functions: Vec<&Function> = body
        .iter()
        .filter_map(|statement| match statement {
            Statement::Function(function) if function.name.is_some() => Some(function),
            _ => None,
        })
        .collect();
    let mut live: BTreeSet<&str> = BTreeSet::new();
    let mut wanted: Vec<&str> = Vec::new();
    for statement in body.iter().filter(|statement| !matches!(statement, Statement::Function(_))) {
        wanted.extend(mentioned(std::slice::from_ref(statement)));
    }
    while let Some(name) = wanted.pop() {
        if live.insert(name) {
            let named = functions.iter().filter(|function| function.name.as_deref() == Some(name));
            wanted.extend(named.flat_map(|function| mentioned(&function.body)));
        }
    }
    let dead =
        functions.iter().filter(|function| function.name.as_deref().is_some_and(|name| !live.contains(name)));
    dead.flat_map(|function| {
        let why = format!("nothing calls the function `{}`", function.name.as_deref().unwrap_or_default());
        function.body.iter().flat_map(checks_of).map(move |spot| (spot, why.clone()))
    })
    .collect()
}

/// Every name that a block may call a function by, also as a value or as text (`Fn("name")`).
fn mentioned(block: &[Statement]) -> Vec<&str> {
    struct Mentioned<'t>(Vec<&'t str>);
    impl<'t> Visit<'t> for Mentioned<'t> {
        fn expression(&mut self, expression: &'t Expression) {
            match expression {
                Expression::Call(call) => self.0.push(&call.name),
                Expression::Name(name) => self.0.push(&name.text),
                Expression::Literal(Value::Text(text), _) => self.0.push(text),
                _ => {}
            }
        }
    }
    let mut found = Mentioned(Vec::new());
    walk(block, &mut found);
    found.0
}

/// Checks that pass whatever the site is like.
pub(super) fn empty(file: &File) -> Vec<Finding> {
    let checks = calls(&file.body).into_iter().filter(|call| call.plain() == Some("check"));
    let hollow = checks.filter(|call| match call.arguments.get(1) {
        Some(Expression::Function(function)) => shows_nothing(function),
        _ => false,
    });
    let finding = |call: &Call| {
        Finding::at(&EMPTY_CHECK, &file.path, call.spot, "this check expects nothing and looks at nothing")
            .hint("Call a primitive, and say with `expect_eq` or its like what should be seen.")
    };
    hollow.map(finding).collect()
}

/// A function that calls nothing which could fail, throws nothing, and returns nothing but a literal.
fn shows_nothing(function: &Function) -> bool {
    struct Shows(bool);
    impl<'t> Visit<'t> for Shows {
        fn statement(&mut self, statement: &'t Statement) {
            match statement {
                Statement::Leave { how: Leave::Throw, .. } => self.0 = true,
                Statement::Leave { value: Some(value), .. } => self.0 |= value.literal().is_none(),
                _ => {}
            }
        }

        fn expression(&mut self, expression: &'t Expression) {
            if let Expression::Call(call) = expression {
                self.0 |= !call.plain().is_some_and(|name| TALKING.contains(&name));
            }
        }
    }
    let mut shows = Shows(false);
    walk(&function.body, &mut shows);
    let last = match function.body.last() {
        Some(Statement::Do(value @ (Expression::Literal(..) | Expression::Call(_)))) => {
            walk_expression(value, &mut shows);
            false
        }
        // The value that the check ends with is computed.
        Some(Statement::Do(_)) => true,
        _ => false,
    };
    !shows.0 && !last
}
