//! How much the files that bind the executor are out of his own reach.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use fabric_evidence::{Trust, statement};
use fabric_model::exit::Exit;
use fabric_model::{Confinement, Digest};
use rustix::fs::Access;

use crate::home::Operator;
use crate::refusal::Refusal;
use crate::run::Run;
use crate::site::SiteFile;

/// Write permission for the group and for others.
const OTHERS_WRITE: u32 = 0o022;

/// A folder in which only the owner of a file can replace it.
const STICKY: u32 = 0o1000;

/// What the signature of a policy or site file means, and the role in which it counts.
const SIGNED_POLICY: &str = "policy";
const POLICY_ADMIN: &str = "policy-admin";

/// How far the executor is bound by more than his own good will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Boundary {
    /// Whether nothing of what binds him is his to rewrite.
    pub(crate) enforced: bool,
    /// What he could rewrite.
    rewritable: Vec<String>,
}

/// A file that binds the executor.
pub(crate) struct Binding<'a> {
    /// Where it lies.
    pub(crate) path: &'a Path,
    /// The bytes that the run goes by.
    pub(crate) bytes: &'a [u8],
}

impl Boundary {
    /// The boundary of a run: its policy, its site file and the trust file.
    pub(crate) fn of_run(run: &Run, now: SystemTime) -> Self {
        let (policy, text) = &run.policy;
        Self::of_operator((Path::new(policy), text), &run.world.file, &run.operator, now)
    }

    fn of_operator(
        (policy, text): (&Path, &str),
        site: &SiteFile,
        operator: &Operator,
        now: SystemTime,
    ) -> Self {
        // What was read before and is another file now is not what somebody signed.
        let bytes = fs::read(&site.path).unwrap_or_default();
        let bytes = if Digest::of(&bytes) == site.digest { bytes } else { Vec::new() };
        let policy = Binding { path: policy, bytes: text.as_bytes() };
        let site = Binding { path: &site.path, bytes: &bytes };
        Self::of([policy, site], &operator.trust_path, &operator.trust, now)
    }

    /// Whether the files are out of the executor's reach, or signed by a `policy-admin`. Nothing is signed where he could rewrite
    /// who that is.
    pub(crate) fn of<const N: usize>(
        files: [Binding<'_>; N],
        trust_path: &Path,
        trust: &Trust,
        now: SystemTime,
    ) -> Self {
        let own_trust = can_rewrite(trust_path);
        let bound =
            |file: &Binding<'_>| !can_rewrite(file.path) || (!own_trust && is_signed(file, trust, now));
        let mut rewritable: Vec<String> =
            files.iter().filter(|file| !bound(file)).map(|file| name(file.path)).collect();
        if own_trust {
            rewritable.push(name(trust_path));
        }
        Self { enforced: rewritable.is_empty(), rewritable }
    }

    /// The same boundary with a folder in which the executor must not be able to rewrite what others put there.
    pub(crate) fn with_folder(mut self, folder: &Path, can_rewrite: fn(&Path) -> bool) -> Self {
        let named = name(folder);
        if can_rewrite(folder) && !self.rewritable.contains(&named) {
            self.rewritable.push(named);
            self.enforced = false;
        }
        self
    }

    /// What the executor could rewrite, in words; none where the boundary is enforced.
    pub(crate) fn advisory(&self) -> Option<String> {
        (!self.enforced).then(|| format!("the executor can rewrite {}", self.rewritable.join(", ")))
    }

    /// The boundary as a packet states it, with what keeps the script in where one runs. Where the executor could rewrite one of the
    /// files that bind him, his run is bound by his own good will there, and the packet says so.
    pub(crate) fn words(&self, confinement: Option<&Confinement>) -> String {
        let script = confinement.map_or_else(|| "no script".to_owned(), ToString::to_string);
        match self.advisory() {
            None => script,
            Some(advisory) => format!("{script}; advisory: {advisory}"),
        }
    }
}

/// What of that which binds this operator he could rewrite himself, in words; nothing where the boundary is enforced.
pub fn advisory(
    policy: (&Path, &str),
    site: &SiteFile,
    operator: &Operator,
    now: SystemTime,
) -> Option<String> {
    Boundary::of_operator(policy, site, operator, now).advisory()
}

#[cfg(test)]
impl Boundary {
    /// A boundary as it is stated: root, who runs many tests, is bound by no file.
    pub(crate) fn stated(rewritable: &[&str]) -> Self {
        let rewritable: Vec<String> = rewritable.iter().map(|file| (*file).to_owned()).collect();
        Self { enforced: rewritable.is_empty(), rewritable }
    }
}

/// The boundary of these files as the packet of a recovery states it, whatever is signed.
pub(crate) fn of_files<'p>(files: impl IntoIterator<Item = &'p Path>) -> String {
    let rewritable: Vec<String> = files.into_iter().filter(|file| can_rewrite(file)).map(name).collect();
    Boundary { enforced: rewritable.is_empty(), rewritable }.words(None)
}

/// Whether a `policy-admin` signed these very bytes, beside the file.
fn is_signed(file: &Binding<'_>, trust: &Trust, now: SystemTime) -> bool {
    let mut beside = file.path.as_os_str().to_owned();
    beside.push(".asc");
    let Ok(signature) = fs::read(beside) else { return false };
    statement::verify(file.bytes, &signature, SIGNED_POLICY, trust, now)
        .is_ok_and(|signed| signed.role.as_str() == POLICY_ADMIN)
}

/// Refuses a file that more accounts than its owner's can change: whoever they are, nobody granted them that.
///
/// # Errors
/// When its mode lets the group or others write.
pub(crate) fn of_one_writer(file: &Path) -> Result<(), Refusal> {
    // A file that is not there is for its reader to refuse.
    let mode = fs::metadata(file).map_or(0, |file| file.mode()) & 0o7777;
    if mode & OTHERS_WRITE == 0 {
        return Ok(());
    }
    let shown = file.display();
    let message = format!("{shown} can be written by others than its owner (mode {mode:04o})");
    Err(Refusal::new(Exit::Configuration, message).hint(format!(
        "Read what it says, then run `chmod go-w {shown}`: it decides what is granted and whose signatures count."
    )))
}

/// Whether this process's account can change what the path leads to: the file, or any folder on the way in which it could put
/// another in its place. What cannot be looked at counts as if it could.
pub(crate) fn can_rewrite(file: &Path) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let Ok(file) = fs::canonicalize(file) else { return true };
    file.ancestors().any(|step| {
        let Ok(metadata) = fs::metadata(step) else { return true };
        let writable = rustix::fs::access(step, Access::WRITE_OK).is_ok();
        // In a sticky folder nobody replaces what is another's; what is his own is found by its owner.
        metadata.uid() == me || (writable && !(metadata.is_dir() && metadata.mode() & STICKY != 0 && me != 0))
    })
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io;
    use std::os::unix::fs::PermissionsExt as _;

    use fabric_evidence::{Signer, key};

    use super::*;

    fn nobody() -> Trust {
        Trust::parse("trust.toml", "format = 1\n", |_| Err(io::Error::other("none"))).expect("a trust file")
    }

    fn of(policy: &Path, site: &Path, trust: &Path) -> Boundary {
        let file = |path| Binding { path, bytes: b"" };
        Boundary::of([file(policy), file(site)], trust, &nobody(), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn what_the_executor_owns_makes_the_boundary_advisory() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("policy.toml");
        fs::write(&own, "").expect("a file");
        fs::set_permissions(&own, Permissions::from_mode(0o444)).expect("ours");
        let (own, gone) = (own.as_path(), Path::new("/nonexistent/trust.toml"));
        let boundary = of(own, own, gone);
        assert!(!boundary.enforced);
        let words = boundary.words(Some(&Confinement::Full));
        assert!(
            words.starts_with("full; advisory: ") && words.contains("policy.toml, trust.toml"),
            "{words}"
        );
    }

    #[test]
    fn what_nobody_but_root_writes_is_enforced_for_others_than_root() {
        let system = Path::new("/etc/passwd");
        let boundary = of(system, system, system);
        assert_eq!(boundary.enforced, !rustix::process::geteuid().is_root());
        assert_eq!(boundary.words(Some(&Confinement::Full)) == "full", boundary.enforced);
        let own = tempfile::tempdir().expect("a folder");
        assert!(!boundary.with_folder(own.path(), can_rewrite).enforced);
    }

    #[test]
    fn a_policy_is_signed_by_an_admin_and_over_what_the_run_goes_by() {
        let (folder, now) = (tempfile::tempdir().expect("a folder"), SystemTime::now());
        let cert = key::generate("admin <admin@localhost>", now).expect("entropy");
        let (public, signer) = (key::public_armored(&cert), Signer::from_cert(cert));
        let (public, signer) = (public.expect("a key"), signer.expect("it can sign"));
        let trust = format!(
            "format = 1\n[[principal]]\nname = \"Ada\"\ncertificate = \"a.asc\"\nfingerprint = \"{}\"\n\
             roles = [\"operator\", \"policy-admin\"]\n",
            signer.fingerprint()
        );
        let trust = Trust::parse("trust.toml", &trust, |_| Ok(public.clone())).expect("a trust file");
        let path = folder.path().join("policy.toml");
        let signed = |bytes: &[u8], role: &str, intent: &str| {
            let signature = signer.sign(b"policy", role, intent, now).expect("a signature");
            fs::write(folder.path().join("policy.toml.asc"), signature).expect("ours");
            is_signed(&Binding { path: &path, bytes }, &trust, now)
        };
        assert!(signed(b"policy", "policy-admin", "policy"));
        assert!(!signed(b"Policy", "policy-admin", "policy"), "another policy");
        assert!(!signed(b"policy", "operator", "policy"), "another role");
        assert!(!signed(b"policy", "policy-admin", "seal"), "signed for something else");
        assert!(!is_signed(&Binding { path: Path::new("/nonexistent"), bytes: b"policy" }, &trust, now));
    }

    #[test]
    fn what_belongs_to_the_system_is_out_of_reach_of_others_than_root() {
        assert_eq!(can_rewrite(Path::new("/etc/passwd")), rustix::process::geteuid().is_root());
    }

    #[test]
    fn a_file_that_others_write_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("policy.toml");
        fs::write(&file, "").expect("a file");
        for (mode, refused) in [(0o644, false), (0o600, false), (0o664, true), (0o646, true), (0o777, true)] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).expect("ours");
            let answer = of_one_writer(&file);
            assert_eq!(answer.is_err(), refused, "{mode:o}");
            if let Err(refusal) = answer {
                assert_eq!(refusal.exit, Exit::Configuration);
                assert!(refusal.hints.concat().contains(&format!("chmod go-w {}", file.display())));
            }
        }
    }
}
