//! The world a run acts in: a site, opened over the real seams or as the twin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fabric_connect::ssh::{KnownHosts, SshClient};
use fabric_model::exit::Exit;
use fabric_model::site::{Realm, Site};
use fabric_model::{Code, Fault, Slug, Stage};
use fabric_primitives::Authorities;
use fabric_redact::Redactor;
use fabric_twin::Twin;
use fabric_twin::process::Remote;
use fabric_wire::endpoint::Secret;
use fabric_wire::{Seams, Writing};

use crate::home::Home;
use crate::lab_guard;
use crate::recording;
use crate::refusal::Refusal;
use crate::site::{Aliases, Secrets, SiteFile};

/// A site that can be reached.
pub struct World {
    /// The site file.
    pub file: SiteFile,
    /// The ways out.
    pub seams: Seams,
    writing: Writing,
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
    /// A twin in a process of its own, behind this socket.
    Remote(Remote, PathBuf),
    /// There is nobody to show any to: a recording answers.
    None,
}

impl Keys {
    /// What the twin has instead of files: the secret behind a handle.
    fn secret_of_twin(&self, handle: &str) -> Option<Secret> {
        match self {
            Self::Files(_) | Self::None => None,
            Self::Twin(twin) => twin.secret(handle),
            Self::Remote(twin, _) => twin.secret(handle),
        }
    }

    /// What the twin has instead of files: the certificate of an authority.
    fn authority_of_twin(&self, name: &str) -> Option<Vec<u8>> {
        match self {
            Self::Files(_) | Self::None => None,
            Self::Twin(twin) => twin.authority(name),
            Self::Remote(twin, _) => twin.authority(name),
        }
    }
}

impl World {
    /// Opens the site that the file describes: the lab or the real one. What it keeps in the secrets store is read from the one of
    /// this operator's folder, unless it names another.
    ///
    /// # Errors
    /// When the file describes a twin, which is only rehearsed, or a lab in which this process is not; or when the pinned host
    /// keys or the operator's key cannot be read.
    pub fn open(file: SiteFile, home: &Home) -> Result<Self, Refusal> {
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
        let secrets = Secrets::new(&file, home, Arc::clone(&redactor));
        let pins = file.folder.join(&file.site.ssh.known_hosts);
        let known_hosts = KnownHosts::read(&pins).map_err(|e| {
            Refusal::new(Exit::Configuration, e.to_string())
                .hint("Write the hosts' public keys there, as known_hosts(5) has it, each compared with the host's own.")
        })?;
        // A secret that no call needs can still be typed as a parameter.
        secrets.make_known();
        let ssh = SshClient::new(known_hosts, secrets.ssh_identity()?);
        let ssh = Arc::new(ssh);
        let seams = fabric_connect::seams(ssh.clone());
        let writing = fabric_connect::writing(ssh);
        let aliases = Aliases::of_site(&file.site);
        Ok(Self {
            file,
            seams,
            writing,
            redactor,
            aliases,
            keys: Keys::Files(secrets),
            authorities: Mutex::default(),
        })
    }

    /// Opens the twin of the site that the file describes.
    pub fn rehearsal(file: SiteFile, twin: Arc<Twin>) -> Self {
        let (seams, writing) = (twin.seams(), twin.writing());
        Self::of_twin(file, seams, writing, Keys::Twin(twin))
    }

    /// Opens a twin of the site that a process of its own serves on this socket, and which lives on when this one does not.
    ///
    /// # Errors
    /// When nobody serves there.
    pub async fn rehearsal_on(file: SiteFile, socket: &Path) -> Result<Self, Refusal> {
        let twin = Remote::connect(socket).await.map_err(|error| {
            Refusal::new(Exit::Unreachable, format!("no twin answers on {}: {error}", socket.display()))
                .hint("Start one with `fabric twin --socket PATH`.")
        })?;
        let (seams, writing) = (twin.seams(), twin.writing());
        Ok(Self::of_twin(file, seams, writing, Keys::Remote(twin, socket.to_owned())))
    }

    /// Stands in for a site of this realm that cannot be reached from here: a recording answers instead of it.
    pub fn offline(mut file: SiteFile, realm: Realm) -> Self {
        file.site.site.realm = realm;
        let aliases = Aliases::of_site(&file.site);
        Self {
            file,
            seams: recording::seams(),
            writing: recording::writing(),
            redactor: Arc::new(Redactor::default()),
            aliases,
            keys: Keys::None,
            authorities: Mutex::default(),
        }
    }

    fn of_twin(mut file: SiteFile, seams: Seams, writing: Writing, keys: Keys) -> Self {
        file.site.site.realm = Realm::Twin;
        let redactor = Arc::new(Redactor::default());
        for handle in file.site.secrets.keys() {
            if let Some(secret) = keys.secret_of_twin(handle.as_str()) {
                redactor.register(handle.as_str(), secret.expose());
            }
        }
        let aliases = Aliases::of_site(&file.site);
        Self { file, seams, writing, redactor, aliases, keys, authorities: Mutex::default() }
    }

    /// The socket of a twin in a process of its own.
    pub(crate) fn socket(&self) -> Option<&Path> {
        match &self.keys {
            Keys::Remote(_, socket) => Some(socket),
            Keys::Files(_) | Keys::Twin(_) | Keys::None => None,
        }
    }

    /// The ways to change it, for whoever was let.
    pub(crate) fn writing(&self) -> Writing {
        self.writing.clone()
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
            Keys::None => Ok(Secret::new(Vec::new())),
            twin => twin.secret_of_twin(handle).ok_or_else(|| {
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
            Keys::None => Ok(Vec::new()),
            Keys::Twin(_) | Keys::Remote(..) => self.keys.authority_of_twin(name.as_str()).ok_or_else(|| {
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
