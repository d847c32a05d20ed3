//! What `protections.toml` says: which attacks each protection alone stands against.

use std::collections::BTreeMap;
use std::path::Path;

use fabric_model::protection::Protection;
use serde::Deserialize;

/// The kinds of attacks, each played by a test program of its own.
#[derive(Clone, Copy, Debug)]
#[expect(dead_code, reason = "each of the test programs plays one of them")]
pub(crate) enum Kind {
    Attempts,
    Scripts,
    Workers,
}

/// An attack without the protections that it would not get past.
#[derive(Clone, Debug)]
pub(crate) struct Experiment {
    pub(crate) protection: Protection,
    pub(crate) attack: String,
    /// Names of others that stop it too.
    #[cfg_attr(not(fabric_removable_protections), expect(dead_code, reason = "nothing is taken away"))]
    also: Vec<String>,
}

/// One table of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    attempts: Vec<String>,
    #[serde(default)]
    scripts: Vec<String>,
    #[serde(default)]
    workers: Vec<String>,
}

#[cfg(fabric_removable_protections)]
impl Experiment {
    /// Its name: the protection, and the attack.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.protection, self.attack)
    }

    /// Plays it: `played` gets the names of what is taken away, with commas between them, and returns how the attack got through, or
    /// nothing. Returns how it got through in the end.
    ///
    /// # Errors
    /// When it is stopped all the same, or gets through already without the others: then the protection is not what stops it.
    pub(crate) fn play(&self, mut played: impl FnMut(&str) -> Option<String>) -> Result<String, String> {
        let others = self.also.join(",");
        if !others.is_empty()
            && let Some(how) = played(&others)
        {
            return Err(format!("without {others} alone it gets through: {how}"));
        }
        let all = [self.protection.as_str()].into_iter().chain(self.also.iter().map(String::as_str));
        let all = all.collect::<Vec<_>>().join(",");
        played(&all).ok_or_else(|| format!("without {all} it is stopped all the same"))
    }
}

#[cfg(fabric_removable_protections)]
impl std::fmt::Display for Experiment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "without {:<20} {:<44}", self.protection.as_str(), self.attack)
    }
}

/// The experiments with attacks of one kind.
///
/// # Panics
/// When the file is not whole: a protection without an attack, or a name that is none.
pub(crate) fn all(kind: Kind) -> Vec<Experiment> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/hostile/protections.toml");
    let text = std::fs::read_to_string(path).expect("the file is part of the repository");
    let mut entries: BTreeMap<String, Entry> = toml::from_str(&text).expect("the file can be read");
    let mut experiments = Vec::new();
    for protection in Protection::ALL {
        let entry = entries.remove(protection.as_str()).unwrap_or_default();
        let known = entry.also.iter().all(|other| other.parse::<Protection>().is_ok());
        assert!(known, "{protection}: {:?}", entry.also);
        let Entry { also, attempts, scripts, workers } = entry;
        assert!(
            attempts.len() + scripts.len() + workers.len() > 0,
            "no attack shows what `{protection}` stops"
        );
        let attacks = match kind {
            Kind::Attempts => attempts,
            Kind::Scripts => scripts,
            Kind::Workers => workers,
        };
        experiments.extend(attacks.into_iter().map(|attack| Experiment {
            protection: *protection,
            attack,
            also: also.clone(),
        }));
    }
    assert!(entries.is_empty(), "these are no protections: {:?}", entries.keys());
    experiments
}
