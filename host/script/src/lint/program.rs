//! The files of one script together: which function a call leads to, also in a module, and everything that is reached from somewhere.

use std::collections::{BTreeMap, BTreeSet};

use fabric_model::Value;

use super::tree::{Call, Expression, File, Function, Statement, Visit, walk, walk_expression};

/// The script and its modules.
pub(super) struct Program {
    /// The script itself stands first.
    pub(super) files: Vec<File>,
    /// Which file each module is, by its import path.
    modules: BTreeMap<String, usize>,
    /// Which file each import of a file leads to, by its name there.
    aliases: Vec<BTreeMap<String, usize>>,
}

/// Something in a file that calls are looked for in.
#[derive(Clone, Copy)]
pub(super) enum Part<'p> {
    Block(&'p [Statement]),
    Expression(&'p Expression),
}

impl Program {
    pub(super) fn new(main: File, modules: Vec<(String, File)>) -> Self {
        let mut files = vec![main];
        let mut places = BTreeMap::new();
        for (module, file) in modules {
            places.insert(module, files.len());
            files.push(file);
        }
        let aliases = files.iter().map(|file| aliases(file, &places)).collect();
        Self { files, modules: places, aliases }
    }

    pub(super) fn main(&self) -> Option<&File> {
        self.files.first()
    }

    /// Every file with its place among them.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &File)> {
        self.files.iter().enumerate()
    }

    /// Whether a file is a module.
    pub(super) fn is_module(&self, file: usize) -> bool {
        self.modules.values().any(|place| *place == file)
    }

    /// The functions that a name stands for in a file; one that is a member of a table goes by that name too.
    pub(super) fn functions(&self, file: usize, name: &str) -> Vec<&Function> {
        struct Named<'t, 'n>(&'n str, Vec<&'t Function>);
        impl<'t> Visit<'t> for Named<'t, '_> {
            fn function(&mut self, function: &'t Function) {
                let own = function.name.as_deref();
                let last = own.map(|own| own.rsplit('.').next().unwrap_or(own));
                if own == Some(self.0) || last == Some(self.0) {
                    self.1.push(function);
                }
            }
        }
        let mut found = Named(name, Vec::new());
        self.files.get(file).into_iter().for_each(|file| walk(&file.body, &mut found));
        found.1
    }

    /// Every call that is reached from a part of a file, through functions of the file and of its modules, with the file that it stands
    /// in. Each function is entered once, so this ends.
    pub(super) fn reached<'p>(&'p self, file: usize, parts: Vec<Part<'p>>) -> Vec<(usize, &'p Call)> {
        let mut found = Vec::new();
        let mut entered: BTreeSet<(usize, String)> = BTreeSet::new();
        let mut wanted: Vec<(usize, Part<'p>)> = parts.into_iter().map(|part| (file, part)).collect();
        while let Some((file, part)) = wanted.pop() {
            let mentions = Mentions::of(part);
            found.extend(mentions.calls.iter().map(|call| (file, *call)));
            let own = mentions.names.iter().map(|name| (file, *name));
            let elsewhere = mentions.calls.iter().filter_map(|call| {
                let alias = self.aliases.get(file)?.get(call.namespace.as_deref()?)?;
                Some((*alias, call.name.as_str()))
            });
            for (place, name) in own.chain(elsewhere).collect::<Vec<_>>() {
                if entered.insert((place, name.to_owned())) {
                    let bodies = self.functions(place, name).into_iter();
                    wanted.extend(bodies.map(|function| (place, Part::Block(function.body.as_slice()))));
                }
            }
        }
        found
    }
}

fn aliases(file: &File, modules: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    struct Imports<'t>(Vec<(&'t str, &'t str)>);
    impl<'t> Visit<'t> for Imports<'t> {
        fn statement(&mut self, statement: &'t Statement) {
            if let Statement::Import { module, alias } = statement {
                self.0.push((&alias.text, module));
            }
        }
    }
    let mut found = Imports(Vec::new());
    walk(&file.body, &mut found);
    found.0.iter().filter_map(|(alias, module)| Some(((*alias).to_owned(), *modules.get(*module)?))).collect()
}

/// What a part of a file calls, and every name by which it may hand a function on: a variable, or a text as in `Fn("name")`.
struct Mentions<'p> {
    calls: Vec<&'p Call>,
    names: BTreeSet<&'p str>,
}

impl<'p> Mentions<'p> {
    fn of(part: Part<'p>) -> Self {
        let mut found = Self { calls: Vec::new(), names: BTreeSet::new() };
        match part {
            Part::Block(block) => walk(block, &mut found),
            Part::Expression(expression) => walk_expression(expression, &mut found),
        }
        found
    }
}

impl<'p> Visit<'p> for Mentions<'p> {
    fn expression(&mut self, expression: &'p Expression) {
        match expression {
            Expression::Call(call) => {
                self.calls.push(call);
                self.names.extend(call.plain());
                if let (Some("Fn"), Some(Expression::Literal(Value::Text(name), _))) =
                    (call.plain(), call.arguments.first())
                {
                    self.names.insert(name);
                }
            }
            Expression::Name(name) => {
                self.names.insert(&name.text);
            }
            _ => {}
        }
    }
}
