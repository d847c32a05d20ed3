//! The operator's own folder: the signing key, and the trust file that says whose signatures count. It lies outside every
//! project, so that a project cannot vouch for itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::{Fingerprint, Signer, Trust, key};
use fabric_gate::Principal;
use fabric_model::exit::Exit;
use fabric_model::{Digest, Slug};

use crate::refusal::Refusal;
use crate::started::Started;

/// The operator's folder, usually `~/.config/fabric`.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
}

/// Who runs, and whom he trusts.
pub struct Operator {
    /// His key.
    pub signer: Signer,
    /// The trust file.
    pub trust: Trust,
    /// Its digest.
    pub trust_digest: Digest,
    /// The runs that were started from his folder and are not sealed yet.
    pub started: Started,
}

impl Home {
    /// The operator's folder at this place.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// A folder of its own below this one, for rehearsals of somebody who has made no key: what signs them must never count
    /// for a real site.
    pub fn for_rehearsals(&self) -> Self {
        Self { folder: self.folder.join("rehearsal") }
    }

    /// The signing key.
    pub fn key_path(&self) -> PathBuf {
        self.folder.join("signing-key.asc")
    }

    /// The trust file.
    pub fn trust_path(&self) -> PathBuf {
        self.folder.join("trust.toml")
    }

    /// Whether there is a signing key or a trust file already.
    pub fn is_set_up(&self) -> bool {
        self.key_path().exists() || self.trust_path().exists()
    }

    /// Makes a signing key, and a trust file in which it has one role.
    ///
    /// # Errors
    /// When there is one already, or the folder cannot be written.
    pub fn set_up(&self, user_id: &str, role: &Slug, now: SystemTime) -> Result<Fingerprint, Refusal> {
        if self.is_set_up() {
            let message = format!("{} holds a key or a trust file already", self.folder.display());
            return Err(Refusal::new(Exit::Configuration, message).hint(
                "Nothing was changed; keys are replaced by hand, with a new entry in the trust file.",
            ));
        }
        let cert = key::generate(user_id, now).map_err(refused)?;
        let fingerprint = key::fingerprint(&cert).map_err(refused)?;
        let certificate = format!("certs/{fingerprint}.asc");
        let certs = self.folder.join("certs");
        fs::create_dir_all(&certs).map_err(|e| unwritable(&certs, &e))?;
        let public = self.folder.join(&certificate);
        fs::write(&public, key::public_armored(&cert).map_err(refused)?)
            .map_err(|e| unwritable(&public, &e))?;
        key::write_secret(&self.key_path(), &cert).map_err(refused)?;
        let trust = trust_file(user_id, &certificate, &fingerprint, role);
        fs::write(self.trust_path(), trust).map_err(|e| unwritable(&self.trust_path(), &e))?;
        Ok(fingerprint)
    }

    /// Reads key and trust file.
    ///
    /// # Errors
    /// When one is missing or wrong, or the key is not in the trust file.
    pub fn operator(&self) -> Result<Operator, Refusal> {
        if !self.is_set_up() {
            let message = format!("there is no signing key at {}", self.key_path().display());
            return Err(Refusal::new(Exit::Authentication, message).hint("Make one with `fabric init`."));
        }
        let signer = Signer::load(&self.key_path()).map_err(refused)?;
        let (trust, trust_digest) = read_trust(&self.trust_path())?;
        let started = Started::at(self.folder.join("started"));
        Ok(Operator { signer, trust, trust_digest, started })
    }
}

impl Operator {
    /// Who he is to the gate: his roles are what the trust file gives to his certificate, none where it is not named.
    pub fn principal(&self) -> Principal {
        let fingerprint = self.signer.fingerprint();
        Principal { fingerprint: fingerprint.to_string(), roles: self.trust.roles_of(fingerprint).to_vec() }
    }
}

/// Reads a trust file.
///
/// # Errors
/// When it is missing or wrong.
pub fn read_trust(path: &Path) -> Result<(Trust, Digest), Refusal> {
    let file = path.display().to_string();
    let trust = Trust::load(path).map_err(|errors| Refusal::in_file(Exit::Configuration, &file, errors))?;
    let digest = trust.digest();
    Ok((trust, digest))
}

fn trust_file(user_id: &str, certificate: &str, fingerprint: &Fingerprint, role: &Slug) -> String {
    // TOML strings of this form take the same escapes as Rust's.
    format!(
        "# Whose signatures count, and in which role. Keep it out of every project.\nformat = 1\n\n[[principal]]\n\
         name = {user_id:?}\ncertificate = {certificate:?}\nfingerprint = \"{fingerprint}\"\nroles = [\"{role}\"]\n"
    )
}

fn refused(error: key::KeyError) -> Refusal {
    let hint = error.hint();
    Refusal::new(Exit::Authentication, error.to_string()).hint(hint)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::new(Exit::Configuration, format!("{} cannot be written: {error}", path.display()))
}
