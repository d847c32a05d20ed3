//! Credentials that systemd hands to a service.

use std::path::PathBuf;

use fabric_model::{Fault, Slug};

use super::file;
use super::secrets::{Environment, unreadable};

/// Reads the credential `name` that `what` is in.
///
/// # Errors
/// A fault `site.secret` when systemd gave none of this name, or not to this service alone.
pub(super) fn read(what: &str, name: &Slug, environment: Environment) -> Result<Vec<u8>, Fault> {
    let folder = environment("CREDENTIALS_DIRECTORY").ok_or_else(|| {
        let message = format!("{what} is a systemd credential, but $CREDENTIALS_DIRECTORY is not set");
        unreadable(message).hint(format!(
            "Run fabric as a systemd service with `LoadCredential={name}:…`, or give it another source."
        ))
    })?;
    let folder = PathBuf::from(folder);
    if !folder.is_absolute() {
        let message =
            format!("{what}: $CREDENTIALS_DIRECTORY is `{}`, which systemd did not set", folder.display());
        return Err(unreadable(message).hint("Unset it, and have systemd start fabric."));
    }
    file::of_one_writer(what, &folder, "Unset $CREDENTIALS_DIRECTORY, and have systemd start fabric.")?;
    file::read(what, &folder.join(name.as_str()), &file::CREDENTIAL)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;
    use std::sync::OnceLock;

    use super::*;

    /// The folder that stands for the service manager's, the same for every test of the process.
    fn folder() -> &'static Path {
        static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
        FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder")).path()
    }

    fn environment(name: &str) -> Option<OsString> {
        (name == "CREDENTIALS_DIRECTORY").then(|| folder().into())
    }

    fn given(name: &str, mode: u32) -> Result<Vec<u8>, Fault> {
        let path = folder().join(name);
        fs::write(&path, "s3cret").expect("the file is written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("its mode is set");
        read("secret `x`", &name.parse().expect("a name"), environment)
    }

    fn refused(result: Result<Vec<u8>, Fault>, why: &str) {
        let fault = result.expect_err(why);
        assert!(fault.message.contains(why) && !fault.hints.is_empty(), "{fault:?}");
    }

    #[test]
    fn a_credential_as_systemd_makes_it_is_read() {
        for (name, mode) in [("own", 0o400), ("listed", 0o440)] {
            assert_eq!(given(name, mode).as_deref(), Ok(&b"s3cret"[..]));
        }
    }

    #[test]
    fn a_credential_that_others_can_reach_is_refused() {
        for mode in [0o444, 0o404, 0o460, 0o402, 0o441] {
            refused(given(&format!("open-{mode:o}"), mode), &format!("mode {mode:04o}"));
        }
    }

    #[test]
    fn a_credential_of_another_account_is_refused() {
        let path = folder().join("strange");
        fs::write(&path, "s3cret").expect("the file is written");
        fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("its mode is set");
        // Only root can give files away; who is not cannot come into this situation by himself either.
        if std::os::unix::fs::chown(&path, Some(12345), None).is_ok() {
            refused(
                read("x", &"strange".parse().expect("a name"), environment),
                "another account (uid 12345)",
            );
        }
    }

    #[test]
    fn a_link_in_place_of_a_credential_is_refused() {
        given("target", 0o400).expect("it is as systemd makes it");
        symlink("target", folder().join("link")).expect("linked");
        refused(read("x", &"link".parse().expect("a name"), environment), "is a link");
    }

    #[test]
    fn a_folder_that_systemd_did_not_make_is_refused() {
        let name: Slug = "x".parse().expect("a name");
        refused(read("x", &name, |_| Some("credentials".into())), "which systemd did not set");
        refused(read("x", &name, |_| Some("/tmp".into())), "mode 1777");
        refused(read("x", &name, |_| None), "$CREDENTIALS_DIRECTORY is not set");
    }
}
