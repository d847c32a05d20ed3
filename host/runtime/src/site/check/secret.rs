//! Secrets, the certificate authority and the resolver: what the head of the file refers to.

use fabric_model::site::{SecretSource, Site};
use fabric_model::{Kind, Resource, Slug};

use super::super::report::Report;
use super::super::secret::KeyPath;
use super::super::suggest;
use super::declared;

pub(super) fn check(site: &Site, report: &mut Report<'_>) {
    declared(report, &["proxmox", "authority"], "authority", &site.proxmox.authority, &site.authorities);
    for handle in site.secrets.keys() {
        if !is_handle(handle) {
            let message = format!("`{handle}` is not the handle of a secret");
            let hint = "Use one or two names with a `/` between them, such as `proxmox/token`.";
            report.at(&["secrets", handle], message, hint);
        }
    }
    for (handle, source) in &site.secrets {
        if let SecretSource::Store(stored) = source
            && let Err(error) = stored.key.parse::<KeyPath>()
        {
            let hint = "`fabric secrets list` says which there are.";
            report.at(&["secrets", handle, "store", "key"], error.to_string(), hint);
        }
    }
    let opener = site.store.as_ref().and_then(|store| store.identity.as_ref());
    if opener.is_some_and(|opener| !matches!(opener, SecretSource::File(_) | SecretSource::Credential(_))) {
        let hint = "Write `identity = { file = \"…\" }` or `identity = { credential = \"…\" }`.";
        report.at(&["store", "identity"], "the identity of a store is in a file or a credential", hint);
    }
    handle(site, report, &["ssh", "identity"], &site.ssh.identity);
    text_handle(site, report, &["proxmox", "token"], &site.proxmox.token);
    if site.proxmox.nodes.is_empty() {
        let hint = "Add at least one, such as `pve1 = { address = \"192.0.2.1\" }`.";
        report.at(&["proxmox", "nodes"], "the cluster has no nodes", hint);
    }
    if let Some(resolver) = &site.resolver {
        check_resolver(site, report, resolver);
    }
}

/// One or two names with a `/` between them.
fn is_handle(text: &str) -> bool {
    text.split('/').count() <= 2 && text.split('/').all(|name| name.parse::<Slug>().is_ok())
}

/// Records that the key at `path` refers to a secret that is not there, or that gives no text away.
pub(super) fn text_handle(site: &Site, report: &mut Report<'_>, path: &[&str], wanted: &str) {
    handle(site, report, path, wanted);
    if let Some(SecretSource::Agent(_)) = site.secrets.get(wanted) {
        let message = format!("`{wanted}` is kept in an ssh-agent, which gives no text away");
        report.at(path, message, "Use a secret from another source.");
    }
}

fn handle(site: &Site, report: &mut Report<'_>, path: &[&str], wanted: &str) {
    if !site.secrets.contains_key(wanted) {
        let names = site.secrets.keys().map(String::as_str);
        let hint = suggest::hint(wanted, names, "Declare its source under `[secrets]`.");
        report.at(path, format!("there is no secret `{wanted}`"), hint);
    }
}

fn check_resolver(site: &Site, report: &mut Report<'_>, text: &str) {
    let path = ["resolver"];
    match text.parse::<Resource>() {
        Ok(Resource::Named { kind: Kind::Vip, name, part: None }) => {
            declared(report, &path, "VIP", &name, &site.vips);
        }
        Ok(Resource::Named { kind: Kind::Host, name, part: None }) => {
            declared(report, &path, "host", &name, &site.hosts);
        }
        _ => {
            let hint = "Name a DNS server of the site, such as `vip:dns` or `host:dns-auth-1`.";
            report.at(&path, format!("`{text}` is neither a VIP nor a host"), hint);
        }
    }
}
