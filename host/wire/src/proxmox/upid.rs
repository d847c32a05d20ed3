//! The name of a task.

use std::fmt;
use std::str::FromStr;

use fabric_model::Slug;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest text that is taken for one, in bytes. Node, type, object and account are names of some ten characters each.
const LENGTH_LIMIT: usize = 256;

/// The unique name of a task, as the API gives it to whoever started it:
/// `UPID:pve1:0000010F:0004AEA0:6B01315C:vzstart:112:root@pam!lab:`. It says on which node the task is to be asked about, which may
/// be another than the one that answered. Prints as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Upid {
    text: String,
    node: Slug,
    kind: String,
    object: String,
}

/// Why a text is not a [`Upid`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a Proxmox task")]
pub struct NotAUpid(String);

impl Upid {
    /// The node that runs it.
    pub fn node(&self) -> &Slug {
        &self.node
    }

    /// What it does: `vzstart`, `vzstop` …
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// To what it does it: a guest's number, or nothing.
    pub fn object(&self) -> &str {
        &self.object
    }
}

impl FromStr for Upid {
    type Err = NotAUpid;

    fn from_str(text: &str) -> Result<Self, NotAUpid> {
        parse(text).ok_or_else(|| {
            let shown = text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c });
            NotAUpid(shown.collect())
        })
    }
}

fn parse(text: &str) -> Option<Upid> {
    // The account ends the name with a colon of its own; it is the only part that may hold further punctuation.
    let parts: Vec<&str> = text.strip_prefix("UPID:")?.strip_suffix(':')?.split(':').collect();
    let [node, pid, pstart, start, kind, object, user] = parts.as_slice() else { return None };
    let hex = |part: &str, lengths: &[usize]| {
        lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let visible = |part: &str| part.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    // The time at which the process began, in ticks since the node's boot, outgrows eight digits after 497 days.
    let sound = text.len() <= LENGTH_LIMIT
        && hex(pid, &[8])
        && hex(pstart, &[8, 9])
        && hex(start, &[8])
        && !kind.is_empty()
        && !user.is_empty()
        && [*kind, *object, *user].into_iter().all(visible);
    let node: Slug = node.parse().ok().filter(|_| sound)?;
    Some(Upid { text: text.to_owned(), node, kind: (*kind).to_owned(), object: (*object).to_owned() })
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Upid {
    type Error = NotAUpid;

    fn try_from(text: String) -> Result<Self, NotAUpid> {
        text.parse()
    }
}

impl From<Upid> for String {
    fn from(upid: Upid) -> Self {
        upid.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: &str = "UPID:pve1:0000010F:0004AEA0:6B01315C:vzstart:112:root@pam!lab:";

    #[test]
    fn a_task_names_its_node_its_kind_and_its_object() {
        let upid: Upid = START.parse().expect("a task");
        assert_eq!((upid.node().as_str(), upid.kind(), upid.object()), ("pve1", "vzstart", "112"));
        assert_eq!(upid.to_string(), START);
        let whole: Upid =
            "UPID:pve1:000000CF:0004AD85:6B013159:reloadnetworkall::root@pam:".parse().expect("a task");
        assert_eq!(whole.object(), "");
        assert!(START.replace("0004AEA0", "10004AEA0").parse::<Upid>().is_ok());
    }

    #[test]
    fn what_names_no_task_is_refused() {
        for bad in [
            "",
            "OK",
            "UPID:",
            "UPID:pve1:0:0:0:x::root@pam:",
            &START.replace("UPID", "upid"),
            &START.replace("pve1", "../pve1"),
            &START.replace("pve1", ""),
            &START.replace("0000010F", "0000010G"),
            &START.replace("6B01315C", "6B01315C0"),
            &START.replace("vzstart", ""),
            &START.replace("vzstart", "vz/start"),
            &START.replace("112", "1 12"),
            &START.replace("root@pam!lab", ""),
            &START.replace("root@pam!lab", "root\n"),
            START.trim_end_matches(':'),
            &format!("{START}:"),
            &format!("{START}\n"),
            &START.replace("112", &"1".repeat(LENGTH_LIMIT)),
        ] {
            assert!(bad.parse::<Upid>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_task_prints_as_it_was_read(text in "UPID:[a-z0-9]{1,9}:([0-9A-F]{8}:){3}[a-z]{1,9}:[0-9]{0,4}:[a-z]{1,9}@pam(![a-z]{1,9})?:") {
            prop_assert_eq!(text.parse::<Upid>().expect("a task").to_string(), text);
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = text.parse::<Upid>();
            let _ = format!("UPID:{text}:").parse::<Upid>();
        }
    }
}
