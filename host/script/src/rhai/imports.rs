//! The imports of a Rhai script.

use fabric_model::Diagnostic;
use rhai::{AST, ASTNode, Expr, Position, Stmt};

use super::engine;
use crate::language::Language;
use crate::modules::{Import, imported, path_hint};

/// The imports of a script or module.
///
/// # Errors
/// When it cannot be parsed, or an import is not a literal path of an allowed form.
pub(crate) fn imports(file: &str, source: &str) -> Result<Vec<Import>, Vec<Diagnostic>> {
    // Which namespaces exist is not known yet, so names are not looked up.
    let mut engine = engine::for_compiling([]);
    engine.set_strict_variables(false);
    let ast = engine::compile(&engine, file, source).map_err(|e| vec![unparsed(file, &e)])?;
    imports_of(file, &ast)
}

/// The imports of a compiled script.
pub(crate) fn imports_of(file: &str, ast: &AST) -> Result<Vec<Import>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        let Some(ASTNode::Stmt(Stmt::Import(import, position))) = path.last() else { return true };
        match &import.0 {
            Expr::StringConstant(module, position) => {
                let (line, column) = line_and_column(*position);
                match imported(Language::Rhai, file, module, line, column) {
                    Ok(import) => found.push(import),
                    Err(wrong) => errors.push(wrong),
                }
            }
            _ => errors.push(
                at(file, *position, "the path of an import is computed").hint(path_hint(Language::Rhai)),
            ),
        }
        true
    });
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

/// An error of the parser, at its place.
pub(crate) fn unparsed(file: &str, error: &rhai::ParseError) -> Diagnostic {
    let message = error.err_type().to_string();
    let mut letters = message.chars();
    let message =
        letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect());
    at(file, error.position(), message)
}

/// An error at a position of the parser.
pub(crate) fn at(file: &str, position: Position, message: impl Into<String>) -> Diagnostic {
    let (line, column) = line_and_column(position);
    Diagnostic { line, column, ..Diagnostic::whole(file, message) }
}

fn line_and_column(position: Position) -> (usize, usize) {
    (position.line().unwrap_or(0), position.position().unwrap_or(0))
}
