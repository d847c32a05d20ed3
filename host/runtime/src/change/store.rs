//! The undo store: what taking a change back needs, and the key that ties intents to their operator. It lies in the operator's folder,
//! encrypted to a key of that folder, and is gone once everything is restored.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use fabric_connect::SystemEntropy;
use fabric_evidence::key::KeyError;
use fabric_evidence::vault::HostKey;
use fabric_gate::IntentKey;
use fabric_model::change::PayloadRef;
use fabric_model::{Code, Digest, Fault, Slug, Stage};
use fabric_primitives::changing::Payload;
use fabric_wire::seam::Entropy as _;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::timer::Armed;
use crate::home::Home;
use crate::private_file;

/// The folder of all runs in the operator's folder.
const FOLDER: &str = "undo";
/// The key to which payloads are encrypted.
const HOST_KEY: &str = "undo-key.asc";
/// The key that seals intents.
const INTENT_KEY: &str = "intent.key";
/// Bytes of salt before each payload: a short one cannot be guessed from its digest.
const SALT: usize = 32;

/// The undo store of one run: the folder `undo/RUN` of the operator's folder, mode 0700.
#[derive(Clone, Debug)]
pub(crate) struct UndoStore {
    folder: PathBuf,
    vault: HostKey,
    key: IntentKey,
    /// The timers that are kept alive, shared with whoever renews them.
    pub(super) live: Arc<Mutex<BTreeMap<u32, Armed>>>,
}

/// The folder in which a run keeps what its undo needs.
pub(super) fn folder_of(home: &Path, run_id: &Slug) -> PathBuf {
    runs(home).join(run_id.as_str())
}

/// The folder of all runs.
pub(super) fn runs(home: &Path) -> PathBuf {
    home.join(FOLDER)
}

impl UndoStore {
    /// Opens the store of a run. Its folder is made with the first thing that is kept.
    ///
    /// # Errors
    /// When a key cannot be read or made. Nothing may be changed then.
    pub(crate) fn open(home: &Home, run_id: &Slug) -> Result<Self, Fault> {
        let home = home.folder();
        let folder = folder_of(home, run_id);
        let now = SystemTime::now();
        let vault = HostKey::load_or_make(&home.join(HOST_KEY), now).map_err(|error| unusable(&error))?;
        Ok(Self { folder, vault, key: intent_key(home)?, live: Arc::default() })
    }

    /// The key that seals the operator's intents.
    pub(crate) fn key(&self) -> &IntentKey {
        &self.key
    }

    /// Keeps the payloads of a change, and brings them to the disk.
    ///
    /// # Errors
    /// When they cannot be written. The change must not be made then.
    pub(crate) fn put(&self, change: u32, payloads: &[Payload]) -> Result<Vec<PayloadRef>, Fault> {
        payloads.iter().map(|payload| self.put_one(change, payload)).collect()
    }

    fn put_one(&self, change: u32, payload: &Payload) -> Result<PayloadRef, Fault> {
        let mut salted = Zeroizing::new(vec![0; SALT]);
        SystemEntropy.fill(&mut salted)?;
        salted.extend_from_slice(&payload.bytes);
        let sealed = self.vault.seal(&salted).map_err(|error| unusable(&error))?;
        let path = self.path(change, &payload.name);
        self.write(&path, &sealed)?;
        Ok(PayloadRef { name: payload.name.clone(), digest: Digest::of(&salted) })
    }

    /// The payloads of a change, as they were kept.
    ///
    /// # Errors
    /// When one is missing, or is not the one that the intent names.
    pub(crate) fn get(&self, change: u32, payloads: &[PayloadRef]) -> Result<Vec<Payload>, Fault> {
        payloads.iter().map(|payload| self.get_one(change, payload)).collect()
    }

    fn get_one(&self, change: u32, payload: &PayloadRef) -> Result<Payload, Fault> {
        let path = self.path(change, &payload.name);
        let lost = |why: &str| lost(&path, why);
        let sealed = private_file::read(&path).map_err(|error| lost(&error.to_string()))?;
        let sealed = sealed.ok_or_else(|| lost("it is not there"))?;
        let salted = Zeroizing::new(self.vault.open(&sealed).map_err(|error| lost(&error.to_string()))?);
        if Digest::of(&salted) != payload.digest {
            return Err(lost("it is not what the intent of the change names"));
        }
        let bytes = salted.get(SALT..).ok_or_else(|| lost("it is cut off"))?.to_vec();
        Ok(Payload { name: payload.name.clone(), bytes })
    }

    /// Removes the payloads of a change that is verified as taken back, or that stays for good.
    ///
    /// # Errors
    /// When the folder refuses.
    pub(crate) fn forget(&self, change: u32) -> Result<(), Fault> {
        self.forget_files(&format!("{change}-")).map_err(|error| unwritable(&self.folder, &error))
    }

    fn forget_files(&self, prefix: &str) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                private_file::forget(&entry.path())?;
            }
        }
        private_file::sync_folder(&self.folder)
    }

    /// Notes which generations of a change's dead-man timer may be armed, before the newest of them is: whoever takes the change back
    /// looks for these.
    ///
    /// # Errors
    /// When it cannot be written. The timer must not be armed then.
    pub(super) fn note_timers(&self, change: u32, generations: &RangeInclusive<u32>) -> Result<(), Fault> {
        let path = self.timers_path(change);
        let note = format!("{} {}\n", generations.start(), generations.end());
        self.write(&path, note.as_bytes())
    }

    /// The generations of a change's dead-man timer that may be armed; none where it has none.
    ///
    /// # Errors
    /// When the note cannot be read.
    pub(super) fn timers(&self, change: u32) -> Result<Option<RangeInclusive<u32>>, Fault> {
        let path = self.timers_path(change);
        let note = private_file::read(&path).map_err(|error| lost(&path, &error.to_string()))?;
        let Some(note) = note else { return Ok(None) };
        let note = String::from_utf8_lossy(&note);
        let bounds = note
            .trim()
            .split_once(' ')
            .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        let (first, last) = bounds.ok_or_else(|| lost(&path, "it is not two numbers"))?;
        Ok(Some(first..=last))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
        let written = private_file::folder(&self.folder).and_then(|()| private_file::write(path, bytes));
        written.map_err(|error| unwritable(path, &error))
    }

    fn timers_path(&self, change: u32) -> PathBuf {
        self.folder.join(format!("{change}-timers"))
    }

    fn path(&self, change: u32, name: &Slug) -> PathBuf {
        self.folder.join(format!("{change}-{name}.pgp"))
    }
}

/// The key that seals this operator's intents, made once: whoever has another folder has another key.
///
/// # Errors
/// When it cannot be read or written, or others can read it.
pub(crate) fn intent_key(home: &Path) -> Result<IntentKey, Fault> {
    let path = home.join(INTENT_KEY);
    if let Some(key) = read_intent_key(&path)? {
        return Ok(key);
    }
    let mut bytes = Zeroizing::new([0; 32]);
    SystemEntropy.fill(bytes.as_mut())?;
    private_file::write_first(&path, bytes.as_ref()).map_err(|error| unwritable(&path, &error))?;
    // Of two that make one at the same time, the first has made it for both.
    read_intent_key(&path)?.ok_or_else(|| unwritable(&path, &io::ErrorKind::NotFound.into()))
}

fn read_intent_key(path: &Path) -> Result<Option<IntentKey>, Fault> {
    let read = private_file::read(path).map_err(|error| {
        Fault::new(Code::GuardSigner, Stage::Record, format!("read {}: {error}", path.display()))
            .hint("Restore the file, with mode 0600: only with it are changes that were made taken back.")
    })?;
    let Some(bytes) = read.map(Zeroizing::new) else { return Ok(None) };
    let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
        let message = format!("read {}: a key has 32 bytes, not {}", path.display(), bytes.len());
        Fault::new(Code::GuardSigner, Stage::Record, message)
            .hint("Restore the file: only with it are changes that were made taken back.")
    })?;
    Ok(Some(IntentKey::new(key)))
}

fn unwritable(path: &Path, error: &io::Error) -> Fault {
    Fault::new(Code::EvidenceUnwritable, Stage::Record, format!("write {}: {error}", path.display()))
        .hint("Check the free space and the owner of the operator's folder; nothing is changed that could not be undone.")
}

fn unusable(error: &KeyError) -> Fault {
    Fault::new(Code::EvidenceUnwritable, Stage::Record, format!("use the key of the undo store: {error}"))
        .hint(error.hint())
}

fn lost(path: &Path, why: &str) -> Fault {
    Fault::new(Code::ChangeNotRestored, Stage::Undo, format!("read {}: {why}", path.display()))
        .hint("Restore the target by hand; `fabric recover --abandon` then closes the run.")
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn slug(text: &str) -> Slug {
        text.parse().expect("a name")
    }

    fn payload(name: &str, bytes: &[u8]) -> Payload {
        Payload { name: slug(name), bytes: bytes.to_vec() }
    }

    fn open(home: &Path) -> UndoStore {
        UndoStore::open(&Home::at(home.to_owned()), &slug("run-1")).expect("the keys")
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn what_was_kept_comes_back_and_lies_encrypted_for_its_owner_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let store = open(home.path());
        let kept = [payload("content", b"net.ipv4.ip_forward"), payload("facts", b"0644 root root")];
        let named = store.put(3, &kept).expect("room");
        let again = open(home.path());
        assert_eq!(again.get(3, &named).expect("kept"), kept);
        let file = store.path(3, &slug("content"));
        assert_eq!((mode(&store.folder), mode(&file)), (0o700, 0o600));
        let sealed = fs::read(&file).expect("there");
        assert!(!sealed.windows(7).any(|window| window == b"ip_forw"));
    }

    #[test]
    fn equal_payloads_have_different_digests() {
        let home = tempfile::tempdir().expect("a folder");
        let store = open(home.path());
        let first = store.put(1, &[payload("content", b"0")]).expect("room");
        assert_ne!(first, store.put(2, &[payload("content", b"0")]).expect("room"));
    }

    #[test]
    fn a_payload_that_was_tampered_with_exchanged_or_removed_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let store = open(home.path());
        let named = store.put(1, &[payload("content", b"mine")]).expect("room");
        store.put(2, &[payload("content", b"other")]).expect("room");
        let file = store.path(1, &slug("content"));
        let mut sealed = fs::read(&file).expect("there");
        *sealed.last_mut().expect("bytes") ^= 1;
        fs::write(&file, &sealed).expect("ours");
        assert_eq!(store.get(1, &named).expect_err("tampered").code, Code::ChangeNotRestored);
        fs::copy(store.path(2, &slug("content")), &file).expect("ours");
        let exchanged = store.get(1, &named).expect_err("another's");
        assert!(exchanged.message.contains("is not what the intent"), "{exchanged}");
        store.forget(1).expect("ours");
        assert!(store.get(1, &named).expect_err("gone").message.contains("is not there"));
        assert!(store.path(2, &slug("content")).exists(), "another change keeps its own");
    }

    #[test]
    fn change_1_does_not_forget_what_change_10_keeps() {
        let home = tempfile::tempdir().expect("a folder");
        let store = open(home.path());
        let named = store.put(10, &[payload("content", b"kept")]).expect("room");
        store.forget(1).expect("ours");
        assert_eq!(store.get(10, &named).expect("kept").len(), 1);
    }

    #[test]
    fn a_store_that_cannot_be_written_refuses() {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("undo"), "in the way").expect("room");
        let store = open(home.path());
        let refused = store.put(0, &[payload("content", b"1")]).expect_err("no folder");
        assert_eq!((refused.code, refused.stage), (Code::EvidenceUnwritable, Stage::Record));
    }

    #[test]
    fn the_intent_key_is_made_once_and_is_for_the_operator_alone() {
        let home = tempfile::tempdir().expect("a folder");
        intent_key(home.path()).expect("made");
        let path = home.path().join(INTENT_KEY);
        let bytes = fs::read(&path).expect("there");
        assert_eq!((bytes.len(), mode(&path)), (32, 0o600));
        intent_key(home.path()).expect("read");
        assert_eq!(fs::read(&path).expect("there"), bytes);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("ours");
        assert_eq!(intent_key(home.path()).expect_err("exposed").code, Code::GuardSigner);
    }
}
