//! The world a run acts in: a site, opened over the real seams or as the twin.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use fabric_connect::ssh::{KnownHosts, SshClient};
use fabric_model::exit::Exit;
use fabric_model::site::{Realm, Site};
use fabric_model::{Code, Fault, Slug, Stage};
use fabric_primitives::Authorities;
use fabric_twin::Twin;
use fabric_wire::Seams;
use fabric_wire::endpoint::Secret;

use crate::lab_guard;
use crate::refusal::Refusal;
use crate::site::{Aliases, Redactor, Secrets, SiteFile};

/// A site that can be reached.
pub struct World {
    /// The site file.
    pub file: SiteFile,
    /// The ways out.
    pub seams: Seams,
    /// Hides secrets from whatever is written or shown.
    pub redactor: Arc<Redactor>,
    /// What the site calls its addresses.
    pub(crate) aliases: Aliases,
    keys: Keys,
    authorities: Mutex<BTreeMap<Slug, Arc<Vec<u8>>>>,
}

/// Where credentials and trust anchors come from.
enum Keys {
    Files(Secrets),
    Twin(Arc<Twin>),
}

impl World {
    /// Opens the site that the file describes: the lab or the real one.
    ///
    /// # Errors
    /// When the file describes a twin, which is only rehearsed, or a lab in which this process is not; or when the pinned host
    /// keys or the operator's key cannot be read.
    pub fn open(file: SiteFile) -> Result<Self, Refusal> {
        match file.site.site.realm {
            Realm::Real => {}
            Realm::Lab => lab_guard::inside_the_lab(&file.site)?,
            // Otherwise the real network would be met under a name for which grants are freely given.
            Realm::Twin => {
                let message =
                    format!("the realm of `{}` is `twin`, which has no network", file.path.display());
                return Err(Refusal::new(Exit::Configuration, message)
                    .hint("A twin is played with `fabric rehearse`, whatever the realm of the site."));
            }
        }
        let redactor = Arc::new(Redactor::default());
        let secrets = Secrets::new(&file, Arc::clone(&redactor));
        let pins = file.folder.join(&file.site.ssh.known_hosts);
        let known_hosts = KnownHosts::read(&pins).map_err(|e| {
            Refusal::new(Exit::Configuration, e.to_string())
                .hint("Write the hosts' public keys there, as known_hosts(5) has it, each compared with the host's own.")
        })?;
        // A secret that no call needs can still be typed as a parameter.
        secrets.make_known();
        let ssh = SshClient::new(known_hosts, secrets.ssh_identity()?);
        let seams = fabric_connect::seams(Arc::new(ssh));
        let aliases = Aliases::of_site(&file.site);
        Ok(Self { file, seams, redactor, aliases, keys: Keys::Files(secrets), authorities: Mutex::default() })
    }

    /// Opens the twin of the site that the file describes.
    pub fn rehearsal(mut file: SiteFile, twin: Arc<Twin>) -> Self {
        file.site.site.realm = Realm::Twin;
        let seams = twin.seams();
        let redactor = Arc::new(Redactor::default());
        for handle in file.site.secrets.keys() {
            if let Some(secret) = twin.secret(handle.as_str()) {
                redactor.register(handle.as_str(), secret.expose());
            }
        }
        let aliases = Aliases::of_site(&file.site);
        Self { file, seams, redactor, aliases, keys: Keys::Twin(twin), authorities: Mutex::default() }
    }

    /// The site.
    pub fn site(&self) -> &Site {
        &self.file.site
    }

    /// The secret behind a handle.
    ///
    /// # Errors
    /// When its source does not give it.
    pub(crate) fn secret(&self, handle: &str) -> Result<Secret, Fault> {
        match &self.keys {
            Keys::Files(secrets) => secrets.resolve(handle),
            Keys::Twin(twin) => twin.secret(handle).ok_or_else(|| {
                Fault::new(Code::SiteSecret, Stage::Gate, format!("the twin has no secret `{handle}`"))
            }),
        }
    }

    /// The certificates of an authority in PEM, read when they are first needed.
    pub(crate) fn certificates(&self, name: &Slug) -> Result<Arc<Vec<u8>>, Fault> {
        let mut read = self.authorities.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pem) = read.get(name) {
            return Ok(Arc::clone(pem));
        }
        let pem = Arc::new(self.read_certificates(name)?);
        read.insert(name.clone(), Arc::clone(&pem));
        Ok(pem)
    }
}

impl Authorities for World {
    fn pem(&self, name: &Slug) -> Result<Arc<Vec<u8>>, Fault> {
        self.certificates(name)
    }
}

impl World {
    fn read_certificates(&self, name: &Slug) -> Result<Vec<u8>, Fault> {
        let path = self.site().authorities.get(name).ok_or_else(|| {
            Fault::new(Code::SiteUnknown, Stage::Gate, format!("the site file names no authority `{name}`"))
                .hint(format!("Add `{name} = \"FILE.pem\"` under [authorities]."))
        })?;
        match &self.keys {
            Keys::Twin(twin) => twin.authority(name.as_str()).ok_or_else(|| {
                Fault::new(Code::SiteUnknown, Stage::Gate, format!("the twin has no authority `{name}`"))
            }),
            Keys::Files(_) => {
                let path = self.file.folder.join(path);
                std::fs::read(&path).map_err(|error| {
                    Fault::new(Code::SiteUnknown, Stage::Gate, format!("read `{}`: {error}", path.display()))
                        .hint(format!("Put the certificates of `{name}` there, in PEM."))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::site;

    #[test]
    fn secrets_of_the_twin_are_known_to_the_redactor_before_anything_runs() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fabric.toml");
        let file = site::load(&path).expect("the site is sound");
        let twin = Arc::new(Twin::new(&file.site, 1));
        let handle = file.site.proxmox.token.clone();
        let world = World::rehearsal(file, Arc::clone(&twin));
        let token = twin.secret(&handle).expect("the twin has a token");
        let token = std::str::from_utf8(token.expose()).expect("text");
        assert_eq!(world.redactor.redact(&format!("a {token} b")), format!("a [redacted:{handle}] b"));
    }
}
