//! The operator's own folder: the signing key or who else signs, and the trust file that says whose signatures count. It lies outside every
//! project, so that a project cannot vouch for itself.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::{Fingerprint, Signer, Trust, key};
use fabric_gate::Principal;
use fabric_model::exit::Exit;
use fabric_model::{Digest, Slug};

use crate::boundary;
use crate::refusal::Refusal;
use crate::signing::{self, Gpg};
use crate::started::Started;

/// The operator's folder, usually `~/.config/fabric`.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
}

/// Who runs, and whom he trusts.
pub struct Operator {
    /// His folder.
    pub home: Home,
    /// His key.
    pub signer: Signer,
    /// The trust file.
    pub trust: Trust,
    /// Where the trust file lies.
    pub trust_path: PathBuf,
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

    /// Where it lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The signing key.
    pub fn key_path(&self) -> PathBuf {
        self.folder.join("signing-key.asc")
    }

    /// Who signs instead of a key in a file.
    fn signer_path(&self) -> PathBuf {
        self.folder.join(signing::NAME)
    }

    /// The trust file.
    pub fn trust_path(&self) -> PathBuf {
        self.folder.join("trust.toml")
    }

    /// The secrets store, where the site file names no other.
    pub(crate) fn store_path(&self) -> PathBuf {
        self.folder.join("secrets.age")
    }

    /// The identity that opens the secrets store, where the site file names no other.
    pub(crate) fn store_identity_path(&self) -> PathBuf {
        self.folder.join("secrets-identity.txt")
    }

    /// The authority of rehearsals: what used-up approvals, freezes and budgets come to on the twin binds nobody else.
    pub(crate) fn rehearsal_authority(&self) -> PathBuf {
        self.folder.join("rehearsal/authority")
    }

    /// Whether there is a signing key, another signer, or a trust file already.
    pub fn is_set_up(&self) -> bool {
        [self.key_path(), self.signer_path(), self.trust_path()].iter().any(|path| path.exists())
    }

    /// Makes a signing key, and a trust file in which it has one role.
    ///
    /// # Errors
    /// When there is one already, or the folder cannot be written.
    pub fn set_up(&self, user_id: &str, role: &Slug, now: SystemTime) -> Result<Fingerprint, Refusal> {
        self.still_empty()?;
        let cert = key::generate(user_id, now).map_err(refused)?;
        let fingerprint = key::fingerprint(&cert).map_err(refused)?;
        let public = key::public_armored(&cert).map_err(refused)?;
        let certificate = self.keep_certificate(&fingerprint, &public)?;
        key::write_secret(&self.key_path(), &cert).map_err(refused)?;
        let trust = trust_file(user_id, &certificate, &fingerprint, role);
        write(&self.trust_path(), trust.as_bytes())?;
        Ok(fingerprint)
    }

    /// Takes a key that gpg has, on a card or in its own folder, and writes a trust file in which it has one role.
    ///
    /// # Errors
    /// When there is a key already, gpg does not have this one, or the folder cannot be written.
    pub fn set_up_with_gpg(&self, fingerprint: &Fingerprint, role: &Slug) -> Result<PathBuf, Refusal> {
        self.still_empty()?;
        let public = Gpg::usual().certificate(fingerprint)?;
        let certificate = self.keep_certificate(fingerprint, &public)?;
        let signer = format!(
            "# gpg signs, with the key {fingerprint}.\nformat = 1\ncertificate = {certificate:?}\n\n[gpg]\n"
        );
        write(&self.signer_path(), signer.as_bytes())?;
        let trust = trust_file("gpg operator", &certificate, fingerprint, role);
        write(&self.trust_path(), trust.as_bytes())?;
        // What gpg gave must be the certificate that was asked for.
        self.operator().map(|_| self.signer_path())
    }

    fn still_empty(&self) -> Result<(), Refusal> {
        if !self.is_set_up() {
            return Ok(());
        }
        let message = format!("{} holds a key or a trust file already", self.folder.display());
        Err(Refusal::new(Exit::Configuration, message)
            .hint("Nothing was changed; keys are replaced by hand, with a new entry in the trust file."))
    }

    /// Writes a certificate beside the trust file and brings its path from there.
    fn keep_certificate(&self, fingerprint: &Fingerprint, public: &[u8]) -> Result<String, Refusal> {
        let certificate = format!("certs/{fingerprint}.asc");
        let certs = self.folder.join("certs");
        fs::create_dir_all(&certs).map_err(|e| unwritable(&certs, &e))?;
        write(&self.folder.join(&certificate), public)?;
        Ok(certificate)
    }

    /// Reads key and trust file.
    ///
    /// # Errors
    /// When one is missing or wrong, when others can write the trust file, or when the key is not in it: then nobody could verify
    /// what it signs.
    pub fn operator(&self) -> Result<Operator, Refusal> {
        if !self.is_set_up() {
            let message = format!("there is no signing key at {}", self.key_path().display());
            return Err(Refusal::new(Exit::Authentication, message).hint("Make one with `fabric init`."));
        }
        let signer = self.signer()?;
        let trust_path = self.trust_path();
        let (trust, trust_digest) = read_trust(&trust_path)?;
        vouched(&trust, signer.fingerprint(), &trust_path)?;
        let started = Started::at(self.folder.join("started"));
        Ok(Operator { home: self.clone(), signer, trust, trust_path, trust_digest, started })
    }

    fn signer(&self) -> Result<Signer, Refusal> {
        let (key, elsewhere) = (self.key_path(), self.signer_path());
        match (key.exists(), elsewhere.exists()) {
            (true, true) => {
                let message = format!("both {} and {} say who signs", key.display(), elsewhere.display());
                Err(Refusal::new(Exit::Configuration, message)
                    .hint("Keep one of them, and move the other away."))
            }
            (false, true) => signing::load(&elsewhere),
            _ => Signer::load(&key).map_err(refused),
        }
    }
}

impl Operator {
    /// Who he is to the gate: his roles are what the trust file gives to his certificate.
    pub fn principal(&self) -> Principal {
        let fingerprint = self.signer.fingerprint();
        Principal { fingerprint: fingerprint.to_string(), roles: self.trust.roles_of(fingerprint).to_vec() }
    }
}

/// That the trust file names a key, and still trusts it.
fn vouched(trust: &Trust, fingerprint: &Fingerprint, path: &Path) -> Result<(), Refusal> {
    let shown = path.display();
    match trust.principal(fingerprint) {
        Some(principal) if !principal.revoked => Ok(()),
        Some(_) => Err(Refusal::new(
            Exit::Authentication,
            format!("the key {fingerprint} is revoked in the trust file {shown}"),
        )
        .hint("Sign with another key; nothing that this one signs counts any more.")),
        None => Err(Refusal::new(
            Exit::Authentication,
            format!(
                "the key {fingerprint} is not in the trust file {shown}, so nothing that it signs would count"
            ),
        )
        .hint("Add a `[[principal]]` with its certificate, its fingerprint and a role to the trust file.")),
    }
}

/// Reads a trust file.
///
/// # Errors
/// When it is missing or wrong, or others than its owner can write it.
pub fn read_trust(path: &Path) -> Result<(Trust, Digest), Refusal> {
    boundary::of_one_writer(path)?;
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

/// Writes a new file that its owner alone can change, whatever the umask: others are not believed.
fn write(path: &Path, content: &[u8]) -> Result<(), Refusal> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path);
    file.and_then(|mut file| file.write_all(content)).map_err(|e| unwritable(path, &e))
}

fn refused(error: key::KeyError) -> Refusal {
    let hint = error.hint();
    Refusal::new(Exit::Authentication, error.to_string()).hint(hint)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::new(Exit::Configuration, format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn set_up(folder: &Path) -> Home {
        let home = Home::at(folder.to_owned());
        let role = "site-dev".parse().expect("a name");
        home.set_up("tests <tests@localhost>", &role, SystemTime::now()).expect("a new folder");
        home
    }

    fn refusal(home: &Home) -> Refusal {
        home.operator().err().expect("he is refused")
    }

    #[test]
    fn a_key_that_the_trust_file_does_not_name_is_refused() {
        let (own, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let home = set_up(own.path());
        home.operator().expect("he is named");
        fs::remove_file(home.key_path()).expect("ours");
        fs::rename(set_up(other.path()).key_path(), home.key_path()).expect("ours");
        let refusal = refusal(&home);
        assert_eq!(refusal.exit, Exit::Authentication);
        assert!(refusal.message.contains("is not in the trust file"), "{refusal}");
        assert!(refusal.hints.concat().contains("Add a `[[principal]]`"), "{refusal}");
    }

    #[test]
    fn a_revoked_key_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = set_up(folder.path());
        let trust = fs::read_to_string(home.trust_path()).expect("ours") + "revoked = true\n";
        fs::write(home.trust_path(), trust).expect("ours");
        let refusal = refusal(&home);
        assert_eq!(refusal.exit, Exit::Authentication);
        assert!(refusal.message.contains("is revoked"), "{refusal}");
    }

    #[test]
    fn a_trust_file_that_others_write_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = set_up(folder.path());
        fs::set_permissions(home.trust_path(), Permissions::from_mode(0o664)).expect("ours");
        let refusal = refusal(&home);
        assert_eq!(refusal.exit, Exit::Configuration);
        assert!(refusal.hints.concat().contains("chmod go-w"), "{refusal}");
    }
}
