//! How the client reaches an sshd, and as whom.

use fabric_wire::endpoint::{Secret, SshHost, SshIdentity};

use crate::sshd::{Site, Sshd};

impl Site {
    pub(crate) fn identity(&self) -> SshIdentity {
        SshIdentity::Key(Secret::new(std::fs::read(self.folder.path().join("operator")).expect("the key")))
    }
}

impl Sshd {
    pub(crate) fn host(&self, name: &str, jump: Vec<SshHost>) -> SshHost {
        let slug = |text: &str| text.parse().expect("a name");
        SshHost { name: slug(name), address: self.address, user: slug("root"), jump }
    }
}
