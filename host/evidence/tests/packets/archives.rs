//! Packets as archives: `tar` reads what is written, what `tar` writes is read, and nothing is unpacked that a packet does not hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fabric_evidence::archive::{settle, unpack, write};
use fabric_evidence::verify;
use tar::{Builder, EntryType, Header};

use crate::sample::{Bench, later, unlock};

struct Scene {
    bench: Bench,
    packet: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let bench = Bench::new();
        let packet = bench.seal("run-1").dir;
        Self { bench, packet }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.bench.path(name)
    }

    fn exported(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&self.packet, "run-1", &mut bytes).expect("readable");
        bytes
    }

    /// The class of why an archive is refused; nothing if it is unpacked and verifies.
    fn class(&self, archive: &[u8]) -> Option<&'static str> {
        let into = tempfile::tempdir_in(self.bench.dir.path()).expect("room");
        let dir = into.path().join("unpacked");
        match unpack(archive, &dir) {
            Err(finding) => Some(finding.class),
            Ok(name) => {
                assert_eq!(name, "run-1");
                verify(&dir, &self.bench.trust(), later()).expect("it is the packet");
                None
            }
        }
    }

    fn tar(&self, arguments: &[&str]) -> Output {
        Command::new("tar").current_dir(self.bench.dir.path()).args(arguments).output().expect("installed")
    }
}

/// The whole packet, and an entry more of this kind, name, size in the header and content.
fn with(scene: &Scene, kind: EntryType, name: &[u8], mode: u32, content: &[u8]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let exported = scene.exported();
    let mut archive = tar::Archive::new(exported.as_slice());
    for entry in archive.entries().expect("whole") {
        let entry = entry.expect("whole");
        builder.append(&entry.header().clone(), entry).expect("room");
    }
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.as_old_mut().name.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
    if kind.is_symlink() || kind.is_hard_link() {
        header.set_link_name("run-1/run.json").expect("short");
    }
    header.set_cksum();
    builder.append(&header, content).expect("room");
    builder.into_inner().expect("room")
}

#[test]
fn tar_unpacks_what_is_exported_and_it_verifies() {
    let scene = Scene::new();
    fs::write(scene.path("packet.tar"), scene.exported()).expect("room");
    fs::create_dir(scene.path("there")).expect("room");
    let ran = scene.tar(&["-xf", "packet.tar", "-C", "there"]);
    assert!(ran.status.success() && ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
    verify(&scene.path("there/run-1"), &scene.bench.trust(), later()).expect("it is the packet");
    assert_eq!(scene.class(&scene.exported()), None);
    assert_eq!(scene.exported(), scene.exported(), "equal packets make equal archives");
}

#[test]
fn what_tar_writes_is_taken_in_every_form_that_needs_no_extension() {
    let scene = Scene::new();
    for form in ["ustar", "gnu", "v7"] {
        let format = format!("--format={form}");
        let ran = scene.tar(&[&format, "-C", "runs", "-cf", "by-tar.tar", "run-1"]);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(scene.class(&fs::read(scene.path("by-tar.tar")).expect("there")), None, "{form}");
    }
    // Times below a second are an extension.
    let ran = scene.tar(&["--format=pax", "-C", "runs", "-cf", "by-tar.tar", "run-1"]);
    assert!(ran.status.success());
    assert_eq!(scene.class(&fs::read(scene.path("by-tar.tar")).expect("there")), Some("archive.form"));
}

#[test]
fn what_no_packet_holds_is_not_unpacked() {
    let scene = Scene::new();
    let regular = EntryType::Regular;
    let cases: [(&str, EntryType, &[u8], u32, &str); 19] = [
        ("a link", EntryType::Symlink, b"run-1/more.json", 0o400, "file.link"),
        ("a hard link", EntryType::Link, b"run-1/more.json", 0o400, "file.link"),
        ("a device", EntryType::Char, b"run-1/null", 0o400, "file.special"),
        ("a disk", EntryType::Block, b"run-1/disk", 0o400, "file.special"),
        ("a pipe", EntryType::Fifo, b"run-1/pipe", 0o400, "file.special"),
        ("a file twice", regular, b"run-1/run.json", 0o400, "archive.duplicate"),
        ("an absolute name", regular, b"/etc/passwd", 0o400, "manifest.absolute_path"),
        ("a name that leads out", regular, b"run-1/../../etc/passwd", 0o400, "manifest.leaving_path"),
        ("a dot", regular, b"./run-1/more.json", 0o400, "manifest.path_form"),
        ("upper case", regular, b"run-1/RUN.json", 0o400, "manifest.path_form"),
        ("a composed letter", regular, "run-1/\u{e9}".as_bytes(), 0o400, "manifest.path_form"),
        ("bytes that are no text", regular, b"run-1/\xff", 0o400, "file.name"),
        ("another folder", regular, b"run-2/run.json", 0o400, "archive.form"),
        ("a file beside the folder", regular, b"note.txt", 0o400, "archive.form"),
        ("a program of somebody", regular, b"run-1/more.json", 0o4400, "file.mode"),
        ("a long name of GNU", EntryType::GNULongName, b"././@LongLink", 0o400, "archive.form"),
        ("a sparse file", EntryType::GNUSparse, b"run-1/sparse", 0o400, "archive.form"),
        ("an extended header", EntryType::XHeader, b"run-1/x", 0o400, "archive.form"),
        ("a kind of nobody", EntryType::new(b'Z'), b"run-1/z", 0o400, "archive.form"),
    ];
    for (what, kind, name, mode, class) in cases {
        assert_eq!(scene.class(&with(&scene, kind, name, mode, b"")), Some(class), "{what}");
    }
    assert!(!scene.path("runs/etc").exists() && !scene.path("etc").exists());
}

#[test]
fn a_file_where_a_folder_is_and_the_other_way_round_is_refused() {
    let scene = Scene::new();
    let under_a_file = with(&scene, EntryType::Regular, b"run-1/run.json/more", 0o400, b"x");
    assert_eq!(scene.class(&under_a_file), Some("packet.unreadable"));
    let over_a_folder = with(&scene, EntryType::Regular, b"run-1/signatures", 0o400, b"x");
    assert_eq!(scene.class(&over_a_folder), Some("packet.unreadable"));
}

#[test]
fn an_archive_that_is_cut_off_or_goes_on_behind_its_end_is_refused() {
    let scene = Scene::new();
    let whole = scene.exported();
    for length in [0, 1, 511, 512, 700, whole.len() / 2, whole.len() - 1024, whole.len() - 512] {
        assert_eq!(scene.class(&whole[..length]), Some("archive.form"), "{length} of {}", whole.len());
    }
    let more = [whole.as_slice(), b"more"].concat();
    assert_eq!(scene.class(&more), Some("archive.form"));
    let two = [whole.as_slice(), whole.as_slice()].concat();
    assert_eq!(scene.class(&two), Some("archive.form"), "programs disagree on what stands behind an end");
    let padded = [whole.as_slice(), &[0; 9_216]].concat();
    assert_eq!(scene.class(&padded), None, "tar fills its last record with zeros");
}

/// Each byte of a header counts: what is not of the name, the kind or the size is not kept, and the rest is refused.
#[test]
fn a_flipped_byte_of_an_archive_never_makes_another_packet() {
    let scene = Scene::new();
    let whole = scene.exported();
    for place in (0..whole.len()).step_by(61) {
        let mut flipped = whole.clone();
        flipped[place] ^= 1 << (place % 8);
        let into = tempfile::tempdir_in(scene.bench.dir.path()).expect("room");
        let dir = into.path().join("unpacked");
        if let Ok(name) = unpack(flipped.as_slice(), &dir) {
            match verify(&dir, &scene.bench.trust(), later()) {
                Ok(verified) => assert_eq!(name, verified.run.head.run_id.as_str(), "byte {place}"),
                Err(findings) => assert!(!findings.is_empty()),
            }
        }
    }
}

#[test]
fn what_was_unpacked_takes_no_place_that_is_taken() {
    let scene = Scene::new();
    let (unpacked, place) = (scene.path("unpacked"), scene.path("place"));
    unpack(scene.exported().as_slice(), &unpacked).expect("whole");
    fs::create_dir(&place).expect("room");
    settle(&unpacked, &place).expect_err("an empty folder is somebody's too");
    fs::remove_dir(&place).expect("ours");
    settle(&unpacked, &place).expect("free now");
    verify(&place, &scene.bench.trust(), later()).expect("it is the packet");
    assert!(!Path::new(&unpacked).exists());
    unlock(&place);
}
