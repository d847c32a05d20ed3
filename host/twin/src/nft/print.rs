//! nft's text form, as `nft --stateless list ruleset` prints it.

use std::fmt;

use super::ruleset::{Base, Chain, Item, Key, PRIORITIES, Part, Rule, Ruleset, Set, Table, Values, Verdict};

impl fmt::Display for Ruleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tables.iter().try_for_each(|table| table.fmt(f))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "table {} {} {{", self.family, self.name)?;
        let mut first = true;
        for set in &self.sets {
            if !std::mem::take(&mut first) {
                writeln!(f)?;
            }
            set.fmt(f)?;
        }
        for chain in &self.chains {
            if !std::mem::take(&mut first) {
                writeln!(f)?;
            }
            chain.fmt(f)?;
        }
        writeln!(f, "}}")
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\tset {} {{\n\t\ttype {}", self.name, self.kind)?;
        if !self.flags.is_empty() {
            writeln!(f, "\t\tflags {}", self.flags.join(","))?;
        }
        if !self.elements.is_empty() {
            writeln!(f, "\t\telements = {{ {} }}", listed(&self.elements, false, ", "))?;
        }
        writeln!(f, "\t}}")
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\tchain {} {{", self.name)?;
        if let Some(base) = &self.base {
            writeln!(f, "\t\t{base}")?;
        }
        for rule in &self.rules {
            writeln!(f, "\t\t{rule}")?;
        }
        writeln!(f, "\t}}")
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type {} hook {} priority ", self.kind, self.hook)?;
        match PRIORITIES.iter().find(|(_, number)| *number == self.priority) {
            Some((name, _)) => f.write_str(name)?,
            None => self.priority.fmt(f)?,
        }
        write!(f, "; policy {};", if self.drops { "drop" } else { "accept" })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.parts.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join(" "))?;
        self.comment.as_ref().map_or(Ok(()), |comment| write!(f, " comment \"{comment}\""))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Match { key, negated, values } => {
                let quoted = matches!(key, Key::Interface { .. });
                write!(f, "{key} {}", if *negated { "!= " } else { "" })?;
                match values {
                    Values::Listed(items) => f.write_str(&listed(items, quoted, ",")),
                    Values::Braced(items) => write!(f, "{{ {} }}", listed(items, quoted, ", ")),
                    Values::Named(name) => write!(f, "@{name}"),
                }
            }
            Self::Verdict(verdict) => verdict.fmt(f),
            Self::Aside(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |source: &bool| if *source { 's' } else { 'd' };
        match self {
            Self::Interface { word, .. } | Self::Protocol { word } | Self::Foreign(word) => f.write_str(word),
            Self::Address { source } => write!(f, "ip {}addr", end(source)),
            Self::Port { carrier, source } => write!(f, "{carrier} {}port", end(source)),
            Self::State => f.write_str("ct state"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Reject(how) if how.is_empty() => f.write_str("reject"),
            Self::Reject(how) => write!(f, "reject {how}"),
            Self::Return => f.write_str("return"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
            Self::Masquerade => f.write_str("masquerade"),
            Self::Translate(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(network) => network.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Addresses(first, last) => write!(f, "{first}-{last}"),
            Self::Number(number) => number.fmt(f),
            Self::Numbers(first, last) => write!(f, "{first}-{last}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

fn listed(items: &[Item], quoted: bool, between: &str) -> String {
    let texts = items.iter().map(|item| match item {
        Item::Word(word) if quoted => format!("\"{word}\""),
        other => other.to_string(),
    });
    texts.collect::<Vec<_>>().join(between)
}
