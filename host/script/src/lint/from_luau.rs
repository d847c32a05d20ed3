//! From what the parser makes of a Luau file to the tree of the lints.

use fabric_model::Value;
use full_moon::ast::{
    Ast, Block as LuauBlock, Call as LuauCall, Expression as LuauExpression, Field, FunctionArgs,
    FunctionBody, FunctionCall, Index, LastStmt, Parameter, Prefix, Stmt, Suffix, TableConstructor, Var,
};
use full_moon::tokenizer::{StringLiteralQuoteType, TokenReference, TokenType};

use super::tree::{
    Block, Call, Chain, Defined, Expression, File, Function, Leave, Name, Spot, Statement, Table,
};
use crate::language::Language;
use crate::luau::syntax::{REQUIRE, place};

/// The largest number that stands for an integer in Luau, where every number is one of 64 bits with a point: 2^53.
const INTEGERS: f64 = 9_007_199_254_740_992.0;

/// The tree of a parsed file.
pub(crate) fn file(path: &str, ast: &Ast) -> File {
    File { path: path.to_owned(), language: Language::Luau, body: block(ast.nodes()) }
}

fn block(block: &LuauBlock) -> Block {
    let mut body: Block = block.stmts().flat_map(statements).collect();
    body.extend(block.last_stmt().map(|last| match last {
        LastStmt::Return(returned) => Statement::Leave {
            how: Leave::Return,
            value: together(returned.returns().iter().map(expression).collect()),
        },
        LastStmt::Continue(_) => Statement::Leave { how: Leave::Continue, value: None },
        _ => Statement::Leave { how: Leave::Break, value: None },
    }));
    body
}

/// One statement may define or assign several names.
fn statements(statement: &Stmt) -> Vec<Statement> {
    match statement {
        Stmt::Assignment(assignment) => {
            let mut values = assignment.expressions().iter().map(expression);
            let targets = assignment.variables().iter();
            let assign = |target: &Var| Statement::Assign {
                target: variable(target),
                value: values.next().unwrap_or_else(|| Expression::Other(Vec::new())),
            };
            targets.map(assign).collect()
        }
        Stmt::CompoundAssignment(assignment) => vec![Statement::Assign {
            target: variable(assignment.lhs()),
            value: expression(assignment.rhs()),
        }],
        Stmt::LocalAssignment(local) => defined(local.names().iter(), local.expressions().iter()),
        Stmt::ConstAssignment(local) => defined(local.names().iter(), local.expressions().iter()),
        Stmt::Do(inner) => vec![Statement::Block(block(inner.block()))],
        Stmt::FunctionCall(call) => vec![called(call)],
        Stmt::FunctionDeclaration(function) => {
            let path = function.name();
            let names = path.names().iter().chain(path.method_name()).map(text);
            let at = path.names().iter().next().map_or_else(Spot::default, spot);
            vec![Statement::Function(self::function(
                Some(names.collect::<Vec<_>>().join(".")),
                at,
                function.body(),
            ))]
        }
        Stmt::LocalFunction(function) => {
            let (name, at) = (text(function.name()), spot(function.name()));
            vec![Statement::Function(self::function(Some(name), at, function.body()))]
        }
        Stmt::ConstFunction(function) => {
            let (name, at) = (text(function.name()), spot(function.name()));
            vec![Statement::Function(self::function(Some(name), at, function.body()))]
        }
        Stmt::GenericFor(each) => vec![Statement::Loop {
            head: together(each.expressions().iter().map(expression).collect()),
            names: each.names().iter().map(name).collect(),
            body: block(each.block()),
            endless: false,
        }],
        Stmt::NumericFor(count) => vec![Statement::Loop {
            head: together(
                [count.start(), count.end()].into_iter().chain(count.step()).map(expression).collect(),
            ),
            names: vec![name(count.index_variable())],
            body: block(count.block()),
            endless: false,
        }],
        Stmt::If(choice) => {
            let mut found = Vec::new();
            let mut arms = vec![(Some(expression(choice.condition())), block(choice.block()))];
            let others = choice.else_if().into_iter().flatten();
            let bound =
                choice.binding().into_iter().chain(others.clone().filter_map(|other| other.binding()));
            found.extend(bound.map(|binding| Statement::Define {
                what: Defined::Variable,
                name: name(binding.name()),
                value: None,
            }));
            arms.extend(others.map(|other| (Some(expression(other.condition())), block(other.block()))));
            arms.extend(choice.else_block().map(|otherwise| (None, block(otherwise))));
            found.push(Statement::Branch(arms));
            found
        }
        Stmt::Repeat(repeated) => vec![Statement::Loop {
            head: Some(expression(repeated.until())),
            names: Vec::new(),
            body: block(repeated.block()),
            endless: is_truth(&expression(repeated.until()), false),
        }],
        Stmt::While(repeated) => {
            let head = expression(repeated.condition());
            let endless = is_truth(&head, true);
            vec![Statement::Loop {
                head: Some(head),
                names: Vec::new(),
                body: block(repeated.block()),
                endless,
            }]
        }
        // Types say nothing that a rule asks about.
        _ => Vec::new(),
    }
}

fn is_truth(expression: &Expression, wanted: bool) -> bool {
    matches!(expression, Expression::Literal(Value::Bool(truth), _) if *truth == wanted)
}

fn defined<'a>(
    names: impl Iterator<Item = &'a TokenReference>,
    values: impl Iterator<Item = &'a LuauExpression>,
) -> Vec<Statement> {
    let mut values = values.map(expression).fuse();
    let define = |token: &TokenReference| {
        let (name, value) = (name(token), values.next());
        match value.as_ref().and_then(imported) {
            Some(module) => Statement::Import { module, alias: name },
            None => Statement::Define { what: Defined::Variable, name, value },
        }
    };
    names.map(define).collect()
}

/// The module that an expression imports.
fn imported(expression: &Expression) -> Option<String> {
    match expression {
        Expression::Call(call) if call.plain() == Some(REQUIRE) => match call.arguments.first()?.literal()? {
            Value::Text(module) => Some(module),
            _ => None,
        },
        _ => None,
    }
}

/// A call as a statement; `error` ends what it stands in.
fn called(call: &FunctionCall) -> Statement {
    match suffixed(call.prefix(), call.suffixes()) {
        Expression::Call(call) if call.plain() == Some("error") => {
            Statement::Leave { how: Leave::Throw, value: together(call.arguments) }
        }
        other => Statement::Do(other),
    }
}

fn function(name: Option<String>, at: Spot, body: &FunctionBody) -> Function {
    let parameters = body.parameters().iter().filter_map(|parameter| match parameter {
        Parameter::Name(token) => Some(self::name(token)),
        _ => None,
    });
    Function { name, spot: at, parameters: parameters.collect(), body: block(body.block()) }
}

fn together(mut expressions: Vec<Expression>) -> Option<Expression> {
    match expressions.len() {
        0 | 1 => expressions.pop(),
        _ => Some(Expression::Other(expressions)),
    }
}

fn variable(variable: &Var) -> Expression {
    match variable {
        Var::Name(token) => Expression::Name(name(token)),
        Var::Expression(path) => suffixed(path.prefix(), path.suffixes()),
        _ => Expression::Other(Vec::new()),
    }
}

fn expression(expression: &LuauExpression) -> Expression {
    match expression {
        LuauExpression::BinaryOperator { .. } => operators(expression),
        LuauExpression::Parentheses { expression, .. } | LuauExpression::TypeAssertion { expression, .. } => {
            self::expression(expression)
        }
        LuauExpression::UnaryOperator { expression, unop } => match (unop, self::expression(expression)) {
            (full_moon::ast::UnOp::Minus(_), Expression::Literal(Value::Int(number), at)) => {
                Expression::Literal(Value::Int(-number), at)
            }
            (_, other) => Expression::Other(vec![other]),
        },
        LuauExpression::Function(function) => Expression::Function(Box::new(self::function(
            None,
            spot(function.function_token()),
            function.body(),
        ))),
        LuauExpression::FunctionCall(call) => suffixed(call.prefix(), call.suffixes()),
        LuauExpression::IfExpression(choice) => {
            let mut parts =
                vec![self::expression(choice.condition()), self::expression(choice.if_expression())];
            for other in choice.else_if_expressions().into_iter().flatten() {
                parts.extend([self::expression(other.condition()), self::expression(other.expression())]);
            }
            parts.push(self::expression(choice.else_expression()));
            Expression::Other(parts)
        }
        LuauExpression::InterpolatedString(string) => {
            Expression::Other(string.expressions().map(self::expression).collect())
        }
        LuauExpression::TableConstructor(constructor) => table(constructor),
        LuauExpression::Number(token) => number(token),
        LuauExpression::String(token) => string(token),
        LuauExpression::Symbol(token) => match text(token).as_str() {
            "true" => Expression::Literal(Value::Bool(true), spot(token)),
            "false" => Expression::Literal(Value::Bool(false), spot(token)),
            "nil" => Expression::Literal(Value::Null, spot(token)),
            _ => Expression::Other(Vec::new()),
        },
        LuauExpression::Var(variable) => self::variable(variable),
        _ => Expression::Other(Vec::new()),
    }
}

/// A chain of operators nests to the left, as deep as it is long; here it is a list.
fn operators(expression: &LuauExpression) -> Expression {
    let mut parts = Vec::new();
    let mut rest = expression;
    while let LuauExpression::BinaryOperator { lhs, rhs, .. } = rest {
        parts.push(self::expression(rhs));
        rest = lhs;
    }
    parts.push(self::expression(rest));
    parts.reverse();
    Expression::Other(parts)
}

fn table(constructor: &TableConstructor) -> Expression {
    let at = spot(constructor.braces().tokens().0);
    let (mut fields, mut items, mut whole) = (Vec::new(), Vec::new(), true);
    for field in constructor.fields() {
        match field {
            Field::NameKey { key, value, .. } => fields.push((name(key), expression(value))),
            Field::NoKey(value) => items.push(expression(value)),
            Field::ExpressionKey { key, value, .. } => match (expression(key), expression(value)) {
                (Expression::Literal(Value::Text(text), spot), value) => {
                    fields.push((Name { text, spot }, value))
                }
                // The key is not known; what is in it still counts.
                (key, value) => {
                    whole = false;
                    fields
                        .push((Name { text: String::new(), spot: at }, Expression::Other(vec![key, value])));
                }
            },
            _ => whole = false,
        }
    }
    match (fields.is_empty(), items.is_empty()) {
        (true, false) => Expression::List(items, at),
        (_, true) => Expression::Table(Table { fields, whole, spot: at }),
        // A table that is also a list is no value that crosses.
        (false, false) => {
            items.extend(fields.into_iter().map(|(_, value)| value));
            Expression::Other(items)
        }
    }
}

fn number(token: &TokenReference) -> Expression {
    let written = text(token).replace('_', "").to_ascii_lowercase();
    let based = |digits: &str, base| i64::from_str_radix(digits, base).ok().map(Value::Int);
    let value = match (written.strip_prefix("0x"), written.strip_prefix("0b")) {
        (Some(digits), _) => based(digits, 16),
        (_, Some(digits)) => based(digits, 2),
        _ => written.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| {
            let whole = format!("{number:.0}").parse::<i64>().ok();
            match whole.filter(|_| number.fract() == 0.0 && number.abs() < INTEGERS) {
                Some(integer) => Value::Int(integer),
                None => Value::Float(number),
            }
        }),
    };
    value.map_or_else(|| Expression::Other(Vec::new()), |value| Expression::Literal(value, spot(token)))
}

fn string(token: &TokenReference) -> Expression {
    let TokenType::StringLiteral { literal, quote_type, .. } = token.token().token_type() else {
        return Expression::Other(Vec::new());
    };
    let value = match quote_type {
        StringLiteralQuoteType::Brackets => Some(literal.to_string()),
        _ => unescaped(literal),
    };
    value.map_or_else(
        || Expression::Other(Vec::new()),
        |text| Expression::Literal(Value::Text(text), spot(token)),
    )
}

/// The text that a quoted literal stands for; nothing where it has an escape that is spelt with numbers.
fn unescaped(literal: &str) -> Option<String> {
    let mut text = String::new();
    let mut letters = literal.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        text.push(match letters.next()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            same @ ('\\' | '"' | '\'' | '`') => same,
            _ => return None,
        });
    }
    Some(text)
}

/// A name or an expression in parentheses, with everything that is called and looked up on it.
fn suffixed<'a>(prefix: &Prefix, suffixes: impl Iterator<Item = &'a Suffix>) -> Expression {
    let mut chain = Chain::new(match prefix {
        Prefix::Name(token) => Expression::Name(name(token)),
        Prefix::Expression(inner) => expression(inner),
        _ => Expression::Other(Vec::new()),
    });
    for suffix in suffixes {
        match suffix {
            Suffix::Index(Index::Dot { name: member, .. }) => {
                let member = name(member);
                chain.link(|base| Expression::Member(Box::new(base), member));
            }
            Suffix::Index(Index::Brackets { expression: index, .. }) => {
                let index = expression(index);
                chain.link(|base| match index {
                    Expression::Literal(Value::Text(text), spot) => {
                        Expression::Member(Box::new(base), Name { text, spot })
                    }
                    index => Expression::Index(Box::new((base, index))),
                });
            }
            Suffix::Call(LuauCall::AnonymousCall(given)) => {
                let given = arguments(given);
                chain.link(|base| applied(base, given));
            }
            Suffix::Call(LuauCall::MethodCall(method)) => {
                let (name, given) = (name(method.name()), arguments(method.args()));
                chain.link(|base| method_call(base, name, given));
            }
            _ => {}
        }
    }
    chain.end()
}

/// What is called, with its arguments: `f(…)`, `namespace.f(…)`, or what an expression gives.
fn applied(function: Expression, arguments: Vec<Expression>) -> Expression {
    match function {
        Expression::Name(Name { text, spot }) => {
            Expression::Call(Box::new(Call { namespace: None, name: text, receiver: None, arguments, spot }))
        }
        Expression::Member(of, member) => match *of {
            Expression::Name(Name { text: namespace, .. }) => Expression::Call(Box::new(Call {
                namespace: Some(namespace),
                name: member.text,
                receiver: None,
                arguments,
                spot: member.spot,
            })),
            other => method_call(other, member, arguments),
        },
        other => {
            let spot = other.spot();
            method_call(other, Name { text: String::new(), spot }, arguments)
        }
    }
}

fn method_call(receiver: Expression, name: Name, arguments: Vec<Expression>) -> Expression {
    let Name { text: name, spot } = name;
    Expression::Call(Box::new(Call { namespace: None, name, receiver: Some(receiver), arguments, spot }))
}

fn arguments(given: &FunctionArgs) -> Vec<Expression> {
    match given {
        FunctionArgs::Parentheses { arguments, .. } => arguments.iter().map(expression).collect(),
        FunctionArgs::String(token) => vec![string(token)],
        FunctionArgs::TableConstructor(constructor) => vec![table(constructor)],
        _ => Vec::new(),
    }
}

fn name(token: &TokenReference) -> Name {
    Name { text: text(token), spot: spot(token) }
}

fn text(token: &TokenReference) -> String {
    token.token().to_string()
}

fn spot(token: &TokenReference) -> Spot {
    let (line, column) = place(token.token().start_position());
    Spot { line, column }
}
