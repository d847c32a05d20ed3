//! What is never read of a project, whatever is granted: files whose name says that they hold a secret. Those whose content says so are
//! refused by whoever reads them.

use fabric_model::{Code, Fault, Slug, Stage};

/// Words in the name of a file that holds secrets, in lower case.
const NAMES: [&str; 9] =
    ["secret", "password", "passwd", "vault", "credential", "tfstate", "tfvars", "kubeconfig", "id_rsa"];

/// Endings of files that hold keys.
const ENDINGS: [&str; 9] = [".pem", ".key", ".p12", ".pfx", ".jks", ".kdbx", ".env", ".age", ".pgp"];

/// Refuses a file by its name.
///
/// # Errors
/// When it is that of a file with secrets.
pub(crate) fn name(file: &Slug) -> Result<(), Fault> {
    let lower = file.as_str().to_lowercase();
    let secret = NAMES.iter().any(|word| lower.contains(word))
        || ENDINGS.iter().any(|ending| lower.ends_with(ending))
        || lower.contains(".env.")
        || lower.starts_with("ssh_host_");
    if secret { Err(refused(file, "its name is that of a file with secrets")) } else { Ok(()) }
}

fn refused(file: &Slug, why: &str) -> Fault {
    Fault::new(Code::PortPermission, Stage::Observe, format!("read `{file}` of the project: {why}"))
        .hint("Scripts read no secrets: leave the file out, or take the value out of it.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Slug {
        name.parse().expect("a name")
    }

    #[test]
    fn names_of_files_with_secrets_are_refused() {
        for bad in [
            "server.pem",
            "prod.env",
            "a.env.local",
            "terraform.tfstate.backup",
            "Secrets.yml",
            "vault-init.json",
            "id_rsa",
            "ssh_host_ed25519_key",
            "db-PASSWORD.txt",
        ] {
            assert!(name(&file(bad)).is_err(), "{bad}");
        }
        for good in ["app.yml", "environment.md", "keyboard.md", "DNS_ACCEPTED.md"] {
            assert!(name(&file(good)).is_ok(), "{good}");
        }
    }
}
