//! The test vectors in `evidence/vectors`: for other verifiers, and for `fabric-verify` and `fabric verify`, which are run over them.
//!
//! `index.json` lists them. Run with `FABRIC_WRITE_VECTORS=1` to write them anew, with keys that exist only as long as that run.

mod bad;
mod good;
mod of_folders;
mod of_sidecars;
mod yard;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use fabric_evidence::{Trust, verify};
use serde::Serialize;

use crate::countersigned::now;
use crate::sample::files;
use crate::victim::Victim;
use bad::{Defect, Defects};
use yard::{LEVELLED, TRUSTED, Yard};

/// One vector, as the index has it.
#[derive(Serialize)]
struct Vector {
    /// Its folder.
    vector: String,
    /// The trust file.
    trust: String,
    /// The packet, where the folder is one of packets and this one of them is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<String>,
    /// Whether the folder is one of packets, and its log is judged with everything that it tells of.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    log: bool,
    /// The good packet or folder over a copy of which the folder is laid.
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<String>,
    /// What is then taken away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    without: Vec<String>,
    /// The class of a finding that must be reported; others may come with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
}

impl Vector {
    /// A sound packet or folder.
    fn good(vector: String, trust: &str) -> Self {
        let trust = trust.to_owned();
        Self { vector, trust, packet: None, log: false, over: None, without: Vec::new(), class: None }
    }

    /// One that is laid over a sound one, and earns this finding.
    fn bad(over: &str, class: &str, name: &str, trust: &str) -> Self {
        let above = over.rsplit('/').next().expect("a name");
        let vector = Self::good(format!("bad/{above}/{class}--{name}"), trust);
        Self { over: Some(over.to_owned()), class: Some(class.to_owned()), ..vector }
    }
}

/// A bad vector with what makes it of the good one, which is written where that is asked for.
fn kept(folder: &Path, vector: Vector, good: &Path, victim: &Path, to_write: bool) -> Vector {
    let (laid_over, without) = difference(good, victim);
    if to_write {
        fs::create_dir_all(folder.join(&vector.vector)).expect("room");
        write(&folder.join(&vector.vector), &laid_over);
    }
    Vector { without, ..vector }
}

/// The files below a folder by their relative paths.
fn content(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let relative = |path: &Path| path.strip_prefix(dir).expect("below it").to_string_lossy().into_owned();
    files(dir).into_iter().map(|path| (relative(&path), fs::read(&path).expect("readable"))).collect()
}

fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("below it")).expect("room");
        fs::write(path, bytes).expect("room");
    }
}

/// What makes `victim` of `good`: the files to lay over it, and those to take away.
fn difference(good: &Path, victim: &Path) -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
    let (before, after) = (content(good), content(victim));
    let without = before.keys().filter(|name| !after.contains_key(*name)).cloned().collect();
    let over = after.into_iter().filter(|(name, bytes)| before.get(name) != Some(bytes)).collect();
    (over, without)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the one way to ask a test to write")]
fn every_vector_is_refused_for_the_reason_in_its_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../evidence/vectors");
    let to_write = std::env::var_os("FABRIC_WRITE_VECTORS").is_some();
    let yard = Yard::new();
    let mut index = Vec::new();
    if to_write {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("room");
        yard.keep_trust(&folder);
    }
    let mut names = BTreeSet::new();
    for (name, seal) in good::PACKETS {
        let dir = seal(&yard, name);
        verify(&dir, &yard.trust(TRUSTED), now()).unwrap_or_else(|findings| panic!("{name}: {findings:?}"));
        assert!(names.insert(*name), "{name} stands twice");
        if to_write {
            write(&folder.join("good").join(name), &content(&dir));
        }
        let vector = format!("good/{name}");
        index.push(Vector::good(vector, TRUSTED));
    }
    for (name, make) in of_folders::FOLDERS {
        let runs = yard.bench.path("folders").join(name);
        make(&yard, &runs);
        assert_eq!(of_folders::found(&runs, None, &yard.trust(LEVELLED)), [""; 0], "{name}");
        if to_write {
            write(&folder.join("folders").join(name), &content(&runs));
        }
        let packet = runs.join(of_folders::PACKET).exists().then(|| of_folders::PACKET.to_owned());
        let vector = Vector::good(format!("folders/{name}"), LEVELLED);
        index.push(Vector { packet, log: true, ..vector });
    }
    let mut others = Vec::new();
    let plain: [(&str, Defects); 4] = [
        ("observed", bad::OF_AN_OBSERVATION),
        ("planned", bad::OF_A_PLAN),
        ("gameday", bad::OF_A_GAMEDAY),
        ("documents", bad::OF_DOCUMENTS),
    ];
    let of_plain = plain.iter().flat_map(|(over, defects)| {
        defects.iter().map(move |(class, name, defect)| (*over, *class, *name, TRUSTED, Made::Plain(*defect)))
    });
    let of_sidecars = of_sidecars::DEFECTS
        .iter()
        .map(|(over, class, name, trust, defect)| (*over, *class, *name, *trust, Made::InYard(*defect)));
    for (over, class, name, trust, made) in of_plain.chain(of_sidecars) {
        let good = yard.bench.path("runs").join(over);
        let named = format!("{class}--{name}");
        assert!(names.contains(over), "{over} is no good packet");
        let victim = match made {
            Made::Plain(defect) => {
                let victim = Victim::on(&yard.bench, &format!("{over}-{named}"), &good);
                defect(&victim);
                victim
            }
            Made::InYard(defect) => {
                let victim = Victim::whole(&yard.bench, &format!("{over}-{named}"), &good);
                defect(&yard, &victim);
                victim
            }
        };
        let classes = found(&victim, &yard.trust(trust));
        if !classes.contains(&class) {
            others.push(format!("{named} over {over}: {classes:?}"));
        }
        let vector = Vector::bad(&format!("good/{over}"), class, name, trust);
        index.push(kept(&folder, vector, &good, &victim.dir, to_write));
    }
    for (over, class, name, trust, defect) in of_folders::DEFECTS {
        let good = yard.bench.path("folders").join(over);
        let victim = Victim::whole(&yard.bench, &format!("{over}-{class}--{name}"), &good);
        defect(&yard, &victim.dir);
        let classes = of_folders::found(&victim.dir, Some(class), &yard.trust(trust));
        if !classes.contains(class) {
            others.push(format!("{class}--{name} over {over}: {classes:?}"));
        }
        let log = class.starts_with("log.");
        let packet = (!log).then(|| of_folders::PACKET.to_owned());
        let vector = Vector::bad(&format!("folders/{over}"), class, name, trust);
        index.push(kept(&folder, Vector { packet, log, ..vector }, &good, &victim.dir, to_write));
    }
    assert_eq!(others, [""; 0], "refused for other reasons");
    let bad = index.iter().filter(|vector| vector.class.is_some()).count();
    assert!(index.len() >= 120 && bad * 3 >= index.len() * 2, "{bad} bad ones of {}", index.len());
    if to_write {
        let text = serde_json::to_string_pretty(&index).expect("plain data") + "\n";
        fs::write(folder.join("index.json"), text).expect("room");
    }
}

enum Made {
    Plain(Defect),
    InYard(of_sidecars::Defect),
}

/// Why it does not verify; nothing if it does.
fn found(victim: &Victim, trust: &Trust) -> Vec<&'static str> {
    let findings = verify(&victim.dir, trust, now()).err().unwrap_or_default();
    findings.iter().map(|finding| finding.class).collect()
}
