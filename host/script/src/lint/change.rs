//! Changes where none may stand: beyond what the header declares, in a check, in `par`, in a condition. The host refuses them as
//! well; here the author learns of it before anything runs, with the line.

use std::collections::{BTreeMap, BTreeSet};

use fabric_model::{Class, Diagnostic, PrimitiveName};
use rhai::{AST, ASTNode, Expr, FnCallExpr, FnPtr, Position, Stmt};

use super::{Found, qualified};
use crate::header::Header;
use crate::rhai::at;

/// Functions that take a function in which nothing may be changed.
const WITHOUT_CHANGES: [&str; 3] = ["abort_when", "check", "par"];

/// Calls of the main script that are stronger than the reach that its header declares.
pub(super) fn beyond_reach(
    path: &str,
    ast: &AST,
    classes: &BTreeMap<PrimitiveName, Class>,
    header: &Header,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        let Some((call, position)) = nodes.last().and_then(|node| called(node)) else { return true };
        if let Some((primitive, class)) = primitive(call, classes).filter(|(_, class)| *class > header.reach)
        {
            let message = format!(
                "`{primitive}` is of the class `{class}`, and the reach of the script is `{}`",
                header.reach
            );
            let hint = format!("Set `reach = \"{class}\"` in the header, if the script should do that.");
            found.push(at(path, position, message).hint(hint));
        }
        true
    });
    found
}

/// Changing calls that a function reaches which `check`, `par` or `abort_when` is given, as far as that can be seen in the file.
pub(super) fn out_of_place(ast: &AST, classes: &BTreeMap<PrimitiveName, Class>, found: &mut Found<'_>) {
    let own: BTreeSet<&str> = ast.iter_functions().map(|function| function.name).collect();
    let mut wanted: Vec<(String, &'static str)> = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        let Some((call, _)) = nodes.last().and_then(|node| called(node)) else { return true };
        let around = WITHOUT_CHANGES.iter().copied().find(|name| !call.is_qualified() && call.name == *name);
        if let Some(around) = around {
            for argument in &call.args {
                let mut reached = BTreeSet::new();
                argument.walk(&mut Vec::new(), &mut |nodes: &[ASTNode<'_>]| {
                    reached.extend(nodes.last().and_then(function_named_by));
                    true
                });
                wanted.extend(reached.into_iter().map(|function| (function, around)));
            }
        }
        true
    });
    let mut seen = BTreeSet::new();
    // Each function is entered once for each of the three, so the walk ends.
    while let Some((function, around)) = wanted.pop() {
        if !own.contains(function.as_str()) || !seen.insert((function.clone(), around)) {
            continue;
        }
        // Its body alone, which the engine lets nobody else walk.
        let mut body = ast.clone_functions_only();
        body.retain_functions(|_, _, name, _| name == function);
        body.walk(&mut |nodes: &[ASTNode<'_>]| {
            let Some(node) = nodes.last() else { return true };
            wanted.extend(function_named_by(node).map(|next| (next, around)));
            if let Some((call, position)) = called(node) {
                if !call.is_qualified() {
                    wanted.push((call.name.to_string(), around));
                }
                if let Some((primitive, _)) =
                    primitive(call, classes).filter(|(_, class)| *class > Class::Observe)
                {
                    let message =
                        format!("`{primitive}` changes something, and `{around}` is no place for that");
                    found.add(position, message, "Change things in the `fault` or the body of a `during`.");
                }
            }
            true
        });
    }
}

fn called<'a>(node: &'a ASTNode<'a>) -> Option<(&'a FnCallExpr, Position)> {
    match node {
        ASTNode::Stmt(Stmt::FnCall(call, position)) => Some((call, *position)),
        ASTNode::Expr(Expr::FnCall(call, position)) => Some((call, *position)),
        _ => None,
    }
}

/// The function that a closure stands for.
fn function_named_by(node: &ASTNode<'_>) -> Option<String> {
    match node {
        ASTNode::Expr(Expr::DynamicConstant(constant, _)) => {
            constant.read_lock::<FnPtr>().map(|function| function.fn_name().to_owned())
        }
        _ => None,
    }
}

fn primitive<'a>(
    call: &FnCallExpr,
    classes: &'a BTreeMap<PrimitiveName, Class>,
) -> Option<(&'a PrimitiveName, Class)> {
    let (area, verb) = qualified(call)?;
    let found = classes.iter().find(|(name, _)| name.area() == area && name.verb() == verb);
    found.map(|(name, class)| (name, *class))
}
