//! `fabric evidence list`: the packets that the log tells of.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use fabric_evidence::log::{self, Entry, Line, PacketEntry, PrunedEntry};
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use serde_json::json;

use crate::args::{ListPackets, Output};
use crate::command::verify::model;
use crate::place::Place;
use crate::stream::say;

pub(super) fn list(place: &Place, args: &ListPackets) -> Result<Exit, Refusal> {
    let wanted = |entry: &&PacketEntry| {
        args.script.as_ref().is_none_or(|script| *script == entry.script)
            && args.realm.is_none_or(|realm| model(realm) == entry.realm)
    };
    let lines = lines(place)?;
    let pruned: BTreeMap<&str, &PrunedEntry> = lines
        .iter()
        .filter_map(|line| match &line.entry {
            Entry::Pruned(entry) => Some((entry.folder.as_str(), entry)),
            Entry::Packet(_) | Entry::Label(_) => None,
        })
        .collect();
    let entries: Vec<&PacketEntry> =
        lines.iter().filter_map(|line| line.entry.packet()).filter(wanted).collect();
    match args.output {
        Output::Human => entries.iter().for_each(|entry| {
            let PacketEntry { sealed, folder, realm, script, exit, .. } = entry;
            let gone = pruned.get(folder.as_str()).map(|end| format!(" (pruned at {})", end.at));
            let gone = gone.unwrap_or_default();
            say(format_args!("{sealed}  {folder}  {}  {script}: {exit}{gone}", realm.as_str()));
        }),
        Output::Json => {
            let shown = |entry: &&PacketEntry| {
                let mut shown = json!(entry);
                if let (Some(end), Some(members)) = (pruned.get(entry.folder.as_str()), shown.as_object_mut())
                {
                    members.insert("pruned".to_owned(), json!(end.at));
                }
                shown
            };
            let entries: Vec<_> = entries.iter().map(shown).collect();
            say(json!({"schema": "fabric.packets/1", "packets": entries}));
        }
        Output::Junit => return Err(super::no_report("a list")),
    }
    Ok(Exit::Done)
}

/// The log, if it is one chain. Whether it holds is not looked at.
pub(super) fn lines(place: &Place) -> Result<Vec<Line>, Refusal> {
    let path = place.runs().join(log::NAME);
    let shown = place.shorten(&path);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read
            .map_err(|error| Refusal::new(Exit::Configuration, format!("{shown} cannot be read: {error}")))?,
    };
    log::read(&bytes).map_err(|broken| {
        Refusal::new(Exit::Verification, format!("{shown} is not one chain: {broken}"))
            .hint("Run `fabric evidence log verify`.")
    })
}
