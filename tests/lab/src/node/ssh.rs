//! SSH on every node: the hardened contract of the site, with host keys that the lab knows before the first boot.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Root;
use crate::error::LabError;
use crate::place::{Place, read};
use crate::program::run;

/// Where a node keeps its host key.
pub(crate) const HOST_KEY: &str = "etc/ssh/ssh_host_ed25519_key";

/// The operator's key and the nodes' host keys, made for this lab alone.
#[derive(Debug)]
pub(crate) struct Keys {
    folder: PathBuf,
}

impl Keys {
    /// Makes the operator's key and one host key per node.
    pub(crate) fn make(place: &Place, nodes: &[&str]) -> Result<Self, LabError> {
        let keys = Self { folder: place.run.join("keys") };
        fs::create_dir_all(&keys.folder).map_err(LabError::file(&keys.folder))?;
        generate(&keys.folder.join("operator"), "operator@fabric-lab")?;
        nodes.iter().try_for_each(|node| generate(&keys.folder.join(node), node))?;
        Ok(keys)
    }

    /// The operator's private key.
    pub(crate) fn operator(&self) -> Result<String, LabError> {
        read(&self.folder.join("operator"))
    }

    /// The public half of a key: `operator` or a node.
    pub(crate) fn public(&self, name: &str) -> Result<String, LabError> {
        read(&self.folder.join(format!("{name}.pub")))
    }

    /// The lines of `known_hosts`: each node by its name and all its addresses.
    pub(crate) fn known_hosts(&self, names: &BTreeMap<String, Vec<String>>) -> Result<String, LabError> {
        let mut text = String::new();
        for (node, addresses) in names {
            let public = self.public(node)?;
            let key: Vec<&str> = public.split_whitespace().take(2).collect();
            text += &format!("{node},{} {}\n", addresses.join(","), key.join(" "));
        }
        Ok(text)
    }
}

/// Makes a key pair at `path`.
pub(crate) fn generate(path: &Path, comment: &str) -> Result<(), LabError> {
    run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", &path.to_string_lossy()])
        .map(drop)
}

/// The drop-in that hardens sshd, with the parts that faults change.
pub(crate) fn hardening(root_login: &str, users: &str, passwords: &str, forwarding: &str) -> String {
    format!(
        "PermitRootLogin {root_login}\n\
         AllowUsers {users}\n\
         PasswordAuthentication {passwords}\n\
         KbdInteractiveAuthentication no\n\
         AllowTcpForwarding {forwarding}\n\
         MaxAuthTries 3\n\
         LoginGraceTime 30\n\
         Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes128-ctr\n\
         KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org,sntrup761x25519-sha512@openssh.com,\
         diffie-hellman-group-exchange-sha256\n\
         MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-512,hmac-sha2-256\n"
    )
}

/// Lets the operator in, and nobody else.
pub(super) fn configure(root: &Root, keys: &Keys, node: &str) -> Result<(), LabError> {
    root.file("etc/ssh/sshd_config.d/50-samakia-hardening.conf", &hardening("no", "samakia", "no", "yes"))?;
    root.secret(HOST_KEY, &read(&keys.folder.join(node))?)?;
    root.file(&format!("{HOST_KEY}.pub"), &keys.public(node)?)?;
    let operator = keys.public("operator")?;
    // Root has the same key: that root is refused is then sshd's decision and not a missing key.
    root.secret("root/.ssh/authorized_keys", &operator)?;
    root.secret("home/samakia/.ssh/authorized_keys", &operator)?;
    root.script("chown samakia:samakia /home/samakia/.ssh/authorized_keys")
}
