//! Selectors: what a script writes in the place of a host when it means "whoever holds the VIP now".

use std::fmt;
use std::str::FromStr;

use fabric_model::{Code, Fault, Slug, Stage, Value};

/// The arguments in which a selector may stand.
const ARGUMENTS: [&str; 2] = ["host", "guest"];

/// A host by what it is at this moment: `holder(vip:dns)` or `peer(vip:dns)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) which: Which,
    pub(crate) vip: Slug,
}

/// Which member of a VIP's pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The only one that holds it.
    Holder,
    /// The only other one.
    Peer,
}

/// The selectors among the arguments of a call, with the argument that each stands in.
pub(crate) fn among(arguments: &Value) -> Vec<(&'static str, Selector)> {
    let Value::Map(fields) = arguments else { return Vec::new() };
    let found = ARGUMENTS.into_iter().filter_map(|name| {
        let Value::Text(text) = fields.get(name)? else { return None };
        Some((name, text.parse().ok()?))
    });
    found.collect()
}

/// The arguments with a host in the place of a selector.
pub(crate) fn with_host(arguments: &Value, argument: &str, host: &Slug) -> Value {
    let mut arguments = arguments.clone();
    if let Value::Map(fields) = &mut arguments {
        fields.insert(argument.to_owned(), host.as_str().into());
    }
    arguments
}

impl Selector {
    /// The one host that it stands for, from the result of `vip.holder`.
    ///
    /// # Errors
    /// When there is none, or more than one, or a member did not say.
    pub(crate) fn pick(&self, answer: &Value) -> Result<Slug, Fault> {
        let answer: Members = answer
            .decode()
            .map_err(|misfit| Fault::new(Code::BugInternal, Stage::Observe, misfit.to_string()))?;
        let candidates = match self.which {
            Which::Holder => &answer.hosts,
            Which::Peer => &answer.peers,
        };
        match (candidates.as_slice(), answer.silent.is_empty()) {
            ([one], true) => Ok(one.clone()),
            (_, false) => Err(self.unclear("a member cannot be asked")),
            ([], _) => Err(self.unclear("there is none")),
            (many, _) => Err(self.unclear(&format!("there are {}", many.len()))),
        }
    }

    fn unclear(&self, why: &str) -> Fault {
        Fault::new(Code::PortNotFound, Stage::Observe, format!("resolve `{self}`: {why}"))
            .hint(format!("Look with `vip.holder` on `vip:{}` first; nothing is changed by guess.", self.vip))
    }
}

/// The part of a `vip.holder` result that a selector reads.
#[derive(serde::Deserialize)]
struct Members {
    hosts: Vec<Slug>,
    peers: Vec<Slug>,
    silent: Vec<serde::de::IgnoredAny>,
}

impl FromStr for Selector {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (word, rest) = text.split_once("(vip:").ok_or(())?;
        let which = match word {
            "holder" => Which::Holder,
            "peer" => Which::Peer,
            _ => return Err(()),
        };
        let vip = rest.strip_suffix(')').ok_or(())?.parse().map_err(|_| ())?;
        Ok(Self { which, vip })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.which {
            Which::Holder => "holder",
            Which::Peer => "peer",
        };
        write!(f, "{word}(vip:{})", self.vip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(hosts: &[&str], peers: &[&str], silent: usize) -> Value {
        let names = |names: &[&str]| Value::List(names.iter().map(|name| (*name).into()).collect());
        let silent = vec![Value::Null; silent];
        Value::table([("hosts", names(hosts)), ("peers", names(peers)), ("silent", Value::List(silent))])
    }

    #[test]
    fn a_selector_prints_as_it_is_written_and_nothing_else_is_one() {
        for text in ["holder(vip:dns)", "peer(vip:dns-gateway)"] {
            assert_eq!(text.parse::<Selector>().map(|s| s.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "dns-edge-1",
            "holder(dns)",
            "holder(vip:dns",
            "holder(vip:)",
            "owner(vip:dns)",
            "x holder(vip:dns)",
        ] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_is_clear_is_picked() {
        let holder: Selector = "holder(vip:dns)".parse().expect("a selector");
        let peer: Selector = "peer(vip:dns)".parse().expect("a selector");
        let clear = answer(&["a"], &["b"], 0);
        assert_eq!(holder.pick(&clear).map(|host| host.to_string()).as_deref(), Ok("a"));
        assert_eq!(peer.pick(&clear).map(|host| host.to_string()).as_deref(), Ok("b"));
        for unclear in [answer(&["a"], &[], 1), answer(&["a", "b"], &[], 0), answer(&[], &["a", "b"], 0)] {
            assert!(holder.pick(&unclear).is_err(), "{unclear:?}");
        }
    }

    #[test]
    fn a_selector_is_found_and_replaced_where_it_may_stand() {
        let arguments =
            Value::table([("host", "holder(vip:dns)".into()), ("unit", "holder(vip:dns)".into())]);
        let found = among(&arguments);
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["host"]);
        let replaced = with_host(&arguments, "host", &"a".parse().expect("a name"));
        assert!(among(&replaced).is_empty());
    }
}
