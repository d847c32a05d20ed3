//! Reads nft's text form: whole rulesets, as renderers write them and `nft list ruleset` prints them.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::lexer::{Kind, Token, tokens};
use super::ruleset::{Base, Chain, Item, Key, PRIORITIES, Part, Rule, Ruleset, Set, Table, Values, Verdict};

/// Why a text is no ruleset, as nft prints it without the name of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:1-1: Error: {message}")]
pub(crate) struct SyntaxError {
    line: usize,
    message: String,
}

impl SyntaxError {
    pub(super) fn at(line: usize, message: &str) -> Self {
        Self { line, message: message.to_owned() }
    }
}

type Read<T> = Result<T, SyntaxError>;

/// The asides with the words that may follow each.
const ASIDES: [&str; 4] = ["counter", "log", "limit", "notrack"];

impl Ruleset {
    /// What is loaded once a text is read over what was there before: all of it, or nothing of it.
    ///
    /// # Errors
    /// When the text is no ruleset, or names a chain or set that is not there.
    pub(crate) fn load(&self, text: &str) -> Result<Self, SyntaxError> {
        let tokens = tokens(text)?;
        let mut reader = Reader { tokens: &tokens, at: 0 };
        let mut loaded = self.clone();
        while reader.skip_ends() {
            reader.command(&mut loaded)?;
        }
        loaded.whole().map_err(|missing| SyntaxError::at(1, &missing))?;
        Ok(loaded)
    }

    /// Whether every chain and set that is named is there.
    fn whole(&self) -> Result<(), String> {
        for table in &self.tables {
            let parts = table.chains.iter().flat_map(|chain| &chain.rules).flat_map(|rule| &rule.parts);
            for part in parts {
                let missing = match part {
                    Part::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) => {
                        table.chains.iter().all(|chain| chain.name != *name)
                    }
                    Part::Match { values: Values::Named(name), .. } => {
                        table.sets.iter().all(|set| set.name != *name)
                    }
                    _ => false,
                };
                if missing {
                    return Err("No such file or directory".to_owned());
                }
            }
        }
        Ok(())
    }

    fn table(&mut self, family: &str, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.family == family && table.name == name)
    }
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn next(&mut self) -> Option<&'a Kind> {
        let kind = self.peek();
        self.at += 1;
        kind
    }

    /// The error about the token that was taken last.
    fn unexpected(&self) -> SyntaxError {
        let token = self.at.checked_sub(1).and_then(|last| self.tokens.get(last));
        let what = match token.map(|token| &token.kind) {
            Some(Kind::Word(word) | Kind::Quoted(word)) => word.clone(),
            Some(Kind::Mark(mark)) => mark.to_string(),
            Some(Kind::End) => "newline".to_owned(),
            None => "end of file".to_owned(),
        };
        let line = token.or(self.tokens.last()).map_or(1, |token| token.line);
        SyntaxError::at(line, &format!("syntax error, unexpected {what}"))
    }

    /// Passes over ends. Gives whether anything follows.
    fn skip_ends(&mut self) -> bool {
        while self.peek() == Some(&Kind::End) {
            self.at += 1;
        }
        self.peek().is_some()
    }

    fn word(&mut self) -> Read<&'a str> {
        match self.next() {
            Some(Kind::Word(word)) => Ok(word),
            _ => Err(self.unexpected()),
        }
    }

    fn mark(&mut self, wanted: char) -> Read<()> {
        if self.next() == Some(&Kind::Mark(wanted)) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn takes(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(&Kind::Mark(wanted));
        self.at += usize::from(there);
        there
    }

    fn command(&mut self, ruleset: &mut Ruleset) -> Read<()> {
        match self.word()? {
            "flush" => match self.word()? {
                "ruleset" => ruleset.tables.clear(),
                "table" => {
                    let place = self.named_table(ruleset)?;
                    if let Some(table) = ruleset.tables.get_mut(place) {
                        table.chains.iter_mut().for_each(|chain| chain.rules.clear());
                    }
                }
                _ => return Err(self.unexpected()),
            },
            "delete" => {
                if self.word()? != "table" {
                    return Err(self.unexpected());
                }
                let place = self.named_table(ruleset)?;
                ruleset.tables.remove(place);
            }
            "add" => match self.word()? {
                "table" => self.add_table(ruleset)?,
                "rule" => {
                    let place = self.named_table(ruleset)?;
                    let chain = self.word()?;
                    let missing = SyntaxError::at(1, "No such file or directory");
                    let table = ruleset.tables.get_mut(place).ok_or_else(|| missing.clone())?;
                    let chain = table.chains.iter_mut().find(|known| known.name == chain);
                    chain.ok_or(missing)?.rules.push(self.rule()?);
                }
                _ => return Err(self.unexpected()),
            },
            "table" => self.add_table(ruleset)?,
            _ => return Err(self.unexpected()),
        }
        Ok(())
    }

    fn family_and_name(&mut self) -> Read<(String, String)> {
        let first = self.word()?;
        let families = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];
        if families.contains(&first) {
            return Ok((first.to_owned(), self.word()?.to_owned()));
        }
        Ok(("ip".to_owned(), first.to_owned()))
    }

    fn named_table(&mut self, ruleset: &mut Ruleset) -> Read<usize> {
        let (family, name) = self.family_and_name()?;
        let missing = || SyntaxError::at(1, "Could not process rule: No such file or directory");
        ruleset.table(&family, &name).ok_or_else(missing)
    }

    fn add_table(&mut self, ruleset: &mut Ruleset) -> Read<()> {
        let (family, name) = self.family_and_name()?;
        let place = match ruleset.table(&family, &name) {
            Some(place) => place,
            None => {
                ruleset.tables.push(Table { family, name, sets: Vec::new(), chains: Vec::new() });
                ruleset.tables.len() - 1
            }
        };
        let Some(table) = ruleset.tables.get_mut(place) else { return Ok(()) };
        if !self.takes('{') {
            return Ok(());
        }
        loop {
            self.skip_ends();
            if self.takes('}') {
                return Ok(());
            }
            match self.word()? {
                "chain" => self.chain(table)?,
                "set" => {
                    let set = self.set()?;
                    table.sets.push(set);
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn set(&mut self) -> Read<Set> {
        let name = self.word()?.to_owned();
        let mut set = Set { name, kind: String::new(), flags: Vec::new(), elements: Vec::new() };
        self.mark('{')?;
        loop {
            self.skip_ends();
            if self.takes('}') {
                return if set.kind.is_empty() { Err(self.unexpected()) } else { Ok(set) };
            }
            match self.word()? {
                "type" => set.kind = self.word()?.to_owned(),
                "flags" => {
                    set.flags.push(self.word()?.to_owned());
                    while self.takes(',') {
                        set.flags.push(self.word()?.to_owned());
                    }
                }
                "auto-merge" => {}
                "elements" => {
                    self.mark('=')?;
                    self.mark('{')?;
                    set.elements = self.items()?;
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn chain(&mut self, table: &mut Table) -> Read<()> {
        let name = self.word()?;
        self.mark('{')?;
        let mut base = None;
        let mut rules = Vec::new();
        loop {
            self.skip_ends();
            if self.takes('}') {
                break;
            }
            match self.peek() {
                Some(Kind::Word(word)) if word == "type" => {
                    self.at += 1;
                    base = Some(self.base()?);
                }
                Some(Kind::Word(word)) if word == "policy" => {
                    self.at += 1;
                    let drops = match self.word()? {
                        "drop" => true,
                        "accept" => false,
                        _ => return Err(self.unexpected()),
                    };
                    match &mut base {
                        Some(base) => base.drops = drops,
                        None => return Err(self.unexpected()),
                    }
                }
                _ => rules.push(self.rule()?),
            }
        }
        match table.chains.iter_mut().find(|chain| chain.name == name) {
            Some(known) => {
                known.base = base.or(known.base.take());
                known.rules.extend(rules);
            }
            None => table.chains.push(Chain { name: name.to_owned(), base, rules }),
        }
        Ok(())
    }

    fn base(&mut self) -> Read<Base> {
        let kind = self.word()?.to_owned();
        if !["filter", "nat", "route"].contains(&kind.as_str()) || self.word()? != "hook" {
            return Err(self.unexpected());
        }
        let hook = self.word()?.to_owned();
        let hooks = ["prerouting", "input", "forward", "output", "postrouting", "ingress"];
        if !hooks.contains(&hook.as_str()) || self.word()? != "priority" {
            return Err(self.unexpected());
        }
        let word = self.word()?;
        let named = PRIORITIES.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
        let number = named.or_else(|| word.parse().ok());
        let mut priority = number.ok_or_else(|| self.unexpected())?;
        if let Some(Kind::Word(sign)) = self.peek()
            && ["+", "-"].contains(&sign.as_str())
        {
            self.at += 1;
            let offset: i32 = self.word()?.parse().map_err(|_| self.unexpected())?;
            priority += if sign == "-" { -offset } else { offset };
        }
        Ok(Base { kind, hook, priority, drops: false })
    }

    fn rule(&mut self) -> Read<Rule> {
        let mut rule = Rule { parts: Vec::new(), comment: None };
        loop {
            match self.peek() {
                None | Some(Kind::End) => break,
                Some(Kind::Mark('}')) => break,
                Some(Kind::Word(word)) if word == "comment" => {
                    self.at += 1;
                    match self.next() {
                        Some(Kind::Quoted(text)) => rule.comment = Some(text.clone()),
                        _ => return Err(self.unexpected()),
                    }
                }
                Some(_) => rule.parts.push(self.part()?),
            }
        }
        if rule.parts.is_empty() { Err(self.unexpected()) } else { Ok(rule) }
    }

    fn part(&mut self) -> Read<Part> {
        let word = self.word()?;
        let verdict = match word {
            "accept" => Some(Verdict::Accept),
            "drop" => Some(Verdict::Drop),
            "return" => Some(Verdict::Return),
            "masquerade" => {
                self.rest();
                Some(Verdict::Masquerade)
            }
            "reject" => Some(Verdict::Reject(self.rest())),
            "jump" => Some(Verdict::Jump(self.word()?.to_owned())),
            "goto" => Some(Verdict::Goto(self.word()?.to_owned())),
            "snat" | "dnat" | "redirect" => {
                let rest = self.rest();
                Some(Verdict::Translate(if rest.is_empty() {
                    word.to_owned()
                } else {
                    format!("{word} {rest}")
                }))
            }
            _ => None,
        };
        if let Some(verdict) = verdict {
            return Ok(Part::Verdict(verdict));
        }
        if ASIDES.contains(&word) {
            return Ok(Part::Aside(self.aside(word)));
        }
        let key = self.key(word)?;
        let negated = self.takes('!');
        let values = self.values()?;
        Ok(Part::Match { key, negated, values })
    }

    /// What is left of a statement that ends its rule; a comment is the rule's.
    fn rest(&mut self) -> String {
        let mut words = Vec::new();
        while let Some(Kind::Word(word) | Kind::Quoted(word)) = self.peek() {
            if word == "comment" {
                break;
            }
            words.push(word.clone());
            self.at += 1;
        }
        words.join(" ")
    }

    fn aside(&mut self, first: &str) -> String {
        let known = ["packets", "bytes", "prefix", "level", "flags", "group", "rate", "over", "burst"];
        let mut words = vec![first.to_owned()];
        // Each known word brings one that it is about; `limit rate over 5/second` and `burst 5 packets` run on.
        while let Some(Kind::Word(word)) = self.peek() {
            if !known.contains(&word.as_str()) {
                break;
            }
            words.push(word.clone());
            self.at += 1;
            if let Some(Kind::Quoted(text)) = self.peek() {
                words.push(format!("\"{text}\""));
                self.at += 1;
            } else if let Some(Kind::Word(value)) = self.peek()
                && !known.contains(&value.as_str())
                && !["packets", "bytes"].contains(&word.as_str()) | (first == "counter")
            {
                words.push(value.clone());
                self.at += 1;
            }
        }
        // What was counted before the text was written down is not counted again.
        if first == "counter" { first.to_owned() } else { words.join(" ") }
    }

    fn key(&mut self, word: &str) -> Read<Key> {
        let word = if word == "meta" { self.word()? } else { word };
        Ok(match word {
            "iif" | "iifname" => Key::Interface { word: word.to_owned(), incoming: true },
            "oif" | "oifname" => Key::Interface { word: word.to_owned(), incoming: false },
            "l4proto" => Key::Protocol { word: "meta l4proto".to_owned() },
            "nfproto" | "mark" | "pkttype" => Key::Foreign(format!("meta {word}")),
            "ip" => match self.word()? {
                "saddr" => Key::Address { source: true },
                "daddr" => Key::Address { source: false },
                "protocol" => Key::Protocol { word: "ip protocol".to_owned() },
                other => Key::Foreign(format!("ip {other}")),
            },
            "tcp" | "udp" | "th" => match self.word()? {
                "dport" => Key::Port { carrier: word.to_owned(), source: false },
                "sport" => Key::Port { carrier: word.to_owned(), source: true },
                other => Key::Foreign(format!("{word} {other}")),
            },
            "ct" => match self.word()? {
                "state" => Key::State,
                other => Key::Foreign(format!("ct {other}")),
            },
            "ip6" | "icmp" | "icmpv6" | "ether" | "arp" | "vlan" => {
                Key::Foreign(format!("{word} {}", self.word()?))
            }
            _ => return Err(self.unexpected()),
        })
    }

    fn values(&mut self) -> Read<Values> {
        if self.takes('{') {
            // nft keeps no set for one element.
            let items = self.items()?;
            return Ok(if items.len() == 1 { Values::Listed(items) } else { Values::Braced(items) });
        }
        if let Some(Kind::Word(word)) = self.peek()
            && let Some(name) = word.strip_prefix('@')
        {
            self.at += 1;
            return Ok(Values::Named(name.to_owned()));
        }
        let mut items = vec![self.item()?];
        while self.takes(',') {
            items.push(self.item()?);
        }
        Ok(Values::Listed(items))
    }

    /// The rest of a set, up to and with its closing brace.
    fn items(&mut self) -> Read<Vec<Item>> {
        let mut items = Vec::new();
        loop {
            self.skip_ends();
            if self.takes('}') {
                return Ok(items);
            }
            items.push(self.item()?);
            self.skip_ends();
            if !self.takes(',') {
                self.mark('}')?;
                return Ok(items);
            }
        }
    }

    fn item(&mut self) -> Read<Item> {
        match self.next() {
            Some(Kind::Quoted(text)) => Ok(Item::Word(text.clone())),
            Some(Kind::Word(word)) => item(word).ok_or_else(|| self.unexpected()),
            _ => Err(self.unexpected()),
        }
    }
}

/// A value as a word: what looks like an address or a number must be one.
fn item(word: &str) -> Option<Item> {
    if let Some((first, last)) = word.split_once('-') {
        if let (Ok(first), Ok(last)) = (first.parse::<Ipv4Addr>(), last.parse()) {
            return (first <= last).then_some(Item::Addresses(first, last));
        }
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse()) {
            return (first <= last).then_some(Item::Numbers(first, last));
        }
    }
    if let Ok(number) = word.parse() {
        return Some(Item::Number(number));
    }
    if let Ok(address) = word.parse() {
        return Some(Item::Address(address));
    }
    if let Ok(network) = word.parse::<Ipv4Net>() {
        let whole = network.prefix_len() == 32;
        return Some(if whole { Item::Address(network.addr()) } else { Item::Net(network.trunc()) });
    }
    if word.contains(':') {
        let six = word.parse::<Ipv6Addr>().is_ok() || word.parse::<Ipv6Net>().is_ok();
        return six.then(|| Item::Word(word.to_owned()));
    }
    let like_an_address = word.contains(['.', '/']) && word.starts_with(|first: char| first.is_ascii_digit());
    (!like_an_address).then(|| Item::Word(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "#!/usr/sbin/nft -f
flush ruleset
table inet filter {
  set control { type ipv4_addr; flags interval; elements = { 192.168.11.0/24, 10.0.0.1-10.0.0.9,
    10.1.0.1 } }
  chain input {
    type filter hook input priority 0; policy drop;
    iif \"lo\" accept
    ct state established,related accept
    ct state invalid counter packets 1 bytes 2 drop
    ip saddr @control tcp dport { 22, 8000-8010 } accept comment \"the way in\"
    ip protocol vrrp ip saddr != 10.9.9.9 accept
    icmpv6 type { echo-request, nd-neighbor-solicit } accept
    limit rate 5/second burst 5 packets log prefix \"dropped: \" jump last
  }
  chain last { reject with icmp type admin-prohibited; }
}
table ip nat { chain postrouting { type nat hook postrouting priority srcnat; policy accept;
  oifname \"eth0\" ip saddr 10.10.100.0/24 masquerade } }
";

    #[test]
    fn what_is_printed_is_read_as_the_same_ruleset() {
        let ruleset = Ruleset::default().load(TEXT).expect("a ruleset");
        let printed = ruleset.to_string();
        assert_eq!(Ruleset::default().load(&printed).as_ref(), Ok(&ruleset), "{printed}");
        assert!(printed.contains("type filter hook input priority filter; policy drop;"), "{printed}");
        assert!(
            printed.contains("ip saddr @control tcp dport { 22, 8000-8010 } accept comment"),
            "{printed}"
        );
    }

    #[test]
    fn what_is_no_ruleset_is_refused_and_nothing_is_loaded() {
        for text in [
            "table inet filter { chain input { type filter hook nowhere priority 0; } }",
            "table inet filter { chain input { ip saddr 10.0.0.999 accept; } }",
            "table inet filter { chain input { accpet; } }",
            "table inet filter { chain input { jump nowhere; } }",
            "table inet filter { chain input { ip saddr @nobody accept; } }",
            "table inet filter { chain input { accept",
            "flush everything",
        ] {
            assert!(Ruleset::default().load(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loading_adds_to_what_is_there_unless_it_is_flushed() {
        let first = Ruleset::default().load("table ip a { chain c { accept; } }").expect("a ruleset");
        let both = first.load("table ip b { chain c { drop; } }").expect("a ruleset");
        assert_eq!(both.tables.len(), 2);
        assert_eq!(first.load("flush ruleset\n").expect("a ruleset"), Ruleset::default());
    }
}
