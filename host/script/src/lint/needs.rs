//! The needs of the header against the calls: what is called beyond them, and what is declared for nothing.

use fabric_model::{PrimitiveName, Resource};

use super::program::Program;
use super::reach::classed;
use super::rule::{Finding, UNDECLARED_CALL, UNUSED_NEED};
use super::tree::{Call, Expression, File, Spot, calls};
use super::{Subject, World};
use crate::header::Need;

/// Calls of the script that its header does not declare. What a module calls beyond it is left to the gate: the script may never get
/// there.
pub(super) fn undeclared(main: &File, subject: &Subject<'_>, world: &World<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for call in calls(&main.body) {
        let Some((primitive, _)) = classed(call, world.primitives) else { continue };
        let declared: Vec<&Need> =
            subject.header.needs.iter().filter(|need| need.primitive == *primitive).collect();
        let resources = resources(call, primitive, world);
        let covered =
            |resource: &Resource| declared.iter().any(|need| (world.matches)(&need.resource, resource));
        let missing: Vec<&Resource> =
            resources.iter().flatten().filter(|resource| !covered(resource)).collect();
        let comment = main.language.comment();
        if declared.is_empty() {
            let message = format!("`{primitive}` is called, and the header does not declare it");
            let line = match missing.as_slice() {
                [] => format!("\"{primitive}\" = [\"host:NAME\"]"),
                known => needs_line(primitive, &[], known),
            };
            let such = if missing.is_empty() { "such as " } else { "" };
            let hint = format!("Add a line {such}`{comment} {line}` under `[needs]`.");
            findings.push(Finding::at(&UNDECLARED_CALL, &main.path, call.spot, message).hint(hint));
        } else if let Some(first) = missing.first() {
            let message =
                format!("`{primitive}` is called on `{first}`, and the header does not declare that");
            let at = declared.first().map_or(0, |need| need.line);
            let hint =
                format!("In line {at}, write `{comment} {}`.", needs_line(primitive, &declared, &missing));
            findings.push(Finding::at(&UNDECLARED_CALL, &main.path, call.spot, message).hint(hint));
        }
    }
    findings
}

/// The resources that a call needs, where every argument is literal.
fn resources(call: &Call, primitive: &PrimitiveName, world: &World<'_>) -> Option<Vec<Resource>> {
    let [table] = call.arguments.as_slice() else { return None };
    (world.resources)(primitive, &table.literal()?)
}

/// The line of TOML that declares what is missing beside what is there.
fn needs_line(primitive: &PrimitiveName, declared: &[&Need], missing: &[&Resource]) -> String {
    let there = declared.iter().map(|need| need.resource.clone());
    let mut all: Vec<String> = there.chain(missing.iter().map(ToString::to_string)).collect();
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|resource| seen.insert(resource.clone()));
    let quoted: Vec<String> = all.iter().map(|resource| format!("\"{resource}\"")).collect();
    format!("\"{primitive}\" = [{}]", quoted.join(", "))
}

/// What the host asks meanwhile where a scope names a group of VIPs.
const HOLDER: &str = "vip.holder";

/// Whether a call opens a scope in which the holders of VIPs are watched, as far as that is written out.
fn may_watch(call: &Call) -> bool {
    let opens = call.namespace.is_none() && call.receiver.is_none() && call.name == "during";
    opens
        && match call.arguments.first() {
            Some(Expression::Table(options)) => {
                !options.whole || options.fields.iter().any(|(name, _)| name.text == "group")
            }
            options => options.is_some(),
        }
}

/// Needs of the header that neither the script nor a module of it uses.
pub(super) fn unused(program: &Program, subject: &Subject<'_>, world: &World<'_>) -> Vec<Finding> {
    let everywhere: Vec<&Call> = program.files.iter().flat_map(|file| calls(&file.body)).collect();
    let texts: Vec<String> = program.files.iter().flat_map(texts).collect();
    let mut findings = Vec::new();
    for need in &subject.header.needs {
        let primitive = &need.primitive;
        let users: Vec<&&Call> = everywhere
            .iter()
            .filter(|call| classed(call, world.primitives).is_some_and(|(name, _)| name == primitive))
            .collect();
        // A probe names its primitive as text, and a scope with a group has the host ask who holds each VIP of it.
        let by_text = texts.iter().any(|text| text == primitive.as_str())
            || (primitive.as_str() == HOLDER && everywhere.iter().any(|call| may_watch(call)));
        let spot = Spot { line: need.line, column: 0 };
        if users.is_empty() && !by_text {
            let message = format!("`{primitive}` is declared, and nothing calls it");
            findings.push(
                Finding::at(&UNUSED_NEED, subject.path, spot, message)
                    .hint(format!("Remove `{primitive}` from `[needs]`.")),
            );
            continue;
        }
        let known: Option<Vec<Vec<Resource>>> =
            users.iter().map(|call| resources(call, primitive, world)).collect();
        let used = known.filter(|_| !by_text).is_none_or(|resources| {
            resources.iter().flatten().any(|resource| (world.matches)(&need.resource, resource))
        });
        if !used {
            let message = format!(
                "`{primitive}` is declared on `{}`, and called on other resources only",
                need.resource
            );
            findings.push(
                Finding::at(&UNUSED_NEED, subject.path, spot, message)
                    .hint(format!("Remove `\"{}\"`.", need.resource)),
            );
        }
    }
    findings
}

fn texts(file: &File) -> Vec<String> {
    struct Texts(Vec<String>);
    impl<'t> super::tree::Visit<'t> for Texts {
        fn expression(&mut self, expression: &'t Expression) {
            if let Expression::Literal(fabric_model::Value::Text(text), _) = expression {
                self.0.push(text.clone());
            }
        }
    }
    let mut found = Texts(Vec::new());
    super::tree::walk(&file.body, &mut found);
    found.0
}
