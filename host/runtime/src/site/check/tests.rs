//! One defect at a time, planted into the Samakia site: each must give exactly the diagnostic it deserves, at its place.

mod defects;

use defects::{Defect, HEAD, HOSTS, MARK, PLANES, VIPS, ZONES};

use super::super::parse;

const SAMAKIA: &str = include_str!("../../../../../fabric.toml");

/// The site with a defect, and the first lines of the diagnostics that must follow.
fn plant(&(edits, messages): &Defect) -> (String, Vec<String>) {
    let mut text = SAMAKIA.to_owned();
    for (sound, defective) in edits {
        assert_eq!(SAMAKIA.matches(sound).count(), 1, "not once in the site: {sound}");
        text = text.replace(sound, defective);
    }
    let mut places = Vec::new();
    while let Some((before, after)) = text.split_once(MARK) {
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        places.push(format!("{}:{column}", before.matches('\n').count() + 1));
        text = format!("{before}{after}");
    }
    let messages: Vec<_> = messages.split('|').collect();
    if let [only] = places.as_slice() {
        places = vec![only.clone(); messages.len()];
    }
    assert_eq!(places.len(), messages.len(), "a mark for each message: {messages:?}");
    let wanted =
        places.iter().zip(messages).map(|(place, message)| format!("fabric.toml:{place}: {message}"));
    (text, wanted.collect())
}

#[test]
fn the_site_without_defects_has_no_diagnostic() {
    assert_eq!(parse("fabric.toml", SAMAKIA).err(), None);
}

#[test]
fn each_planted_defect_gives_exactly_its_diagnostic() {
    let mut wrong = Vec::new();
    for defect in [HEAD, PLANES, HOSTS, VIPS, ZONES].into_iter().flatten() {
        let (text, wanted) = plant(defect);
        let found = parse("fabric.toml", &text).err().unwrap_or_default();
        let lines: Vec<String> =
            found.iter().map(|d| d.to_string().lines().next().unwrap_or_default().to_owned()).collect();
        if lines != wanted {
            wrong.push(format!("wanted {wanted:#?}\nfound  {lines:#?}\n"));
        }
        for diagnostic in found {
            let hint = diagnostic.hint.clone().unwrap_or_default();
            let is_sentence = hint.ends_with(['.', '?']) && !hint.starts_with(|c: char| c.is_lowercase());
            if !is_sentence {
                wrong.push(format!("a hint is a full sentence: {diagnostic}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn all_defects_of_a_file_are_reported_in_its_order() {
    let text = SAMAKIA
        .replace("tag = 140", "tag = 4095")
        .replace("vmid = 3112", "vmid = 3111")
        .replace("BC:24:11:AD:49:D2", "BC:24:11:AD:49:D1")
        .replace("[\"db.internal.shared.\"]", "[\"db.internal.shared\"]");
    let found = parse("fabric.toml", &text).expect_err("four defects");
    let words = ["VLAN tag", "VM id", "MAC address", "full name"];
    assert_eq!(found.len(), words.len(), "{found:#?}");
    for (diagnostic, word) in found.iter().zip(words) {
        assert!(diagnostic.message.contains(word), "{diagnostic}");
    }
}

#[test]
fn a_wrong_host_does_not_hide_a_wrong_vip() {
    let text = SAMAKIA
        .replace("vmid = 3112", "vmdi = 3112")
        .replace("vrid = 41", "vrid = 256")
        .replace("[ssh]", "[shh]");
    let found = parse("fabric.toml", &text).expect_err("three tables do not fit");
    let messages: Vec<_> = found.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        messages,
        ["unknown key `shh`", "unknown key `vmdi`", "invalid value: integer `256`, expected u8"]
    );
    let hints: Vec<_> = found.iter().filter_map(|d| d.hint.as_deref()).collect();
    assert_eq!(hints.first().copied(), Some("Did you mean `ssh`?"));
    assert_eq!(hints.get(1).copied(), Some("Did you mean `vmid`?"));
}

#[test]
fn syntax_errors_come_alone_and_missing_sections_by_name() {
    let broken = SAMAKIA.replace("tag = 140", "tag = = 140").replace("vrid = 41", "vrid = ");
    let found = parse("fabric.toml", &broken).expect_err("it is not TOML");
    assert_eq!(found.len(), 2, "{found:#?}");
    let found = parse("fabric.toml", "format = 1\n").expect_err("nearly everything is missing");
    assert_eq!(found.first().map(|d| (d.line, d.message.as_str())), Some((0, "missing key `site`")));
    let found = parse("fabric.toml", "").expect_err("everything is missing");
    assert_eq!(found.first().map(|d| (d.line, d.message.as_str())), Some((0, "missing key `format`")));
}
