//! A script as lints see it, whichever language it is written in: statements, calls, names, literals, and where they stand. What no
//! rule asks about is left out.

use fabric_model::Value;

use crate::language::Language;

/// A place in a file: line and column in characters, both counted from 1, and 0 where the parser keeps none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path as diagnostics say it.
    pub(crate) path: String,
    /// The language.
    pub(crate) language: Language,
    /// Its statements, functions first where the language hoists them.
    pub(crate) body: Block,
}

pub(crate) type Block = Vec<Statement>;

/// A name where it is defined.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) spot: Spot,
}

/// What a name is defined as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defined {
    Export,
    Variable,
}

#[derive(Debug)]
pub(crate) enum Statement {
    /// An expression for its effect, or as the value of the block that it ends.
    Do(Expression),
    Define {
        what: Defined,
        name: Name,
        value: Option<Expression>,
    },
    Assign {
        target: Expression,
        value: Expression,
    },
    Function(Function),
    Import {
        module: String,
        alias: Name,
    },
    /// Conditions, each with what happens where it holds; without a condition, what happens otherwise.
    Branch(Vec<(Option<Expression>, Block)>),
    Loop {
        /// What is asked or gone through, again and again.
        head: Option<Expression>,
        names: Vec<Name>,
        body: Block,
        /// Whether nothing but a `break` ends it.
        endless: bool,
    },
    Try {
        body: Block,
        caught: Option<Name>,
        handler: Block,
    },
    Block(Block),
    Leave {
        how: Leave,
        value: Option<Expression>,
    },
}

/// How a statement ends the block that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    Break,
    Continue,
    Return,
    Throw,
}

/// A function with or without a name.
#[derive(Debug)]
pub(crate) struct Function {
    /// Absent for a closure. A member of a table is named `table.member`.
    pub(crate) name: Option<String>,
    pub(crate) spot: Spot,
    pub(crate) parameters: Vec<Name>,
    pub(crate) body: Block,
}

#[derive(Debug)]
pub(crate) enum Expression {
    /// Nothing, a truth value, a number or a text.
    Literal(Value, Spot),
    List(Vec<Expression>, Spot),
    Table(Table),
    /// A variable or, by its name, a function.
    Name(Name),
    /// A member of what an expression gives, by its name: `a.b`.
    Member(Box<Expression>, Name),
    /// The same, by a value: `a[b]`.
    Index(Box<(Expression, Expression)>),
    Function(Box<Function>),
    Call(Box<Call>),
    /// A block that gives a value.
    Block(Block),
    /// Anything else, with its parts.
    Other(Vec<Expression>),
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) fields: Vec<(Name, Expression)>,
    /// Whether every key is written out.
    pub(crate) whole: bool,
    pub(crate) spot: Spot,
}

#[derive(Debug)]
pub(crate) struct Call {
    /// `dns` of `dns::query(…)` and `dns.query{…}`.
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    /// What a method is called on.
    pub(crate) receiver: Option<Expression>,
    pub(crate) arguments: Vec<Expression>,
    pub(crate) spot: Spot,
}

impl Call {
    /// Its name, where it has no namespace and is no method.
    pub(crate) fn plain(&self) -> Option<&str> {
        (self.namespace.is_none() && self.receiver.is_none()).then_some(self.name.as_str())
    }
}

impl Expression {
    /// Where it begins, as far as the parser says.
    pub(crate) fn spot(&self) -> Spot {
        match self {
            Self::Literal(_, spot) | Self::List(_, spot) => *spot,
            Self::Table(table) => table.spot,
            Self::Name(name) => name.spot,
            Self::Member(of, _) => of.spot(),
            Self::Index(parts) => parts.0.spot(),
            Self::Function(function) => function.spot,
            Self::Call(call) => call.spot,
            Self::Block(_) => Spot::default(),
            Self::Other(parts) => parts.first().map_or_else(Spot::default, Self::spot),
        }
    }

    /// Its value, where all of it is literal.
    pub(crate) fn literal(&self) -> Option<Value> {
        match self {
            Self::Literal(value, _) => Some(value.clone()),
            Self::List(items, _) => {
                items.iter().map(Self::literal).collect::<Option<Vec<_>>>().map(Value::List)
            }
            Self::Table(table) if table.whole => {
                let entries =
                    table.fields.iter().map(|(name, field)| Some((name.text.clone(), field.literal()?)));
                entries.collect::<Option<_>>().map(Value::Map)
            }
            _ => None,
        }
    }

    /// The variable that it is, or is a part of.
    pub(crate) fn root(&self) -> Option<&Name> {
        match self {
            Self::Name(name) => Some(name),
            Self::Member(of, _) => of.root(),
            Self::Index(parts) => parts.0.root(),
            _ => None,
        }
    }
}

/// Links of one chain that nest in one another; what goes on behind them begins anew, so that nobody recurses over a chain as long as
/// a hostile file.
const LINKS: usize = 64;

/// An expression that grows to the right: `a.b(c)[d]`.
pub(crate) struct Chain {
    before: Vec<Expression>,
    base: Expression,
    links: usize,
}

impl Chain {
    pub(crate) fn new(base: Expression) -> Self {
        Self { before: Vec::new(), base, links: 0 }
    }

    /// Puts what there is into something larger.
    pub(crate) fn link(&mut self, around: impl FnOnce(Expression) -> Expression) {
        let mut base = std::mem::replace(&mut self.base, Expression::Other(Vec::new()));
        if self.links == LINKS {
            self.links = 0;
            self.before.push(std::mem::replace(&mut base, Expression::Other(Vec::new())));
        }
        self.links += 1;
        self.base = around(base);
    }

    pub(crate) fn end(mut self) -> Expression {
        if self.before.is_empty() {
            return self.base;
        }
        self.before.push(self.base);
        Expression::Other(self.before)
    }
}

/// What goes through a tree. Each node comes before what is in it.
pub(crate) trait Visit<'t> {
    /// A statement.
    fn statement(&mut self, _: &'t Statement) {}
    /// An expression.
    fn expression(&mut self, _: &'t Expression) {}
    /// A function, before its body.
    fn function(&mut self, _: &'t Function) {}
}

/// Goes through a block and everything in it.
pub(crate) fn walk<'t>(block: &'t [Statement], visit: &mut dyn Visit<'t>) {
    for statement in block {
        walk_statement(statement, visit);
    }
}

fn walk_statement<'t>(statement: &'t Statement, visit: &mut dyn Visit<'t>) {
    visit.statement(statement);
    match statement {
        Statement::Do(expression) => walk_expression(expression, visit),
        Statement::Define { value, .. } | Statement::Leave { value, .. } => {
            value.iter().for_each(|value| walk_expression(value, visit));
        }
        Statement::Assign { target, value, .. } => {
            walk_expression(target, visit);
            walk_expression(value, visit);
        }
        Statement::Function(function) => walk_function(function, visit),
        Statement::Import { .. } => {}
        Statement::Branch(arms) => {
            for (condition, block) in arms {
                condition.iter().for_each(|condition| walk_expression(condition, visit));
                walk(block, visit);
            }
        }
        Statement::Loop { head, body, .. } => {
            head.iter().for_each(|head| walk_expression(head, visit));
            walk(body, visit);
        }
        Statement::Try { body, handler, .. } => {
            walk(body, visit);
            walk(handler, visit);
        }
        Statement::Block(block) => walk(block, visit),
    }
}

fn walk_function<'t>(function: &'t Function, visit: &mut dyn Visit<'t>) {
    visit.function(function);
    walk(&function.body, visit);
}

/// Goes through an expression and everything in it.
pub(crate) fn walk_expression<'t>(expression: &'t Expression, visit: &mut dyn Visit<'t>) {
    visit.expression(expression);
    match expression {
        Expression::Literal(..) | Expression::Name(_) => {}
        Expression::List(items, _) | Expression::Other(items) => {
            items.iter().for_each(|item| walk_expression(item, visit));
        }
        Expression::Table(table) => {
            table.fields.iter().for_each(|(_, field)| walk_expression(field, visit));
        }
        Expression::Member(of, _) => walk_expression(of, visit),
        Expression::Index(parts) => {
            walk_expression(&parts.0, visit);
            walk_expression(&parts.1, visit);
        }
        Expression::Function(function) => walk_function(function, visit),
        Expression::Call(call) => {
            call.receiver.iter().for_each(|receiver| walk_expression(receiver, visit));
            call.arguments.iter().for_each(|argument| walk_expression(argument, visit));
        }
        Expression::Block(block) => walk(block, visit),
    }
}

/// Every call in a block, in the order of the text.
pub(crate) fn calls(block: &[Statement]) -> Vec<&Call> {
    struct Calls<'t>(Vec<&'t Call>);
    impl<'t> Visit<'t> for Calls<'t> {
        fn expression(&mut self, expression: &'t Expression) {
            if let Expression::Call(call) = expression {
                self.0.push(call);
            }
        }
    }
    let mut found = Calls(Vec::new());
    walk(block, &mut found);
    found.0
}
