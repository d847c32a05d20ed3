//! Servers of Vault, and what is read from them.

use fabric_model::site::{SecretSource, Site};

use super::super::report::Report;
use super::super::secret::KeyPath;
use super::super::suggest;
use super::declared;

pub(super) fn check(site: &Site, report: &mut Report<'_>) {
    for (name, vault) in &site.vaults {
        let at = |key| ["vaults", name.as_str(), key];
        declared(report, &at("authority"), "authority", &vault.authority, &site.authorities);
        names(report, &at("mount"), &vault.mount);
        if let Some(namespace) = &vault.namespace {
            names(report, &at("namespace"), namespace);
        }
        token(site, report, &at("token"), &vault.token);
    }
    for (handle, source) in &site.secrets {
        if let SecretSource::Vault(vaulted) = source {
            let at = |key| ["secrets", handle.as_str(), "vault", key];
            declared(report, &at("server"), "Vault", &vaulted.server, &site.vaults);
            names(report, &at("path"), &vaulted.path);
        }
    }
}

/// The token is read before anything of Vault can be.
fn token(site: &Site, report: &mut Report<'_>, path: &[&str], handle: &str) {
    match site.secrets.get(handle) {
        None => {
            let names = site.secrets.keys().map(String::as_str);
            let hint = suggest::hint(handle, names, "Declare its source under `[secrets]`.");
            report.at(path, format!("there is no secret `{handle}`"), hint);
        }
        Some(SecretSource::Vault(_) | SecretSource::Agent(_)) => {
            let message = format!("`{handle}` cannot be read before Vault is");
            report.at(path, message, "Use a secret from `env`, `file`, `credential` or `store`.");
        }
        Some(_) => {}
    }
}

fn names(report: &mut Report<'_>, path: &[&str], text: &str) {
    if text.parse::<KeyPath>().is_err() {
        let hint = "Write one to eight names with `/` between them, and none at either end.";
        report.at(path, format!("`{text}` is not a path of Vault"), hint);
    }
}
