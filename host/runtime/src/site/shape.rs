//! From TOML to the types of the model. Serde stops at its first error, so in a wrong file each host, VIP, zone … is read by itself: a
//! wrong one does not hide the others.

use std::ops::Range;

use fabric_model::site::{self, Site};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, ValueDeserializer};

use super::report::Report;
use super::suggest;

/// The site, or nothing when something was found wrong.
pub(super) fn read(report: &mut Report<'_>) -> Option<Site> {
    if !report.is_clean() || !is_this_format(report) {
        return None;
    }
    let first = match Site::deserialize(Deserializer::from(report.tree().clone())) {
        Ok(site) => return Some(site),
        Err(error) => error,
    };
    let mut errors = shape_errors(report.tree());
    if errors.is_empty() {
        errors.push(first);
    }
    let whole = report.tree().span();
    for error in errors {
        note(report, &error, &whole);
    }
    None
}

/// Asked first, so that a file of a later format is called that and not a heap of unknown keys.
fn is_this_format(report: &mut Report<'_>) -> bool {
    let entries = report.tree().get_ref();
    let Some(value) = entries.iter().find(|(key, _)| key.get_ref() == "format").map(|(_, value)| value)
    else {
        report.whole("missing key `format`", format!("Begin the file with `format = {}`.", site::FORMAT));
        return false;
    };
    let written = value.get_ref().as_integer().and_then(|i| i.as_str().parse::<u32>().ok());
    if written == Some(site::FORMAT) {
        return true;
    }
    let message =
        format!("this format of the site file is unknown; this program reads format {}", site::FORMAT);
    report.at(&["format"], message, "Use the fabric release that the file was written for.");
    false
}

fn shape_errors(tree: &Spanned<DeTable<'_>>) -> Vec<toml::de::Error> {
    let entries = tree.get_ref();
    let mut errors = Vec::new();
    let mut hollow = tree.clone();
    for (key, value) in hollow.get_mut().iter_mut() {
        let section = key.get_ref().as_ref();
        let read: fn(Spanned<DeValue<'_>>) -> Option<toml::de::Error> = match section {
            "environments" => error_of::<site::Environment>,
            "planes" => error_of::<site::Plane>,
            "hosts" => error_of::<site::Host>,
            "vips" => error_of::<site::Vip>,
            "zones" => error_of::<site::Zone>,
            "vaults" => error_of::<site::Vault>,
            "secrets" => error_of::<site::SecretSource>,
            _ => continue,
        };
        let Some(section) = entries.get(section).and_then(|v| v.get_ref().as_table()) else { continue };
        errors.extend(section.iter().filter_map(|(_, entry)| read(entry.clone())));
        *value.get_mut() = DeValue::Table(DeTable::new());
    }
    // What is left is the frame around those sections.
    errors.extend(Site::deserialize(Deserializer::from(hollow)).err());
    errors
}

fn error_of<T: DeserializeOwned>(entry: Spanned<DeValue<'_>>) -> Option<toml::de::Error> {
    T::deserialize(ValueDeserializer::from(entry)).err()
}

/// Records a serde error in the words of this program.
fn note(report: &mut Report<'_>, error: &toml::de::Error, whole: &Range<usize>) {
    let (message, hint) = reworded(error.message());
    match error.span() {
        Some(span) if span != *whole => report.at_offset(span.start, message, hint),
        _ => report.whole(message, hint),
    }
}

/// Serde calls keys fields, and puts the names it speaks of between backticks: first the one it met, then those it knows.
fn reworded(message: &str) -> (String, String) {
    let mut names = message.split('`').skip(1).step_by(2);
    let met = names.next().unwrap_or_default();
    if message.starts_with("unknown field") {
        let hint = suggest::hint(met, names, "Remove it: nothing reads it.");
        return (format!("unknown key `{met}`"), hint);
    }
    if message.starts_with("missing field") {
        let hint = format!("Add `{met} = …`; `fabric schema site` describes it.");
        return (format!("missing key `{met}`"), hint);
    }
    if message.starts_with("unknown variant") {
        let hint = suggest::hint(met, names, "Write one of the known words.");
        return (format!("`{met}` is not a word that fits here"), hint);
    }
    let hint = if message.contains("IP address") {
        "Write an address as `192.0.2.1`, one with its prefix length as `192.0.2.1/24`."
    } else if message.contains("is not a name") {
        "Use letters, digits and `._@:+-`, beginning with a letter or digit."
    } else {
        "`fabric schema site` describes what belongs here."
    };
    (message.lines().next().unwrap_or_default().to_owned(), hint.to_owned())
}
