//! Thousands of ways to change a good packet, with two signatures and their timestamps: each is refused.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use fabric_evidence::{Trust, verify};

use crate::authority::Tsa;
use crate::countersigned::{Scene, now, with_authority};
use crate::sample::{files, unlock};

/// How many mutations there are at least.
const AT_LEAST: usize = 2_000;

/// How many bytes of a file of the core are flipped; of signatures and timestamps, each one.
const SAMPLES: usize = 120;

struct Subject {
    dir: PathBuf,
    trust: Trust,
    refused: usize,
    classes: BTreeSet<&'static str>,
}

impl Subject {
    /// Mutates the packet, sees that it does not verify, and puts it back.
    fn mutate(&mut self, what: &str, change: impl FnOnce(&Path), back: impl FnOnce(&Path)) {
        change(&self.dir);
        let findings = verify(&self.dir, &self.trust, now()).expect_err(what);
        self.classes.extend(findings.iter().map(|finding| finding.class));
        back(&self.dir);
        self.refused += 1;
    }

    /// Writes other content into one file for a moment.
    fn with(&mut self, what: &str, file: &str, content: &[u8], original: &[u8]) {
        assert_ne!(content, original, "{what}");
        let write = |bytes: &[u8]| {
            let bytes = bytes.to_vec();
            move |dir: &Path| fs::write(dir.join(file), bytes).expect("room")
        };
        self.mutate(what, write(content), write(original));
    }

    fn names(&self) -> Vec<String> {
        let below =
            |path: PathBuf| path.strip_prefix(&self.dir).expect("below it").to_string_lossy().into_owned();
        files(&self.dir).into_iter().map(below).collect()
    }

    fn flips(&mut self, file: &str) {
        let original = fs::read(self.dir.join(file)).expect("readable");
        let every = if file.starts_with("signatures/") { 1 } else { (original.len() / SAMPLES).max(1) };
        for place in (0..original.len()).step_by(every) {
            let mut flipped = original.clone();
            if let Some(byte) = flipped.get_mut(place) {
                *byte ^= 1 << (place % 8);
            }
            self.with(&format!("{file}: byte {place} flipped"), file, &flipped, &original);
        }
        for (what, content) in [
            ("emptied", Vec::new()),
            ("cut in half", original.get(..original.len() / 2).unwrap_or_default().to_vec()),
            ("without its last byte", original.get(..original.len() - 1).unwrap_or_default().to_vec()),
            ("with a byte more", [original.as_slice(), b"\n"].concat()),
            ("twice", original.repeat(2)),
            ("with other line ends", String::from_utf8_lossy(&original).replace('\n', "\r\n").into_bytes()),
        ] {
            if content != original {
                self.with(&format!("{file} {what}"), file, &content, &original);
            }
        }
    }

    fn moves(&mut self, file: &str) {
        let aside = self.dir.with_extension("aside");
        let take = |dir: &Path| fs::rename(dir.join(file), &aside).expect("ours");
        let give = |dir: &Path| fs::rename(&aside, dir.join(file)).expect("ours");
        self.mutate(&format!("{file} missing"), take, give);
        let renamed = format!("{file}.x");
        self.mutate(
            &format!("{file} renamed"),
            |dir| fs::rename(dir.join(file), dir.join(&renamed)).expect("ours"),
            |dir| fs::rename(dir.join(&renamed), dir.join(file)).expect("ours"),
        );
        self.mutate(
            &format!("{file} a link to the same bytes"),
            |dir| {
                take(dir);
                symlink(&aside, dir.join(file)).expect("ours");
            },
            |dir| {
                fs::remove_file(dir.join(file)).expect("ours");
                give(dir);
            },
        );
        self.mutate(
            &format!("{file} a folder"),
            |dir| {
                take(dir);
                fs::create_dir(dir.join(file)).expect("ours");
            },
            |dir| {
                fs::remove_dir(dir.join(file)).expect("ours");
                give(dir);
            },
        );
        let twin =
            Path::new(file).with_file_name(Path::new(file).file_name().expect("a name").to_ascii_uppercase());
        self.mutate(
            &format!("{file} and its twin in upper case"),
            |dir| {
                fs::copy(dir.join(file), dir.join(&twin)).expect("ours");
            },
            |dir| fs::remove_file(dir.join(&twin)).expect("ours"),
        );
        for mode in [0o4400, 0o2400, 0o1400] {
            let set = |mode| {
                move |dir: &Path| {
                    fs::set_permissions(dir.join(file), fs::Permissions::from_mode(mode)).expect("ours");
                }
            };
            self.mutate(&format!("{file} with mode {mode:o}"), set(mode), set(0o600));
        }
    }

    fn swaps(&mut self) {
        let names = self.names();
        for (place, first) in names.iter().enumerate() {
            for second in names.iter().skip(place + 1) {
                let swap = |dir: &Path| {
                    let (one, other) = (dir.join(first), dir.join(second));
                    let kept = fs::read(&one).expect("readable");
                    fs::write(&one, fs::read(&other).expect("readable")).expect("room");
                    fs::write(&other, kept).expect("room");
                };
                self.mutate(&format!("{first} and {second} swapped"), swap, swap);
            }
        }
    }

    fn additions(&mut self) {
        for name in [
            "note.txt",
            "artifacts/note.txt",
            "signatures/note.txt",
            "signatures/unfinished",
            ".hidden",
            "manifest.sha256.asc",
            "artifacts/.hidden",
            "run.json ",
            "e\u{301}.json",
        ] {
            self.mutate(
                &format!("{name:?} added"),
                |dir| fs::write(dir.join(name), "x").expect("room"),
                |dir| fs::remove_file(dir.join(name)).expect("ours"),
            );
        }
        for name in ["more", "artifacts/more", "signatures/more"] {
            self.mutate(
                &format!("folder {name} added"),
                |dir| fs::create_dir(dir.join(name)).expect("room"),
                |dir| fs::remove_dir(dir.join(name)).expect("ours"),
            );
        }
    }
}

fn subject(scene: &Scene) -> Subject {
    let sealed = scene.sealed();
    scene.countersign(&sealed);
    scene.notarize(&sealed);
    unlock(&sealed.dir);
    let subject =
        Subject { dir: sealed.dir, trust: scene.bench.trust(), refused: 0, classes: BTreeSet::new() };
    verify(&subject.dir, &subject.trust, now()).expect("it is good before anything is changed");
    subject
}

#[test]
fn each_of_two_thousand_mutations_is_refused() {
    let tsa: Option<Tsa> = with_authority();
    let scene = Scene::new(tsa, "[[require]]\nstatement = true\n");
    let mut subject = subject(&scene);
    for file in subject.names() {
        subject.flips(&file);
        subject.moves(&file);
    }
    subject.swaps();
    subject.additions();
    verify(&subject.dir, &subject.trust, now()).expect("everything was put back");
    println!(
        "{} mutations refused, for {} reasons: {:?}",
        subject.refused,
        subject.classes.len(),
        subject.classes
    );
    assert!(subject.refused >= AT_LEAST, "{} mutations are too few", subject.refused);
}
