//! What is never read of a project, whatever is granted: files whose name or content says that they hold a secret.

use fabric_model::{Code, Fault, Slug, Stage};

/// Words in the name of a file that holds secrets, in lower case.
const NAMES: [&str; 9] =
    ["secret", "password", "passwd", "vault", "credential", "tfstate", "tfvars", "kubeconfig", "id_rsa"];

/// Endings of files that hold keys.
const ENDINGS: [&str; 9] = [".pem", ".key", ".p12", ".pfx", ".jks", ".kdbx", ".env", ".age", ".pgp"];

/// Keys whose value is a secret.
const KEYS: [&str; 8] =
    ["password", "passwd", "secret", "token", "api_key", "access_key", "private_key", "client_secret"];

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

/// Refuses a file by what it holds.
///
/// # Errors
/// When it holds a private key, or a value under a key such as `password`.
pub(crate) fn content(file: &Slug, bytes: &[u8]) -> Result<(), Fault> {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    if text.contains("-----begin") && text.contains("private key") {
        return Err(refused(file, "it holds a private key"));
    }
    match text.lines().find(|line| KEYS.iter().any(|key| assigns(line, key))) {
        Some(_) => Err(refused(file, "it holds a value that looks like a secret")),
        None => Ok(()),
    }
}

/// Whether a line gives a value to a key, as JSON, YAML, TOML, an environment or a URL does. A reference to a secret is none, and neither
/// is prose: there something other than a value follows the word.
fn assigns(line: &str, key: &str) -> bool {
    line.match_indices(key).any(|(at, _)| {
        let behind = line.get(at + key.len()..).unwrap_or_default();
        let behind = behind.trim_start_matches(['"', '\'']).trim_start();
        let Some(value) = behind.strip_prefix(['=', ':']) else { return false };
        let value = value.trim_start_matches(['=', ' ', '\t']);
        let word = value.trim_matches(|c: char| c.is_whitespace() || "\"',;{}[]".contains(c));
        let stands_for_nothing = word.is_empty() || ["null", "none", "true", "false"].contains(&word);
        !stands_for_nothing && !word.starts_with("secret(") && !word.starts_with('<') && !word.contains(' ')
    })
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

    #[test]
    fn what_looks_like_a_secret_is_refused_and_prose_is_not() {
        for bad in [
            "password=abc",
            "  \"password\": \"x\",",
            "db_password: hunter2",
            "export API_TOKEN=abc",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----",
            "aws_secret_access_key = 'abc'",
        ] {
            assert!(content(&file("a.yml"), bad.as_bytes()).is_err(), "{bad}");
        }
        for good in [
            "Secrets: they are kept in the store, see the handbook",
            "the token is rotated every month",
            "password: null",
            "password = \"\"",
            "password: secret(db/main)",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert!(content(&file("a.yml"), good.as_bytes()).is_ok(), "{good}");
        }
    }
}
