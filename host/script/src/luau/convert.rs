//! Between the machine's values and the one value type that crosses the door.

use std::collections::BTreeMap;

use fabric_model::Value;
use fabric_model::value::DEPTH_LIMIT;
use mlua::{Function, IntoLua, Lua, Table};

use crate::library::raised::{Raised, Uncrossable, argument};
use crate::nearest::suggestion;

/// The field of a metatable that names the fields of its table that are nothing, which a table of Luau cannot hold.
const NOTHINGS: &str = "nothings";
/// The field of a metatable that says where an error was thrown.
const PLACES: &str = "places";
/// The largest integer that a number of Luau holds exactly, and all smaller ones.
const EXACT: i64 = 1 << 53;

/// How data of the host looks in a script: metatables that no script can reach.
#[derive(Clone)]
pub(super) struct Shapes {
    /// Of an empty list, which would be an empty table otherwise.
    list: Table,
    /// Of a table: a field that is not there is a slip, and never nothing.
    table: Table,
}

impl Shapes {
    pub(super) fn new(lua: &Lua) -> mlua::Result<Self> {
        Ok(Self { list: lua.create_table()?, table: lua.create_table()? })
    }

    /// Lets tables complain of fields that they do not have.
    pub(super) fn complain(&self, lua: &Lua, callable: &Function) -> mlua::Result<()> {
        let shapes = self.clone();
        let missing = lua.create_function(move |lua, (table, key): (Table, mlua::Value)| {
            let nothings = table.metatable().and_then(|meta| meta.raw_get::<Table>(NOTHINGS).ok());
            if nothings.is_some_and(|nothings| nothings.contains_key(key.clone()).unwrap_or(false)) {
                return Ok((true, mlua::Nil, false));
            }
            let name = match &key {
                mlua::Value::String(text) => text.to_string_lossy(),
                other => other.type_name().to_owned(),
            };
            let all: Vec<String> =
                table.pairs::<mlua::Value, mlua::Value>().filter_map(|e| text(&e.ok()?.0).ok()).collect();
            let near = suggestion(&name, all.iter().map(String::as_str));
            let short: String = name.chars().take(80).collect();
            let raised = argument(format!("there is no field `{short}`{near}"));
            Ok((false, shapes.thrown(lua, raised)?, true))
        })?;
        self.table.set("__index", callable.call::<Function>(missing)?)
    }

    /// The function that writes into an error where it was thrown.
    pub(super) fn locating(&self, lua: &Lua) -> mlua::Result<Function> {
        let shapes = self.clone();
        lua.create_function(move |lua, (thrown, places): (mlua::Value, mlua::LuaString)| match thrown {
            mlua::Value::Table(table) => {
                let meta = shapes.table_with(lua)?;
                meta.raw_set(PLACES, places)?;
                table.set_metatable(Some(meta))?;
                Ok(mlua::Value::Table(table))
            }
            mlua::Value::String(text) => {
                let place = places.to_string_lossy();
                let place = place.split(", ").next().unwrap_or_default();
                format!("{place}: {}", text.to_string_lossy()).into_lua(lua)
            }
            other => Ok(other),
        })
    }

    /// What a script catches of an error that one of our functions throws.
    pub(super) fn thrown(&self, lua: &Lua, raised: Raised) -> mlua::Result<mlua::Value> {
        match raised {
            Raised::Stop => "the script is over".into_lua(lua),
            raised => match self.write(lua, &raised.value())? {
                Ok(value) => Ok(value),
                Err(_beyond) => "an error that holds a number beyond what Luau can".into_lua(lua),
            },
        }
    }

    /// A metatable of one table, like that of all.
    fn table_with(&self, lua: &Lua) -> mlua::Result<Table> {
        let meta = lua.create_table()?;
        meta.raw_set("__index", self.table.raw_get::<mlua::Value>("__index")?)?;
        Ok(meta)
    }

    /// The script's value of a host's value.
    ///
    /// # Errors
    /// When it holds an integer that the language cannot, or memory is used up.
    pub(super) fn write(&self, lua: &Lua, from: &Value) -> mlua::Result<Result<mlua::Value, Raised>> {
        let written = match from {
            Value::Null => mlua::Nil,
            Value::Bool(b) => mlua::Value::Boolean(*b),
            Value::Int(i) if (-EXACT..=EXACT).contains(i) => mlua::Value::Integer(*i),
            Value::Int(i) => {
                return Ok(Err(argument(format!("{i} is beyond what a number of Luau holds exactly"))));
            }
            Value::Float(x) => mlua::Value::Number(*x),
            Value::Text(text) => text.as_str().into_lua(lua)?,
            Value::List(items) => {
                let list = lua.create_table_with_capacity(items.len(), 0)?;
                for item in items {
                    match self.write(lua, item)? {
                        Ok(item) => list.raw_push(item)?,
                        Err(raised) => return Ok(Err(raised)),
                    }
                }
                if items.is_empty() {
                    list.set_metatable(Some(self.list.clone()))?;
                }
                mlua::Value::Table(list)
            }
            Value::Map(fields) => {
                let table = lua.create_table_with_capacity(0, fields.len())?;
                for (key, item) in fields {
                    match self.write(lua, item)? {
                        Ok(item) => table.raw_set(key.as_str(), item)?,
                        Err(raised) => return Ok(Err(raised)),
                    }
                }
                let mut nothings = fields.iter().filter(|(_, item)| **item == Value::Null).peekable();
                let meta = match nothings.peek() {
                    None => self.table.clone(),
                    Some(_) => {
                        let meta = self.table_with(lua)?;
                        let names = lua.create_table_from(nothings.map(|(key, _)| (key.as_str(), true)))?;
                        meta.raw_set(NOTHINGS, names)?;
                        meta
                    }
                };
                table.set_metatable(Some(meta))?;
                mlua::Value::Table(table)
            }
        };
        Ok(Ok(written))
    }

    /// The host's value of a script's value.
    ///
    /// # Errors
    /// When it nests too deep or is of a kind that stays in the script.
    pub(super) fn read(&self, from: &mlua::Value) -> Result<Value, Uncrossable> {
        self.cross(from, DEPTH_LIMIT, &Err)
    }

    /// The same for evidence: what cannot cross is named instead of refused.
    pub(super) fn evidence(&self, from: &mlua::Value) -> Value {
        self.cross(from, DEPTH_LIMIT, &|refused| Ok(refused.named())).unwrap_or_default()
    }

    /// The recursion is bounded by `depth`, whatever the script has built.
    fn cross(&self, from: &mlua::Value, depth: usize, refused: Refused<'_>) -> Result<Value, Uncrossable> {
        match from {
            mlua::Value::Nil => Ok(Value::Null),
            mlua::Value::Boolean(b) => Ok(Value::Bool(*b)),
            mlua::Value::Integer(i) => Ok(Value::Int(*i)),
            mlua::Value::Number(x) if x.is_finite() => Ok(Value::Float(*x)),
            mlua::Value::Number(_) => refused(Uncrossable::NotFinite),
            mlua::Value::String(_) => text(from).map(Value::Text).or_else(refused),
            mlua::Value::Table(table) => match depth.checked_sub(1) {
                Some(depth) => self.cross_table(table, depth, refused),
                None => refused(Uncrossable::TooDeep),
            },
            mlua::Value::Function(_) => refused(Uncrossable::Kind("function")),
            _ => refused(Uncrossable::Kind("value of the engine")),
        }
    }

    fn cross_table(&self, table: &Table, depth: usize, refused: Refused<'_>) -> Result<Value, Uncrossable> {
        match Contents::of(table) {
            Contents::Empty if table.metatable().as_ref() == Some(&self.list) => Ok(Value::List(Vec::new())),
            Contents::List(items) => items
                .iter()
                .map(|item| self.cross(item, depth, refused))
                .collect::<Result<_, _>>()
                .map(Value::List),
            Contents::Empty | Contents::Fields(_) | Contents::Mixed => {
                let Some(fields) = fields(table) else { return refused(Uncrossable::Mixed) };
                let crossed =
                    fields.into_iter().map(|(key, item)| Ok((key, self.cross(&item, depth, refused)?)));
                crossed.collect::<Result<_, _>>().map(Value::Map)
            }
        }
    }
}

type Refused<'a> = &'a dyn Fn(Uncrossable) -> Result<Value, Uncrossable>;

/// What a table holds.
enum Contents {
    Empty,
    List(Vec<mlua::Value>),
    Fields(BTreeMap<String, mlua::Value>),
    Mixed,
}

impl Contents {
    fn of(table: &Table) -> Self {
        let length = table.raw_len();
        let mut items = Vec::with_capacity(length);
        let mut fields = BTreeMap::new();
        for entry in table.pairs::<mlua::Value, mlua::Value>() {
            let Ok((key, item)) = entry else { return Self::Mixed };
            match key {
                mlua::Value::Integer(_) => items.push((key.as_integer().unwrap_or_default(), item)),
                mlua::Value::String(_) => match text(&key) {
                    Ok(key) => drop(fields.insert(key, item)),
                    Err(_) => return Self::Mixed,
                },
                _ => return Self::Mixed,
            }
        }
        items.sort_by_key(|(index, _)| *index);
        let in_a_row = items.iter().zip(1..).all(|((index, _), wanted)| *index == wanted);
        match (items.is_empty(), fields.is_empty()) {
            (true, true) => Self::Empty,
            (true, false) => Self::Fields(fields),
            (false, true) if in_a_row => Self::List(items.into_iter().map(|(_, item)| item).collect()),
            _ => Self::Mixed,
        }
    }
}

/// The fields of a table, with those that are nothing; none where it is a list or neither.
pub(super) fn fields(table: &Table) -> Option<BTreeMap<String, mlua::Value>> {
    let mut fields = match Contents::of(table) {
        Contents::Fields(fields) => fields,
        Contents::Empty => BTreeMap::new(),
        Contents::List(_) | Contents::Mixed => return None,
    };
    let nothings = table.metatable().and_then(|meta| meta.raw_get::<Table>(NOTHINGS).ok());
    for (key, _) in nothings.iter().flat_map(|names| names.pairs::<String, bool>().flatten()) {
        fields.entry(key).or_insert(mlua::Nil);
    }
    Some(fields)
}

/// The items of a list; none where the table has names.
pub(super) fn items(table: &Table) -> Option<Vec<mlua::Value>> {
    match Contents::of(table) {
        Contents::List(items) => Some(items),
        Contents::Empty => Some(Vec::new()),
        Contents::Fields(_) | Contents::Mixed => None,
    }
}

/// Where an error was thrown, if it is one of ours.
pub(super) fn places(thrown: &mlua::Value) -> Option<String> {
    let mlua::Value::Table(table) = thrown else { return None };
    table.metatable()?.raw_get::<String>(PLACES).ok()
}

/// A copy that shares no table with the original, so that what one branch of `par` does to it no other sees.
///
/// # Errors
/// When it nests too deep, as a table that holds itself does.
pub(super) fn detached(
    lua: &Lua,
    from: &mlua::Value,
    depth: usize,
) -> mlua::Result<Result<mlua::Value, Uncrossable>> {
    let mlua::Value::Table(table) = from else { return Ok(Ok(from.clone())) };
    let Some(depth) = depth.checked_sub(1) else { return Ok(Err(Uncrossable::TooDeep)) };
    let copy = lua.create_table()?;
    for entry in table.pairs::<mlua::Value, mlua::Value>() {
        let (key, item) = entry?;
        match detached(lua, &item, depth)? {
            Ok(item) => copy.raw_set(key, item)?,
            Err(deep) => return Ok(Err(deep)),
        }
    }
    copy.set_metatable(table.metatable())?;
    Ok(Ok(mlua::Value::Table(copy)))
}

fn text(from: &mlua::Value) -> Result<String, Uncrossable> {
    match from {
        mlua::Value::String(text) => {
            text.to_str().map(|text| text.to_owned()).map_err(|_| Uncrossable::NotText)
        }
        _ => Err(Uncrossable::Mixed),
    }
}
