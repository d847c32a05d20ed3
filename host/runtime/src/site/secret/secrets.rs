//! From the handle of a secret to the secret.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use fabric_model::site::{SecretSource, Stored, Vault, Vaulted};
use fabric_model::{Code, Fault, Slug, Stage};
use fabric_redact::Redactor;
use fabric_wire::endpoint::{Secret, SshIdentity};

use super::super::load::SiteFile;
use super::super::suggest;
use super::credential;
use super::file;
use super::store::{KeyPath, Store};
use super::vault;
use crate::home::Home;

/// How an environment variable is read.
pub type Environment = fn(&str) -> Option<OsString>;

/// The secrets of a site, each read anew whenever it is asked for, so that a rotated one is picked up; those of Vault once.
pub struct Secrets {
    folder: PathBuf,
    sources: BTreeMap<String, SecretSource>,
    identity: String,
    environment: Environment,
    store: Store,
    vaults: BTreeMap<Slug, Vault>,
    authorities: BTreeMap<Slug, String>,
    /// What Vault gave.
    of_vaults: Mutex<BTreeMap<String, Secret>>,
    redactor: Arc<Redactor>,
}

impl Secrets {
    /// The secrets that a site file declares, some perhaps in the operator's store. Nothing is read yet. The redactor gets to know
    /// every secret that is.
    pub fn new(file: &SiteFile, home: &Home, redactor: Arc<Redactor>) -> Self {
        Self::with_environment(file, home, redactor, |name| std::env::var_os(name))
    }

    /// The same with other environment variables than the process's own.
    pub fn with_environment(
        file: &SiteFile,
        home: &Home,
        redactor: Arc<Redactor>,
        environment: Environment,
    ) -> Self {
        Self {
            folder: file.folder.clone(),
            sources: file.site.secrets.clone(),
            identity: file.site.ssh.identity.clone(),
            environment,
            store: Store::with_environment(Some(file), home, environment),
            vaults: file.site.vaults.clone(),
            authorities: file.site.authorities.clone(),
            of_vaults: Mutex::default(),
            redactor,
        }
    }

    /// The text of a secret, without the line break at its end.
    ///
    /// # Errors
    /// `site.unknown` when the site file declares no such handle, `site.secret` when its source cannot be read or is not kept
    /// safely.
    pub fn resolve(&self, handle: &str) -> Result<Secret, Fault> {
        let mut bytes = self.read(handle)?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        self.keep(handle, bytes)
    }

    /// Reads every secret that can be read, so that the redactor knows it before anything is written down. What cannot be read
    /// is for whoever needs it to complain of.
    pub fn make_known(&self) {
        for handle in self.sources.keys() {
            // The redactor has it; nobody needs the secret itself yet.
            drop(self.resolve(handle));
        }
    }

    /// With what the operator proves who he is to the hosts: the key as it is in its source, or the agent.
    ///
    /// # Errors
    /// As [`Secrets::resolve`], and when the identity is in an agent while none is running.
    pub fn ssh_identity(&self) -> Result<SshIdentity, Fault> {
        let Some(SecretSource::Agent(key)) = self.sources.get(&self.identity) else {
            let key = self.read(&self.identity)?;
            return self.keep(&self.identity, key).map(SshIdentity::Key);
        };
        let Some(socket) = (self.environment)("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()) else {
            let message =
                format!("secret `{}` is in the ssh-agent, but $SSH_AUTH_SOCK is not set", self.identity);
            return Err(unreadable(message)
                .hint("Start one with `eval $(ssh-agent)` and add the key with `ssh-add`."));
        };
        Ok(SshIdentity::Agent { socket: socket.into(), key: key.clone() })
    }

    fn keep(&self, handle: &str, bytes: Vec<u8>) -> Result<Secret, Fault> {
        let secret = Secret::new(bytes);
        if secret.expose().is_empty() {
            let message = format!("secret `{handle}` is empty");
            return Err(unreadable(message).hint("Put the secret into its source; the site file names it."));
        }
        // Known to the redactor before anybody can use it.
        self.redactor.register(handle, secret.expose());
        Ok(secret)
    }

    fn read(&self, handle: &str) -> Result<Vec<u8>, Fault> {
        let source = self.sources.get(handle).ok_or_else(|| {
            let names = self.sources.keys().map(String::as_str);
            let hint = suggest::hint(handle, names, "Declare its source under `[secrets]` in the site file.");
            Fault::new(Code::SiteUnknown, Stage::Gate, format!("there is no secret `{handle}`")).hint(hint)
        })?;
        match source {
            SecretSource::Env(name) => self.variable(handle, name),
            SecretSource::File(path) => {
                file::read(&format!("secret `{handle}`"), &self.folder.join(path), &file::OWN_FILE)
            }
            SecretSource::Credential(name) => {
                credential::read(&format!("secret `{handle}`"), name, self.environment)
            }
            SecretSource::Store(stored) => self.stored(handle, stored),
            SecretSource::Vault(vaulted) => self.vaulted(handle, vaulted),
            SecretSource::Agent(_) => {
                let message = format!("secret `{handle}` is in the ssh-agent, which gives no key away");
                Err(unreadable(message).hint("Use another source for secrets that are sent as text."))
            }
        }
    }

    /// Vault is asked once for each handle: a run that lasts does not depend on it any further.
    fn vaulted(&self, handle: &str, vaulted: &Vaulted) -> Result<Vec<u8>, Fault> {
        let known = || self.of_vaults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = known().get(handle) {
            return Ok(secret.expose().to_vec());
        }
        let server = self.vaults.get(&vaulted.server);
        let authority = server.and_then(|server| self.authorities.get(&server.authority));
        let (Some(server), Some(authority)) = (server, authority) else {
            // The check of the site file lets no such pass.
            return Err(unreadable(format!("secret `{handle}`: there is no Vault `{}`", vaulted.server)));
        };
        let token = self.resolve(&server.token)?;
        let secret = vault::read(handle, vaulted, server, &self.folder.join(authority), &token)?;
        known().insert(handle.to_owned(), secret.clone());
        Ok(secret.expose().to_vec())
    }

    fn stored(&self, handle: &str, stored: &Stored) -> Result<Vec<u8>, Fault> {
        let entries = self.store.read()?;
        let key = stored.key.parse::<KeyPath>();
        let get = |former| key.as_ref().ok().and_then(|key| entries.get(key, &stored.field, former));
        // A peer that was not told of the rotation may still send it back.
        if let Some(former) = get(true) {
            self.redactor.register(handle, former.expose().trim_ascii_end());
        }
        let secret = get(stored.former);
        let secret = secret.ok_or_else(|| {
            let which = if stored.former { "former " } else { "" };
            let Stored { key, field, .. } = stored;
            let message = format!(
                "secret `{handle}` is the {which}`{field}` under `{key}` in the secrets store, which has none"
            );
            unreadable(message).hint(format!("Put it there with `fabric secrets put {key} {field}`."))
        })?;
        Ok(secret.expose().to_vec())
    }

    fn variable(&self, handle: &str, name: &str) -> Result<Vec<u8>, Fault> {
        let value = (self.environment)(name).ok_or_else(|| {
            let message =
                format!("secret `{handle}` is in the environment variable {name}, which is not set");
            unreadable(message).hint(format!("Export {name} in the shell that starts fabric."))
        })?;
        Ok(std::os::unix::ffi::OsStringExt::into_vec(value))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("sources", &self.sources).finish_non_exhaustive()
    }
}

/// The fault of a source that cannot be read.
pub(super) fn unreadable(message: impl Into<String>) -> Fault {
    Fault::new(Code::SiteSecret, Stage::Gate, message)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;
    use std::time::SystemTime;

    use super::super::super::load::load;
    use super::super::store::SecretText;
    use super::*;

    const SAMAKIA: &str = include_str!("../../../../../fabric.toml");

    /// The site in a folder of its own, with these sources in place of its own.
    fn site(folder: &Path, token: &str, key: &str) -> SiteFile {
        let text = SAMAKIA
            .replace(r#"{ env = "PM_API_TOKEN_SECRET" }"#, token)
            .replace(r#"{ file = "secrets/ssh-operator" }"#, key);
        let path = folder.join("fabric.toml");
        fs::write(&path, text).expect("the site is written");
        load(&path).expect("the site is sound")
    }

    fn secrets_of(file: &SiteFile, environment: Environment) -> Secrets {
        Secrets::with_environment(file, &Home::at(file.folder.join("home")), Arc::default(), environment)
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).expect("the file is written");
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode is set");
    }

    const FILE: &str = r#"{ file = "token" }"#;

    #[test]
    fn a_variable_is_read_and_loses_its_line_break() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = site(folder.path(), r#"{ env = "TOKEN" }"#, FILE);
        let secrets = secrets_of(&file, |name| (name == "TOKEN").then(|| "s3cret-token\r\n".into()));
        assert_eq!(secrets.resolve("proxmox/token").expect("it is set").expose(), b"s3cret-token");
        assert_eq!(secrets.redactor.redact("is s3cret-token"), "is [redacted:proxmox/token]");
        let unset = secrets_of(&file, |_| None).resolve("proxmox/token").expect_err("unset");
        assert_eq!(unset.code, Code::SiteSecret);
        assert_eq!(unset.hints, ["Export TOKEN in the shell that starts fabric."]);
    }

    #[test]
    fn every_secret_that_can_be_read_is_made_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = site(folder.path(), r#"{ env = "TOKEN" }"#, FILE);
        let secrets = secrets_of(&file, |name| (name == "TOKEN").then(|| "s3cret-token".into()));
        secrets.make_known();
        assert_eq!(secrets.redactor.redact("is s3cret-token"), "is [redacted:proxmox/token]");
    }

    #[test]
    fn a_file_of_the_owner_alone_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = secrets_of(&site(folder.path(), FILE, FILE), |_| None);
        write(&folder.path().join("token"), "abcdef\n", 0o600);
        assert_eq!(secrets.resolve("proxmox/token").expect("0600 is fine").expose(), b"abcdef");
        fs::rename(folder.path().join("token"), folder.path().join("elsewhere")).expect("renamed");
        symlink("elsewhere", folder.path().join("token")).expect("linked");
        assert_eq!(
            secrets.resolve("proxmox/token").expect("a link to such a file is fine").expose(),
            b"abcdef"
        );
    }

    #[test]
    fn a_file_that_others_can_reach_is_refused_also_behind_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = secrets_of(&site(folder.path(), FILE, FILE), |_| None);
        let open = folder.path().join("open");
        symlink("open", folder.path().join("token")).expect("linked");
        for mode in [0o640, 0o604, 0o620, 0o660, 0o644, 0o601] {
            write(&open, "abcdef\n", mode);
            let fault = secrets.resolve("proxmox/token").expect_err("others can reach it");
            assert_eq!(fault.code, Code::SiteSecret);
            assert!(fault.message.contains(&format!("mode {mode:04o}")), "{fault}");
            assert!(fault.hints.iter().any(|hint| hint.contains("chmod 600 ")), "{fault:?}");
        }
        assert_eq!(secrets.redactor.redact("abcdef"), "abcdef", "a refused file is not read");
    }

    #[test]
    fn what_is_not_a_small_regular_file_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = secrets_of(&site(folder.path(), FILE, FILE), |_| None);
        let token = folder.path().join("token");
        let refused = |wanted: &str| {
            let fault = secrets.resolve("proxmox/token").expect_err(wanted);
            assert_eq!(fault.code, Code::SiteSecret);
            assert!(fault.message.contains(wanted), "{fault}");
        };
        refused("No such file");
        fs::create_dir(&token).expect("a folder in its place");
        refused("not a regular file");
        fs::remove_dir(&token).expect("removed");
        // A pipe without a writer would hang a reader that opens it in blocking mode.
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &token, kind, rustix::fs::Mode::RUSR, 0)
            .expect("a pipe in its place");
        refused("not a regular file");
        fs::remove_file(&token).expect("removed");
        write(&token, &"x".repeat(65 * 1024), 0o600);
        refused("larger than 64 KiB");
        write(&token, "\n", 0o600);
        refused("is empty");
    }

    #[test]
    fn a_credential_is_read_from_the_service_managers_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = site(folder.path(), r#"{ credential = "pve-token" }"#, FILE);
        let none = secrets_of(&file, |_| None).resolve("proxmox/token").expect_err("no folder");
        assert!(none.hints.iter().any(|hint| hint.contains("LoadCredential=pve-token")), "{none:?}");
        let absent = secrets_of(&file, |_| Some("/nonexistent".into()));
        let fault = absent.resolve("proxmox/token").expect_err("an empty folder");
        assert!(fault.message.contains("/nonexistent"), "{fault}");
    }

    #[test]
    fn a_value_of_the_store_is_read_anew_and_the_former_one_is_known_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = site(folder.path(), r#"{ store = { key = "pve", field = "token" } }"#, FILE);
        let secrets = secrets_of(&file, |_| None);
        let absent = secrets.resolve("proxmox/token").expect_err("there is no store");
        assert_eq!(absent.hints, ["Make one with `fabric secrets init`."]);
        let store = Store::of(Some(&file), &Home::at(folder.path().join("home")));
        store.init().expect("it is new");
        let missing = secrets.resolve("proxmox/token").expect_err("nothing is in it");
        assert_eq!(missing.hints, ["Put it there with `fabric secrets put pve token`."]);
        let (key, field) = ("pve".parse().expect("a key"), "token".parse().expect("a name"));
        let text = |text: &str| SecretText::from_bytes(text.as_bytes().to_vec().into()).expect("a value");
        let now = SystemTime::UNIX_EPOCH;
        store.change(|entries| entries.put(&key, &field, text("first-token\n"), now)).expect("it is new");
        assert_eq!(secrets.resolve("proxmox/token").expect("it is there").expose(), b"first-token");
        store
            .change(|entries| entries.rotate(&key, &field, text("second-token\n"), now))
            .expect("it is there");
        let rotated = secrets_of(&file, |_| None);
        assert_eq!(rotated.resolve("proxmox/token").expect("it is there").expose(), b"second-token");
        let shown = rotated.redactor.redact("first-token second-token");
        assert_eq!(shown, "[redacted:proxmox/token] [redacted:proxmox/token]");
    }

    #[test]
    fn an_identity_is_a_key_as_it_stands_or_the_agent() {
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder.path().join("key"), "-----BEGIN\nabcdefghijklmnopqrstuvwxyz\n-----END\n", 0o600);
        let file = site(folder.path(), FILE, r#"{ file = "key" }"#);
        let secrets = secrets_of(&file, |_| None);
        let Ok(SshIdentity::Key(key)) = secrets.ssh_identity() else { panic!("a key is expected") };
        assert!(key.expose().ends_with(b"-----END\n"));
        let shown = secrets.redactor.redact("one line: abcdefghijklmnopqrstuvwxyz");
        assert_eq!(shown, "one line: [redacted:ssh/operator]");

        let file = site(folder.path(), FILE, r#"{ agent = "me@desk" }"#);
        let with = secrets_of(&file, |name| (name == "SSH_AUTH_SOCK").then(|| "/run/agent".into()));
        let Ok(SshIdentity::Agent { socket, key }) = with.ssh_identity() else {
            panic!("the agent is expected")
        };
        assert_eq!((socket.to_str(), key.as_str()), (Some("/run/agent"), "me@desk"));
        let without = secrets_of(&file, |_| None);
        assert_eq!(without.ssh_identity().expect_err("no agent").code, Code::SiteSecret);
        assert_eq!(without.resolve("ssh/operator").expect_err("no text").code, Code::SiteSecret);
    }

    #[test]
    fn an_unknown_handle_gets_the_close_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = secrets_of(&site(folder.path(), FILE, FILE), |_| None);
        let fault = secrets.resolve("proxmox/tokn").expect_err("unknown");
        assert_eq!(
            (fault.code, fault.hints),
            (Code::SiteUnknown, vec!["Did you mean `proxmox/token`?".to_owned()])
        );
    }

    #[test]
    fn debug_output_names_sources_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets =
            secrets_of(&site(folder.path(), r#"{ env = "TOKEN" }"#, FILE), |_| Some("hidden-value".into()));
        secrets.resolve("proxmox/token").expect("it is set");
        assert!(!format!("{secrets:?} {:?}", secrets.redactor).contains("hidden-value"));
    }
}
