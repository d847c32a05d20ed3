//! Faults in what the name servers answer: rrsets are replaced in a server's database, behind the server's back.

use std::fmt::Write as _;

use fabric_model::site::{Rrset, Site, Zone};

use super::step::Step;
use crate::error::LabError;
use crate::node::{DATABASE, SERIAL};

/// The zone that holds `name`: the longest that it ends with.
pub(super) fn zone_of<'site>(site: &'site Site, name: &str) -> Result<(&'site str, &'site Zone), LabError> {
    let holds = |zone: &str| name == zone || name.ends_with(&format!(".{zone}"));
    let zones = site.zones.iter().map(|(zone_name, zone)| (zone_name.as_str(), zone));
    zones
        .filter(|(zone, _)| holds(zone))
        .max_by_key(|(zone, _)| zone.len())
        .ok_or_else(|| LabError::Usage(format!("{name} is in no zone of the site")))
}

/// What a server shall answer for a name and type: none of it where there are no values.
#[derive(Debug)]
pub(super) struct Answer<'text> {
    /// The full name, without a final dot.
    pub(super) name: &'text str,
    /// The type.
    pub(super) rrtype: &'text str,
    /// Time to live in seconds.
    pub(super) ttl: u32,
    /// The values in presentation format.
    pub(super) values: Vec<String>,
}

impl Answer<'_> {
    /// Replaces the rrset on `servers`; taking it back restores what the site states.
    pub(super) fn on(&self, site: &Site, servers: &[&str]) -> Result<Vec<Step>, LabError> {
        word(self.name)?;
        word(self.rrtype)?;
        self.values.iter().try_for_each(|value| word(value))?;
        let (zone_name, zone) = zone_of(site, self.name)?;
        let stated = stated(zone, self.name, self.rrtype);
        let original = Answer {
            name: self.name,
            rrtype: self.rrtype,
            ttl: stated.map_or(0, |rrset| rrset.ttl),
            values: stated.map_or_else(Vec::new, |rrset| rrset.values.clone()),
        };
        let step = |server: &&str| Step::Shell {
            node: (*server).to_owned(),
            apply: purge_after(&self.sql(zone_name)),
            undo: purge_after(&original.sql(zone_name)),
        };
        Ok(servers.iter().map(step).collect())
    }

    fn sql(&self, zone: &str) -> String {
        let (name, rrtype, ttl) = (self.name, self.rrtype, self.ttl);
        let mut sql = format!("BEGIN; DELETE FROM records WHERE name='{name}' AND type='{rrtype}';");
        for value in &self.values {
            // PowerDNS keeps names in contents without the final dot.
            let content = value.trim_end_matches('.');
            let _infallible = write!(
                sql,
                " INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) \
                 SELECT id, '{name}', '{rrtype}', '{content}', {ttl}, 0, 0, 1 FROM domains WHERE name='{zone}';"
            );
        }
        sql + " COMMIT;"
    }
}

/// Makes a server's copy of a zone one serial older.
pub(super) fn stale(site: &Site, zone: &str, server: &str) -> Result<Step, LabError> {
    if !site.zones.keys().any(|name| name.as_str() == zone) {
        return Err(LabError::Usage(format!("the site has no zone {zone}")));
    }
    let serial = |from: u32, to: u32| {
        purge_after(&format!(
            "UPDATE records SET content=replace(content, ' {from} ', ' {to} ') WHERE name='{zone}' AND type='SOA';"
        ))
    };
    let (old, new) = (SERIAL - 1, SERIAL);
    Ok(Step::Shell { node: server.to_owned(), apply: serial(new, old), undo: serial(old, new) })
}

fn stated<'zone>(zone: &'zone Zone, name: &str, rrtype: &str) -> Option<&'zone Rrset> {
    zone.rrsets.iter().find(|rrset| rrset.name.as_str() == name && rrset.rrtype.as_str() == rrtype)
}

/// The server caches answers; `purge` makes the change show at once.
fn purge_after(sql: &str) -> String {
    format!("sqlite3 -cmd '.timeout 5000' {DATABASE} \"{sql}\" && pdns_control purge >/dev/null")
}

/// Names, types and values end up in SQL in a shell line: they hold nothing that either of them reads as more than itself.
fn word(text: &str) -> Result<(), LabError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    if text.bytes().all(plain) && !text.is_empty() {
        return Ok(());
    }
    Err(LabError::Usage(format!("`{text}` is not a name, a type or an address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        toml::from_str(include_str!("../../../../fabric.toml")).expect("the repo's site file is one")
    }

    fn answer<'text>(name: &'text str, values: &[&str]) -> Answer<'text> {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        Answer { name, rrtype: "A", ttl: 60, values }
    }

    #[test]
    fn a_name_belongs_to_the_longest_zone_that_it_ends_with() {
        let site = site();
        assert_eq!(zone_of(&site, "db.internal.shared").expect("a zone").0, "internal.shared");
        assert_eq!(zone_of(&site, "db.canary.internal").expect("a zone").0, "internal");
        assert!(zone_of(&site, "notinternal").is_err(), "a zone ends at a dot");
    }

    #[test]
    fn undoing_restores_every_value_of_the_site() {
        let steps =
            answer("db.internal.shared", &["10.10.120.99"]).on(&site(), &["dns-auth-1"]).expect("steps");
        let Some(Step::Shell { apply, undo, .. }) = steps.first() else { panic!("one shell step") };
        assert!(apply.contains("10.10.120.99") && !apply.contains("10.10.120.13"));
        assert!(
            undo.contains("10.10.120.13") && undo.contains("10.10.120.14") && !undo.contains("10.10.120.99")
        );
    }

    #[test]
    fn a_value_that_sql_would_read_is_refused() {
        assert!(
            answer("db.internal.shared", &["1'; DROP TABLE records; --"])
                .on(&site(), &["dns-auth-1"])
                .is_err()
        );
    }
}
