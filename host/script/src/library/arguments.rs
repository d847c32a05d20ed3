//! The arguments of a call, taken apart in the same words for both languages.

use std::collections::BTreeMap;

use fabric_model::Value;

use super::raised::{Raised, argument};
use super::{Caller, Entry, Kind, Language};

/// The arguments of one call of a function of the catalogue: as many as it takes, each of its kind.
pub(crate) struct Arguments<'a, L: Language, C: Caller<L>> {
    pub(super) caller: &'a C,
    pub(super) entry: &'static Entry,
    given: Vec<L::Value>,
}

impl<'a, L: Language, C: Caller<L>> Arguments<'a, L, C> {
    /// Arguments of the number and the kinds that the catalogue names.
    ///
    /// # Errors
    /// When there are more or fewer, or one is of another kind.
    pub(super) fn checked(
        caller: &'a C,
        entry: &'static Entry,
        given: Vec<L::Value>,
    ) -> Result<Self, Raised> {
        let takes = entry.parameters.len();
        if given.len() != takes {
            let arguments = if takes == 1 { "1 argument".to_owned() } else { format!("{takes} arguments") };
            return Err(argument(format!(
                "`{}` takes {arguments}, and got {}",
                entry.signature(),
                given.len()
            )));
        }
        let arguments = Self { caller, entry, given };
        for (index, parameter) in entry.parameters.iter().enumerate() {
            let fits = match parameter.kind {
                Kind::Anything => true,
                Kind::Text => matches!(arguments.read(index), Ok(Value::Text(_))),
                Kind::Function => arguments.given(index).and_then(|v| caller.function(v)).is_some(),
                Kind::List => arguments.given(index).and_then(|v| caller.items(v)).is_some(),
                Kind::Table => arguments.given(index).and_then(|v| caller.fields(v)).is_some(),
            };
            if !fits {
                return Err(argument(format!(
                    "`{}` of `{}`: expected {}, found {}",
                    parameter.name,
                    entry.name,
                    parameter.kind.word(),
                    arguments.kind(index)
                )));
            }
        }
        Ok(arguments)
    }

    fn given(&self, index: usize) -> Option<&L::Value> {
        self.given.get(index)
    }

    fn kind(&self, index: usize) -> &'static str {
        match self.given(index) {
            Some(value) if self.caller.function(value).is_some() => "function",
            _ => self.read(index).map_or("value that is no data", |value| value.kind()),
        }
    }

    fn read(&self, index: usize) -> Result<Value, Raised> {
        match self.given(index) {
            Some(value) => self.caller.read(value).map_err(|e| argument(e.to_string())),
            None => Ok(Value::Null),
        }
    }

    /// Any data.
    ///
    /// # Errors
    /// When it cannot cross.
    pub(super) fn any(&self, index: usize) -> Result<Value, Raised> {
        self.read(index)
    }

    /// Any value, for evidence.
    pub(super) fn evidence(&self, index: usize) -> Value {
        self.given(index).map(|value| self.caller.evidence(value)).unwrap_or_default()
    }

    /// A text.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn text(&self, index: usize) -> Result<String, Raised> {
        match self.read(index)? {
            Value::Text(text) => Ok(text),
            other => Err(argument(format!("`{}`: expected string, found {}", self.entry.name, other.kind()))),
        }
    }

    /// A list of data.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn list(&self, index: usize) -> Result<Vec<Value>, Raised> {
        match self.read(index)? {
            Value::List(items) => Ok(items),
            // An empty table of Luau is whichever is wanted.
            Value::Map(fields) if fields.is_empty() => Ok(Vec::new()),
            other => Err(argument(format!("`{}`: expected list, found {}", self.entry.name, other.kind()))),
        }
    }

    /// A list of values of the script.
    pub(super) fn items(&self, index: usize) -> Vec<L::Value> {
        self.given(index).and_then(|value| self.caller.items(value)).unwrap_or_default()
    }

    /// A table of values of the script.
    pub(super) fn fields(&self, index: usize) -> BTreeMap<String, L::Value> {
        self.given(index).and_then(|value| self.caller.fields(value)).unwrap_or_default()
    }

    /// A function.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn function(&self, index: usize) -> Result<L::Function, Raised> {
        let function = self.given(index).and_then(|value| self.caller.function(value));
        function.ok_or_else(|| argument(format!("`{}` needs a function", self.entry.name)))
    }
}
