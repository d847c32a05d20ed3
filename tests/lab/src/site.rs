//! The site folder that `fabric --site` takes: the repo's own site file with realm `lab`, and what it names, made for this lab.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, InlineTable, Item, value};

use crate::error::LabError;
use crate::node::{Keys, Member, RUNNER};
use crate::place::{Place, read, write};

/// The handle of the operator's key and its file.
const OPERATOR: (&str, &str) = ("ssh/operator", "secrets/ssh-operator");

/// The handle of the Proxmox token and its file.
pub(crate) const TOKEN: (&str, &str) = ("proxmox/token", "secrets/proxmox-token");

/// Where the certificate of the lab's own authority goes.
pub(crate) const AUTHORITY: &str = "pki/proxmox-root-ca.pem";

/// The site file that is built when the command names none: the repo's.
pub(crate) fn default_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fabric.toml")
}

/// Writes the folder, except what the Proxmox stand-in adds.
pub(crate) fn write_folder(
    place: &Place,
    file: &Path,
    keys: &Keys,
    members: &[Member],
    token: &str,
) -> Result<(), LabError> {
    let folder = place.site();
    let runner = place.netns_path(RUNNER);
    let namespace = fs::metadata(&runner).map_err(LabError::file(&runner))?.ino();
    write(&folder.join("fabric.toml"), &as_lab(&read(file)?, namespace)?, 0o644)?;
    let names: BTreeMap<String, Vec<String>> = members
        .iter()
        .filter(|member| member.container)
        .map(|member| (member.name.clone(), addresses(member)))
        .collect();
    write(&folder.join("known_hosts"), &keys.known_hosts(&names)?, 0o644)?;
    let secrets = folder.join("secrets");
    fs::create_dir_all(&secrets).map_err(LabError::file(&secrets))?;
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o700)).map_err(LabError::file(&secrets))?;
    write(&folder.join(OPERATOR.1), &keys.operator()?, 0o600)?;
    write(&folder.join(TOKEN.1), &format!("{token}\n"), 0o600)
}

/// The site file with realm `lab`, bound to the runner's namespace, and its secrets read from the folder's own files. Nothing
/// else differs.
fn as_lab(text: &str, namespace: u64) -> Result<String, LabError> {
    let mut site: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| LabError::Site(error.to_string()))?;
    let identity = site
        .get_mut("site")
        .and_then(Item::as_table_like_mut)
        .filter(|identity| identity.contains_key("realm"))
        .ok_or_else(|| LabError::Site("there is no site.realm".to_owned()))?;
    identity.insert("realm", value("lab"));
    let namespace =
        i64::try_from(namespace).map_err(|_| LabError::Site(format!("{namespace} is no inode number")))?;
    identity.insert("namespace", value(namespace));
    let secrets = site
        .get_mut("secrets")
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| LabError::Site("there is no table of secrets".to_owned()))?;
    for (handle, path) in [OPERATOR, TOKEN] {
        let mut source = InlineTable::new();
        source.insert("file", path.into());
        let item =
            secrets.get_mut(handle).ok_or_else(|| LabError::Site(format!("there is no secret {handle}")))?;
        *item = value(source);
    }
    Ok(site.to_string())
}

fn addresses(member: &Member) -> Vec<String> {
    let with_prefix = member.links.iter().flat_map(|link| &link.addresses);
    with_prefix.filter_map(|address| address.split('/').next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPO: &str = include_str!("../../../fabric.toml");

    #[test]
    fn only_realm_and_secret_sources_differ_from_the_repo() {
        let lab = as_lab(REPO, 4026532535).expect("the repo's site file becomes a lab's");
        let changed: Vec<&str> = lab.lines().filter(|line| !REPO.lines().any(|old| old == *line)).collect();
        assert_eq!(REPO.lines().count() + 1, lab.lines().count());
        assert_eq!(
            changed,
            [
                "realm = \"lab\"",
                "namespace = 4026532535",
                "\"proxmox/token\" = { file = \"secrets/proxmox-token\" }",
            ]
        );
    }

    #[test]
    fn a_site_without_realm_is_refused() {
        assert!(matches!(as_lab("format = 1\n", 1), Err(LabError::Site(_))));
    }
}
