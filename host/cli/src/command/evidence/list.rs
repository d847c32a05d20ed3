//! `fabric evidence list`: the packets that the log tells of.

use std::fs;
use std::io::ErrorKind;

use fabric_evidence::log::{self, Entry};
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use serde_json::json;

use crate::args::{ListPackets, Output};
use crate::command::verify::model;
use crate::place::Place;
use crate::stream::say;

pub(crate) fn list(place: &Place, args: &ListPackets) -> Result<Exit, Refusal> {
    let wanted = |entry: &Entry| {
        args.script.as_ref().is_none_or(|script| *script == entry.script)
            && args.realm.is_none_or(|realm| model(realm) == entry.realm)
    };
    let entries: Vec<Entry> = entries(place)?.into_iter().filter(wanted).collect();
    match args.output {
        Output::Human => entries.iter().for_each(|entry| {
            let Entry { sealed, folder, realm, script, exit, .. } = entry;
            say(format_args!("{sealed}  {folder}  {}  {script}: {exit}", realm.as_str()));
        }),
        Output::Json => say(json!({"schema": "fabric.packets/1", "packets": entries})),
        _ => return Err(Refusal::new(Exit::Usage, "a list is no test report: use human or json")),
    }
    Ok(Exit::Done)
}

fn entries(place: &Place) -> Result<Vec<Entry>, Refusal> {
    let path = place.runs().join(log::NAME);
    let shown = place.shorten(&path);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read
            .map_err(|error| Refusal::new(Exit::Configuration, format!("{shown} cannot be read: {error}")))?,
    };
    let lines = log::read(&bytes).map_err(|broken| {
        Refusal::new(Exit::Verification, format!("{shown} is not one chain: {broken}"))
            .hint("Run `fabric evidence log verify`.")
    })?;
    Ok(lines.into_iter().map(|line| line.entry).collect())
}
