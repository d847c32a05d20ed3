//! Each way in which a store is refused, and that a refusal leaves it as it was.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;

use super::*;

/// A home with an empty store.
fn home() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::of(None, &Home::at(folder.path().join("home")));
    store.init().expect("it is new");
    (folder, store)
}

fn put(store: &Store, key: &str, value: &str) -> Result<(), Refusal> {
    let value = super::super::SecretText::from_bytes(value.as_bytes().to_vec().into()).expect("a value");
    let (key, field) = (key.parse().expect("a key"), "value".parse().expect("a name"));
    store.change(|entries| entries.put(&key, &field, value, SystemTime::now()))
}

fn value(store: &Store, key: &str) -> Option<Vec<u8>> {
    let entries = store.read().expect("the store is sound");
    let key = key.parse().expect("a key");
    entries.get(&key, &"value".parse().expect("a name"), false).map(|secret| secret.expose().to_vec())
}

/// Asserts that the store cannot be read nor changed, for this reason, and that both leave its bytes alone.
fn refused(store: &Store, why: &str) {
    let before = fs::read(&store.file).ok();
    let read = store.read().err().expect("it is refused");
    assert!(read.message.contains(why), "{read}");
    assert!(!read.hints.is_empty(), "{read:?}");
    let changed = put(store, "another", "v").expect_err("it is refused");
    assert!(changed.message.contains(why), "{changed}");
    assert_eq!(fs::read(&store.file).ok(), before);
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn what_was_put_is_read_and_no_file_is_anybody_elses() {
    let (_folder, store) = home();
    put(&store, "proxmox/token", "s3cret-token").expect("it is new");
    assert_eq!(value(&store, "proxmox/token").as_deref(), Some(&b"s3cret-token"[..]));
    for entry in fs::read_dir(store.folder()).expect("it is there") {
        let entry = entry.expect("it is read");
        let mode = entry.metadata().expect("it is there").mode();
        assert_eq!(mode & 0o7777, 0o600, "{:?}", entry.path());
        let bytes = fs::read(entry.path()).expect("ours");
        assert!(!bytes.windows(12).any(|window| window == b"s3cret-token"), "{:?}", entry.path());
    }
    assert_eq!(fs::metadata(store.folder()).expect("it is there").mode() & 0o7777, 0o700);
    assert!(!format!("{store:?}").contains("SECRET"));
}

#[test]
fn a_second_init_changes_nothing() {
    let (_folder, store) = home();
    put(&store, "a", "one").expect("it is new");
    assert!(store.init().expect_err("there is one").message.contains("is there already"));
    assert_eq!(value(&store, "a").as_deref(), Some(&b"one"[..]));
}

#[test]
fn a_store_that_others_can_reach_is_refused() {
    let (_folder, store) = home();
    for mode in [0o640, 0o604, 0o660, 0o644] {
        chmod(&store.file, mode);
        refused(&store, &format!("mode {mode:04o}"));
    }
    chmod(&store.file, 0o600);
    chmod(store.folder(), 0o770);
    refused(&store, "mode 0770");
}

#[test]
fn a_store_or_identity_in_a_folder_that_others_can_write_is_refused() {
    let (folder, sound) = home();
    let open = folder.path().join("open");
    fs::create_dir(&open).expect("it is new");
    let Opener::File(identity) = &sound.identity else { panic!("it is a file") };
    for (name, path) in [("store", &sound.file), ("identity", identity)] {
        fs::copy(path, open.join(name)).expect("ours");
    }
    let moved = Store { file: open.join("store"), ..sound.clone() };
    let opened = Store { identity: Opener::File(open.join("identity")), ..sound };
    for mode in [0o720, 0o702, 0o1777] {
        chmod(&open, mode);
        refused(&moved, &format!("open can be reached by others than its owner (mode {mode:04o})"));
        refused(&opened, &format!("open can be reached by others than its owner (mode {mode:04o})"));
    }
    chmod(&open, 0o755);
    put(&moved, "a", "one").expect("others may see the folder");
}

#[test]
fn an_identity_that_others_can_reach_is_refused() {
    let (_folder, store) = home();
    let Opener::File(identity) = &store.identity else { panic!("it is a file") };
    chmod(identity, 0o640);
    refused(&store, "mode 0640");
}

#[test]
fn a_store_or_identity_of_another_account_is_refused() {
    let (_folder, store) = home();
    let Opener::File(identity) = &store.identity else { panic!("it is a file") };
    for path in [&store.file, identity] {
        // Only root can give files away; who is not cannot come into this situation by himself either.
        let given = std::os::unix::fs::chown(path, Some(12345), None).is_ok();
        assert_eq!(given, rustix::process::geteuid().is_root());
        if given {
            refused(&store, "belongs to another account (uid 12345)");
            std::os::unix::fs::chown(path, Some(0), None).expect("root can");
        }
    }
}

#[test]
fn a_link_in_place_of_store_or_identity_is_refused() {
    let (_folder, store) = home();
    let Opener::File(identity) = &store.identity else { panic!("it is a file") };
    for path in [&store.file, identity] {
        let elsewhere = path.with_extension("elsewhere");
        fs::rename(path, &elsewhere).expect("ours");
        symlink(&elsewhere, path).expect("linked");
        refused(&store, "is a link");
        fs::rename(&elsewhere, path).expect("ours");
    }
}

#[test]
fn a_store_that_is_cut_off_is_refused() {
    let (_folder, store) = home();
    put(&store, "a", "one").expect("it is new");
    let whole = fs::read(&store.file).expect("ours");
    for length in [0, 1, 30, whole.len() / 2, whole.len() - 1] {
        fs::write(&store.file, &whole[..length]).expect("ours");
        refused(&store, "is damaged, cut off or no age file");
    }
}

#[test]
fn a_store_with_any_flipped_byte_is_refused() {
    let (_folder, store) = home();
    put(&store, "a", "one").expect("it is new");
    let whole = fs::read(&store.file).expect("ours");
    for place in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x10;
        fs::write(&store.file, &flipped).expect("ours");
        assert!(store.read().is_err(), "byte {place}");
    }
    refused(&store, "");
}

#[test]
fn a_store_for_another_identity_is_refused() {
    let (_folder, store) = home();
    let (_other_folder, other) = home();
    put(&other, "a", "one").expect("it is new");
    fs::copy(&other.file, &store.file).expect("ours");
    refused(&store, "is encrypted to another identity");
}

#[test]
fn a_store_without_its_identity_and_an_identity_without_store_say_what_to_do() {
    let (_folder, store) = home();
    let Opener::File(identity) = &store.identity else { panic!("it is a file") };
    fs::write(identity, "AGE-SECRET-KEY-1NONSENSE\n").expect("ours");
    refused(&store, "is misspelled");
    fs::remove_file(identity).expect("ours");
    refused(&store, "No such file");
    let (_folder, store) = home();
    fs::remove_file(&store.file).expect("ours");
    let fault = store.read().err().expect("there is none");
    assert_eq!(fault.hints, ["Make one with `fabric secrets init`."]);
}

#[test]
fn a_refused_change_writes_nothing() {
    let (_folder, store) = home();
    put(&store, "a", "one").expect("it is new");
    let before = (fs::read(&store.file).expect("ours"), fs::metadata(&store.file).expect("ours").ino());
    put(&store, "a", "two").expect_err("it is there already");
    let after = (fs::read(&store.file).expect("ours"), fs::metadata(&store.file).expect("ours").ino());
    assert_eq!(after, before);
}

#[test]
fn the_generation_before_the_last_change_is_kept() {
    let (_folder, store) = home();
    put(&store, "a", "one").expect("it is new");
    let before = fs::read(&store.file).expect("ours");
    put(&store, "b", "two").expect("it is new");
    assert_eq!(fs::read(store.previous()).expect("it is kept"), before);
    fs::rename(store.previous(), &store.file).expect("ours");
    assert_eq!((value(&store, "a").is_some(), value(&store, "b")), (true, None));
}

#[test]
fn what_does_not_open_again_is_not_put_in_place() {
    let (_folder, store) = home();
    let identity = store.identity().expect("it is there");
    let written = store.file.with_extension("written");
    let plain = Entries::default().to_bytes().expect("it is small");
    let sealed = sealed::seal(&plain, &identity).expect("it is sealed");
    fs::write(&written, &sealed).expect("ours");
    assert_eq!(verify(&written, &plain, &identity), Ok(()));
    verify(&written, b"something else", &identity).expect_err("not what was meant");
    fs::write(&written, &sealed[1..]).expect("ours");
    verify(&written, &plain, &identity).expect_err("not what was written");
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let (_folder, store) = home();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = &store;
            scope.spawn(move || put(store, &format!("key-{writer}"), "one").expect("it is new"));
        }
    });
    assert_eq!(store.read().expect("the store is sound").list().len(), 8);
}

/// In the child, the place of the store that it is killed over.
const KILLED: &str = "FABRIC_TEST_KILLED_OVER";

#[test]
fn a_writer_killed_before_the_rename_leaves_the_old_store() {
    if let Some(home) = std::env::var_os(KILLED) {
        let store = Store::of(None, &Home::at(home.into()));
        let identity = store.identity().expect("it is there");
        let _lock = store.lock().expect("it is free");
        let sealed = sealed::seal(b"half a store", &identity).expect("it is sealed");
        private_file::unfinished(&store.file, &sealed).expect("the disk takes it");
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::KILL).expect("it is ours");
    }
    let (_folder, store) = home();
    put(&store, "a", "one").expect("it is new");
    let this = "site::secret::store::file::tests::a_writer_killed_before_the_rename_leaves_the_old_store";
    let program = std::env::current_exe().expect("this test");
    let killed = Command::new(program).args(["--exact", this]).env(KILLED, store.folder()).output();
    assert_eq!(killed.expect("it starts").status.code(), None, "it was killed");
    let names =
        fs::read_dir(store.folder()).expect("ours").map(|entry| entry.expect("it is read").file_name());
    assert!(
        names.into_iter().any(|name| name.to_string_lossy().starts_with(".secrets.age.")),
        "it was at work"
    );
    assert_eq!(value(&store, "a").as_deref(), Some(&b"one"[..]));
    put(&store, "b", "two").expect("the lock went with its holder");
    assert_eq!(value(&store, "b").as_deref(), Some(&b"two"[..]));
}
