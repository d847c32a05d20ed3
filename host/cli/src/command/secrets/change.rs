//! What changes the store. Values are read before it is locked.

use std::path::Path;
use std::time::SystemTime;

use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use fabric_runtime::site::{KeyPath, Store};

use super::{At, value};
use crate::stream::{say, tell};

pub(super) fn init(store: &Store) -> Result<Exit, Refusal> {
    let public = store.init()?;
    say(format_args!("store     {}", store.path().display()));
    say(format_args!("identity  {public}"));
    tell("keep a copy of the identity's file apart from the store: without it nobody opens the store again");
    Ok(Exit::Done)
}

pub(super) fn import(store: &Store, file: &Path, passphrase: Option<&Path>) -> Result<Exit, Refusal> {
    store.read()?;
    let passphrase = match passphrase {
        Some(file) => Store::passphrase(file)?,
        None => value::passphrase()?,
    };
    let count = store.import(file, &passphrase, SystemTime::now())?;
    say(format_args!("imported  {count} value(s)"));
    tell(format_args!(
        "once everything reads them from the store, destroy {} and its copies",
        file.display()
    ));
    Ok(Exit::Done)
}

pub(super) fn put(store: &Store, at: &At, generate: Option<usize>) -> Result<Exit, Refusal> {
    let At { key, field } = at;
    // So that nobody types a value for a store that cannot be opened.
    store.read()?;
    let value = value::of(at, generate)?;
    store.change(|entries| entries.put(key, field, value, SystemTime::now()))?;
    say(format_args!("put  {key}  {field}"));
    Ok(Exit::Done)
}

pub(super) fn rotate(store: &Store, at: &At, generate: Option<usize>) -> Result<Exit, Refusal> {
    let At { key, field } = at;
    store.read()?;
    let value = value::of(at, generate)?;
    store.change(|entries| entries.rotate(key, field, value, SystemTime::now()))?;
    say(format_args!("rotated  {key}  {field}"));
    tell(format_args!(
        "the former value is kept: `fabric secrets rotate {key} {field} --settle` forgets it, `--undo` takes it back"
    ));
    Ok(Exit::Done)
}

pub(super) fn settle(store: &Store, at: &At) -> Result<Exit, Refusal> {
    let At { key, field } = at;
    store.change(|entries| entries.settle(key, field))?;
    say(format_args!("settled  {key}  {field}"));
    Ok(Exit::Done)
}

pub(super) fn undo(store: &Store, at: &At) -> Result<Exit, Refusal> {
    let At { key, field } = at;
    store.change(|entries| entries.undo(key, field, SystemTime::now()))?;
    say(format_args!("rotated back  {key}  {field}"));
    Ok(Exit::Done)
}

pub(super) fn remove(store: &Store, key: &KeyPath, field: Option<&Slug>) -> Result<Exit, Refusal> {
    let removed = store.change(|entries| entries.remove(key, field))?;
    say(format_args!("removed  {key}  ({removed} field(s))"));
    Ok(Exit::Done)
}
