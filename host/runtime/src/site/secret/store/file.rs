//! The store as a file: who may open it, and how it is replaced.

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use age::x25519::Identity;
use fabric_model::exit::Exit;
use fabric_model::site::SecretSource;
use fabric_model::{Fault, Slug};
use zeroize::Zeroizing;

use super::super::credential;
use super::super::file::{self, Guard, Rules};
use super::super::secrets::{Environment, unreadable};
use super::entries::{Entries, SIZE_LIMIT};
use super::{identity, openssl, sealed};
use crate::home::Home;
use crate::private_file;
use crate::refusal::Refusal;
use crate::site::SiteFile;

/// What messages call it.
const WHAT: &str = "the secrets store";
const IDENTITY: &str = "the identity of the secrets store";
const MISSING: &str = "Make one with `fabric secrets init`.";

/// The store's file: encryption adds 16 bytes to each 64 KiB, and a header.
const STORE_FILE: Rules = Rules {
    guard: Guard::OwnerOnly,
    links: false,
    limit: SIZE_LIMIT as u64 + 64 * 1024,
    missing: Some(MISSING),
};
const IDENTITY_FILE: Rules = Rules { limit: 64 * 1024, ..STORE_FILE };

/// Where a secrets store lies, and where the identity that opens it is.
#[derive(Clone, Debug)]
pub struct Store {
    file: PathBuf,
    identity: Opener,
    environment: Environment,
}

#[derive(Clone, Debug)]
enum Opener {
    File(PathBuf),
    Credential(Slug),
}

impl Store {
    /// The store that the site file names, else the one of the operator's folder.
    pub fn of(site: Option<&SiteFile>, home: &Home) -> Self {
        Self::with_environment(site, home, |name| std::env::var_os(name))
    }

    pub(in super::super) fn with_environment(
        site: Option<&SiteFile>,
        home: &Home,
        environment: Environment,
    ) -> Self {
        let named = site.and_then(|site| Some((&site.folder, site.site.store.as_ref()?)));
        let file = named.and_then(|(folder, store)| Some(folder.join(store.file.as_ref()?)));
        let identity = named.and_then(|(folder, store)| match store.identity.as_ref()? {
            SecretSource::File(path) => Some(Opener::File(folder.join(path))),
            SecretSource::Credential(name) => Some(Opener::Credential(name.clone())),
            // The check of the site file lets no other pass.
            _ => None,
        });
        Self {
            file: file.unwrap_or_else(|| home.store_path()),
            identity: identity.unwrap_or_else(|| Opener::File(home.store_identity_path())),
            environment,
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Makes an empty store, and an identity where there is none yet. Gives the identity's public key.
    ///
    /// # Errors
    /// When there is a store already, or the folder cannot be written.
    pub fn init(&self) -> Result<String, Fault> {
        let folder = self.folder();
        private_file::folder(folder).map_err(|error| unwritable(folder, &error))?;
        let _lock = self.lock()?;
        if self.file.symlink_metadata().is_ok() {
            return Err(unreadable(format!("{} is there already", self.file.display()))
                .hint("Nothing was changed; `fabric secrets list` says what it holds."));
        }
        if let Opener::File(path) = &self.identity
            && path.symlink_metadata().is_err()
        {
            let text = identity::to_file(&Identity::generate());
            private_file::write_first(path, text.as_bytes()).map_err(|error| unwritable(path, &error))?;
        }
        let identity = self.identity()?;
        self.write(&Entries::default(), &identity)?;
        Ok(identity.to_public().to_string())
    }

    /// Reads the whole store.
    ///
    /// # Errors
    /// When it or its identity is not there, not its owner's alone, or not what was written.
    pub fn read(&self) -> Result<Entries, Fault> {
        self.open(&self.identity()?)
    }

    /// Changes the store, in one step and alone: another writer waits. Nothing is written when the change is refused, or when what
    /// is there cannot be read.
    ///
    /// # Errors
    /// Those of reading; those of the change; when the disk does not take it, or does not give it back as it was written.
    pub fn change<T>(&self, change: impl FnOnce(&mut Entries) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let identity = self.identity()?;
        let _lock = self.lock()?;
        let mut entries = self.open(&identity)?;
        let changed = change(&mut entries)?;
        self.write(&entries, &identity)?;
        Ok(changed)
    }

    /// Adds everything that a file of the scripts before fabric holds, all of it or nothing. Gives how many values.
    ///
    /// # Errors
    /// When the file cannot be read or opened with the passphrase, or a value is in the store already.
    pub fn import(&self, file: &Path, passphrase: &[u8], now: SystemTime) -> Result<usize, Refusal> {
        let unreadable =
            |why: &str| Refusal::new(Exit::NotFound, format!("{} cannot be imported: {why}", file.display()));
        let mut bytes = Vec::new();
        File::open(file)
            .and_then(|opened| opened.take(openssl::FILE_LIMIT + 1).read_to_end(&mut bytes))
            .map_err(|error| unreadable(&error.to_string()))?;
        if bytes.len() as u64 > openssl::FILE_LIMIT {
            return Err(unreadable("it is larger than a store may be"));
        }
        let imported = openssl::read(&bytes, passphrase)?;
        self.change(|entries| {
            let count = imported.len();
            imported.into_iter().try_for_each(|one| entries.put(&one.key, &one.field, one.value, now))?;
            Ok(count)
        })
    }

    /// The passphrase in a file, which must be its owner's alone: its first line.
    ///
    /// # Errors
    /// When it is not there, or others can reach it.
    pub fn passphrase(file: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let bytes = Zeroizing::new(file::read("the passphrase", file, &file::OWN_FILE)?);
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        Ok(Zeroizing::new(line.to_vec()))
    }

    fn open(&self, identity: &Identity) -> Result<Entries, Fault> {
        file::of_one_writer(WHAT, self.folder(), MISSING)?;
        let bytes = file::read(WHAT, &self.file, &STORE_FILE)?;
        let broken = |why: &dyn std::fmt::Display| {
            let previous = self.previous();
            unreadable(format!("{WHAT}: {} {why}", self.file.display()))
                .hint("Nothing was changed. Name its own identity, or restore it from a backup.")
                .hint(format!("What it was before its last change is in {}.", previous.display()))
        };
        let plain = sealed::open(&bytes, identity).map_err(|error| broken(&error))?;
        Entries::from_bytes(&plain).map_err(|error| broken(&error))
    }

    /// Seals, writes beside the store, reads that again, and only then takes the store's place. What was there is kept as
    /// [`Store::previous`].
    fn write(&self, entries: &Entries, identity: &Identity) -> Result<(), Fault> {
        let unwritable = |error: std::io::Error| unwritable(&self.file, &error);
        let plain = entries.to_bytes().ok_or_else(|| {
            unreadable(format!("{WHAT} would hold more than {} KiB", SIZE_LIMIT / 1024))
                .hint("Nothing was changed. Remove what is not needed, or use a store for each site.")
        })?;
        let sealed = sealed::seal(&plain, identity)
            .map_err(|error| unreadable(format!("{WHAT} cannot be encrypted: {error}")))?;
        let unfinished = private_file::unfinished(&self.file, &sealed).map_err(unwritable)?;
        if let Err(error) = verify(&unfinished, &plain, identity) {
            private_file::forget(&unfinished).map_err(unwritable)?;
            return Err(error);
        }
        self.keep_previous().map_err(unwritable)?;
        private_file::place(&unfinished, &self.file).map_err(unwritable)
    }

    fn keep_previous(&self) -> std::io::Result<()> {
        let previous = self.previous();
        let linked = previous.with_extension("linking");
        private_file::forget(&linked)?;
        match fs::hard_link(&self.file, &linked) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.and_then(|()| fs::rename(&linked, &previous)),
        }
    }

    /// The identity, from its file or from systemd.
    fn identity(&self) -> Result<Identity, Fault> {
        let (place, bytes) = match &self.identity {
            Opener::File(path) => {
                file::of_one_writer(IDENTITY, parent(path), MISSING)?;
                (path.display().to_string(), file::read(IDENTITY, path, &IDENTITY_FILE)?)
            }
            Opener::Credential(name) => {
                (format!("the credential `{name}`"), credential::read(IDENTITY, name, self.environment)?)
            }
        };
        let bytes = Zeroizing::new(bytes);
        identity::parse(&bytes).map_err(|error| {
            unreadable(format!("{IDENTITY}: {place} {error}"))
                .hint("It is one line as `age-keygen` writes it; `fabric secrets init` makes one.")
        })
    }

    /// The lock of writers, released by the kernel when it is closed. It is held for as long as it takes to write a file, never while
    /// somebody is asked for a value.
    fn lock(&self) -> Result<File, Fault> {
        let path = self.beside("lock");
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        opened
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| unwritable(&path, &error).hint("Make one with `fabric secrets init`."))
    }

    fn folder(&self) -> &Path {
        parent(&self.file)
    }

    /// The generation before the last change.
    fn previous(&self) -> PathBuf {
        self.beside("previous")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        self.file.with_file_name(format!("{name}.{suffix}"))
    }
}

/// That the bytes on the disk open to what was meant.
fn verify(path: &Path, plain: &[u8], identity: &Identity) -> Result<(), Fault> {
    let bytes = fs::read(path).map_err(|error| unwritable(path, &error))?;
    match sealed::open(&bytes, identity) {
        Ok(read) if read.as_slice() == plain => Ok(()),
        _ => Err(unreadable(format!("{WHAT}: what was written to {} cannot be read again", path.display()))
            .hint("Nothing was changed. Check the disk.")),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Fault {
    unreadable(format!("{WHAT}: {} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests;
