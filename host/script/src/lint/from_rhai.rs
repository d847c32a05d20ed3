//! From what the Rhai parser makes of a file to the tree of the lints.

use std::collections::BTreeMap;

use fabric_model::Value;
use rhai::{
    AST, ASTFlags, ASTNode, BinaryExpr, Expr, FlowControl, FnCallExpr, FnPtr, Ident, Position, Stmt,
    StmtBlock,
};

use super::tree::{
    Block, Call, Chain, Defined, Expression, File, Function, Leave, Name, Spot, Statement, Table,
};
use crate::language::Language;

/// How the parser names closures, which are functions of their own to it.
const CLOSURE: &str = "anon$";
/// What the parser makes of a closure that uses variables around it: this function, given the closure and the variables.
const CAPTURING: &str = "curry";

/// The tree of a compiled file.
pub(crate) fn file(path: &str, source: &str, ast: &AST) -> File {
    let reader = Reader { source, ast, functions: functions(ast) };
    let mut body = Block::new();
    for (name, parameters) in
        ast.iter_functions().filter(|f| !f.name.starts_with(CLOSURE)).map(|f| (f.name, f.params))
    {
        body.push(Statement::Function(
            reader.named(name, &parameters.iter().map(ToString::to_string).collect::<Vec<_>>()),
        ));
    }
    body.extend(reader.block(ast.statements()));
    File { path: path.to_owned(), language: Language::Rhai, body }
}

/// The parameters of each function by its name; closures are found through them.
fn functions(ast: &AST) -> BTreeMap<String, Vec<String>> {
    let named = ast.iter_functions();
    named.map(|f| (f.name.to_owned(), f.params.iter().map(ToString::to_string).collect())).collect()
}

struct Reader<'a> {
    source: &'a str,
    ast: &'a AST,
    functions: BTreeMap<String, Vec<String>>,
}

impl Reader<'_> {
    fn named(&self, name: &str, parameters: &[String]) -> Function {
        // The parser keeps no place of a function, nor of its parameters.
        let spot = definition(self.source, name);
        let parameters = parameters.iter().map(|text| Name { text: text.clone(), spot });
        Function {
            name: Some(name.to_owned()),
            spot,
            parameters: parameters.collect(),
            body: self.body(name, parameters_of(&self.functions, name)),
        }
    }

    /// A closure, the first `captured` parameters of which are variables around it.
    fn closure(&self, name: &str, captured: usize, position: Position) -> Function {
        let spot = spot(position);
        let all = parameters_of(&self.functions, name);
        let own = all.iter().skip(captured);
        let parameters =
            own.map(|text| Name { text: text.clone(), spot: between_bars(self.source, spot, text) });
        Function { name: None, spot, parameters: parameters.collect(), body: self.body(name, all) }
    }

    /// The body of a function, which the engine lets nobody else walk: everything else is taken out of a copy first.
    fn body(&self, wanted: &str, parameters: &[String]) -> Block {
        let mut alone = self.ast.clone_functions_only();
        alone.retain_functions(|_, _, name, arity| name == wanted && arity == parameters.len());
        let mut body = Block::new();
        alone.walk(&mut |nodes: &[ASTNode<'_>]| {
            if let [ASTNode::Stmt(statement)] = nodes {
                body.extend(self.statement(statement));
            }
            true
        });
        body
    }

    fn block(&self, statements: &[Stmt]) -> Block {
        statements.iter().filter_map(|statement| self.statement(statement)).collect()
    }

    fn statement(&self, statement: &Stmt) -> Option<Statement> {
        Some(match statement {
            Stmt::Noop(_) | Stmt::Share(_) => return None,
            Stmt::If(flow, _) => {
                let FlowControl { expr, body, branch } = &**flow;
                Statement::Branch(vec![
                    (Some(self.expression(expr)), self.block(body.statements())),
                    (None, self.block(branch.statements())),
                ])
            }
            Stmt::Switch(parts, _) => {
                let (head, cases) = &**parts;
                // What is switched on is asked first, and nothing comes of it by itself.
                let mut arms = vec![(Some(self.expression(head)), Block::new())];
                arms.extend(cases.expressions.iter().map(|BinaryExpr { lhs, rhs }| {
                    (Some(self.expression(lhs)), vec![Statement::Do(self.expression(rhs))])
                }));
                Statement::Branch(arms)
            }
            Stmt::While(flow, _) => {
                self.repeated(flow, matches!(flow.expr, Expr::Unit(_) | Expr::BoolConstant(true, _)))
            }
            Stmt::Do(flow, flags, _) => {
                let forever = !flags.contains(ASTFlags::NEGATED);
                self.repeated(flow, matches!(flow.expr, Expr::BoolConstant(asked, _) if asked == forever))
            }
            Stmt::For(parts, _) => {
                let (item, counter, flow) = &**parts;
                Statement::Loop {
                    head: Some(self.expression(&flow.expr)),
                    names: std::iter::once(item).chain(counter).map(name).collect(),
                    body: self.block(flow.body.statements()),
                    endless: false,
                }
            }
            Stmt::Var(parts, ..) => Statement::Define {
                what: Defined::Variable,
                name: name(&parts.0),
                value: Some(self.expression(&parts.1)),
            },
            Stmt::Assignment(parts) => Statement::Assign {
                target: self.expression(&parts.1.lhs),
                value: self.expression(&parts.1.rhs),
            },
            Stmt::FnCall(call, position) => Statement::Do(self.call(call, *position)),
            Stmt::Block(block) => Statement::Block(self.block(block.statements())),
            Stmt::TryCatch(flow, _) => Statement::Try {
                body: self.block(flow.body.statements()),
                caught: match &flow.expr {
                    Expr::Variable(variable, _, position) => {
                        Some(Name { text: variable.1.to_string(), spot: spot(*position) })
                    }
                    _ => None,
                },
                handler: self.block(flow.branch.statements()),
            },
            Stmt::Expr(expression) => Statement::Do(self.expression(expression)),
            Stmt::BreakLoop(value, flags, _) => {
                let how = if flags.contains(ASTFlags::BREAK) { Leave::Break } else { Leave::Continue };
                Statement::Leave { how, value: value.as_deref().map(|value| self.expression(value)) }
            }
            Stmt::Return(value, flags, _) => {
                let how = if flags.contains(ASTFlags::BREAK) { Leave::Throw } else { Leave::Return };
                Statement::Leave { how, value: value.as_deref().map(|value| self.expression(value)) }
            }
            Stmt::Import(import, _) => match &import.0 {
                Expr::StringConstant(module, _) => {
                    Statement::Import { module: module.to_string(), alias: name(&import.1) }
                }
                // Refused where modules are gathered.
                computed => Statement::Do(self.expression(computed)),
            },
            Stmt::Export(export, _) => {
                Statement::Define { what: Defined::Export, name: name(&export.1), value: None }
            }
            // The enumeration is open to other versions.
            _ => return None,
        })
    }

    fn repeated(&self, flow: &FlowControl, endless: bool) -> Statement {
        Statement::Loop {
            head: Some(self.expression(&flow.expr)),
            names: Vec::new(),
            body: self.block(flow.body.statements()),
            endless,
        }
    }

    fn expression(&self, expression: &Expr) -> Expression {
        let literal = |value: Value, position: &Position| Expression::Literal(value, spot(*position));
        match expression {
            Expr::DynamicConstant(constant, position) => {
                let function = constant.read_lock::<FnPtr>().map(|function| function.fn_name().to_owned());
                function.map_or_else(
                    || Expression::Other(Vec::new()),
                    |name| Expression::Function(Box::new(self.closure(&name, 0, *position))),
                )
            }
            Expr::BoolConstant(value, position) => literal(Value::Bool(*value), position),
            Expr::IntegerConstant(value, position) => literal(Value::Int(*value), position),
            Expr::FloatConstant(value, position) => literal(Value::Float(**value), position),
            Expr::CharConstant(value, position) => literal(Value::Text(value.to_string()), position),
            Expr::StringConstant(value, position) => literal(Value::Text(value.to_string()), position),
            Expr::Unit(position) => literal(Value::Null, position),
            Expr::InterpolatedString(parts, _) => Expression::Other(self.all(parts)),
            Expr::Array(items, position) => Expression::List(self.all(items), spot(*position)),
            Expr::Map(entries, position) => Expression::Table(Table {
                fields: entries.0.iter().map(|(key, value)| (name(key), self.expression(value))).collect(),
                whole: true,
                spot: spot(*position),
            }),
            Expr::Variable(variable, _, position) => {
                let own = Name { text: variable.1.to_string(), spot: spot(*position) };
                match variable.2.path.first() {
                    Some(namespace) => Expression::Member(Box::new(Expression::Name(name(namespace))), own),
                    None => Expression::Name(own),
                }
            }
            Expr::Stmt(block) => {
                self.captured(block).unwrap_or_else(|| Expression::Block(self.block(block.statements())))
            }
            Expr::FnCall(call, position) | Expr::MethodCall(call, position) => self.call(call, *position),
            Expr::Dot(..) | Expr::Index(..) => self.chained(expression),
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                Expression::Other(self.all(parts.iter()))
            }
            _ => Expression::Other(Vec::new()),
        }
    }

    fn all<'e>(&self, expressions: impl IntoIterator<Item = &'e Expr>) -> Vec<Expression> {
        expressions.into_iter().map(|expression| self.expression(expression)).collect()
    }

    /// A closure that uses variables around it, if the block is what the parser makes of one.
    fn captured(&self, block: &StmtBlock) -> Option<Expression> {
        let [Stmt::Share(_), Stmt::Expr(made)] = block.statements() else { return None };
        let Expr::FnCall(call, _) = &**made else { return None };
        let Some(Expr::DynamicConstant(constant, position)) =
            call.args.first().filter(|_| call.name == CAPTURING)
        else {
            return None;
        };
        let name = constant.read_lock::<FnPtr>().map(|function| function.fn_name().to_owned())?;
        Some(Expression::Function(Box::new(self.closure(&name, call.args.len() - 1, *position))))
    }

    fn call(&self, call: &FnCallExpr, position: Position) -> Expression {
        let arguments = self.all(&call.args);
        if call.is_operator_call() {
            return Expression::Other(arguments);
        }
        let namespace = (!call.namespace.path.is_empty()).then(|| call.namespace.root().to_owned());
        Expression::Call(Box::new(Call {
            namespace,
            name: call.name.to_string(),
            receiver: None,
            arguments,
            spot: spot(position),
        }))
    }

    /// `base.link` or `base[link]`, where what stands on the right may go on by itself: the parser nests chains to the right.
    fn chained(&self, first: &Expr) -> Expression {
        let (mut link, mut flags, mut by_value) = match first {
            Expr::Dot(parts, flags, _) => (parts, *flags, false),
            Expr::Index(parts, flags, _) => (parts, *flags, true),
            other => return self.expression(other),
        };
        let mut chain = Chain::new(self.expression(&link.lhs));
        loop {
            let next = match &link.rhs {
                Expr::Dot(parts, then, _) if !flags.contains(ASTFlags::BREAK) => Some((parts, *then, false)),
                Expr::Index(parts, then, _) if !flags.contains(ASTFlags::BREAK) => Some((parts, *then, true)),
                _ => None,
            };
            let own = next.map_or(&link.rhs, |(parts, ..)| &parts.lhs);
            chain.link(|base| if by_value { self.indexed(base, own) } else { self.linked(base, own) });
            match next {
                Some(further) => (link, flags, by_value) = further,
                None => return chain.end(),
            }
        }
    }

    fn linked(&self, base: Expression, link: &Expr) -> Expression {
        match link {
            Expr::Property(property, position) => Expression::Member(
                Box::new(base),
                Name { text: property.2.to_string(), spot: spot(*position) },
            ),
            Expr::MethodCall(call, position) | Expr::FnCall(call, position) => {
                Expression::Call(Box::new(Call {
                    namespace: None,
                    name: call.name.to_string(),
                    receiver: Some(base),
                    arguments: self.all(&call.args),
                    spot: spot(*position),
                }))
            }
            other => Expression::Other(vec![base, self.expression(other)]),
        }
    }

    fn indexed(&self, base: Expression, index: &Expr) -> Expression {
        match index {
            Expr::StringConstant(name, position) => {
                Expression::Member(Box::new(base), Name { text: name.to_string(), spot: spot(*position) })
            }
            other => Expression::Index(Box::new((base, self.expression(other)))),
        }
    }
}

fn parameters_of<'f>(functions: &'f BTreeMap<String, Vec<String>>, name: &str) -> &'f [String] {
    functions.get(name).map_or(&[], Vec::as_slice)
}

fn name(ident: &Ident) -> Name {
    Name { text: ident.name.to_string(), spot: spot(ident.pos) }
}

fn spot(position: Position) -> Spot {
    Spot { line: position.line().unwrap_or(0), column: position.position().unwrap_or(0) }
}

/// Where a function is defined.
fn definition(source: &str, name: &str) -> Spot {
    for (index, line) in source.lines().enumerate() {
        for (offset, _) in line.match_indices("fn") {
            let rest = line.get(offset + 2..).unwrap_or_default();
            let is_it =
                rest.trim_start().strip_prefix(name).is_some_and(|tail| tail.trim_start().starts_with('('));
            if is_it && rest.starts_with(char::is_whitespace) {
                let column = line.get(..offset).map_or(0, |before| before.chars().count()) + 1;
                return Spot { line: index + 1, column };
            }
        }
    }
    Spot::default()
}

/// Where the parameter of a closure stands that begins at `closure`; the closure itself where it is not on that line.
fn between_bars(source: &str, closure: Spot, name: &str) -> Spot {
    let line = source.lines().nth(closure.line.saturating_sub(1)).unwrap_or_default();
    let rest: String = line.chars().skip(closure.column).collect();
    let mut column = closure.column + 1;
    for part in rest.split('|').next().unwrap_or_default().split(',') {
        if part.trim() == name {
            let indent = part.chars().take_while(|c| c.is_whitespace()).count();
            return Spot { line: closure.line, column: column + indent };
        }
        column += part.chars().count() + 1;
    }
    closure
}
