//! What a text is that nobody should read.

use std::fmt;

macro_rules! classes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a detector takes a text for. Its name stands in the marker that replaces it, and in the finding of a scan.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Class {
            $($(#[$doc])* $variant,)*
        }

        impl Class {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

classes! {
    /// A key of an API.
    ApiKey = "api-key",
    /// What stands behind the scheme of an `Authorization` header.
    Authorization = "authorization",
    /// An access key of AWS, or the secret beside it.
    AwsKey = "aws-key",
    /// A connection string with its password.
    Dsn = "dsn",
    /// A token of GitHub.
    GithubToken = "github-token",
    /// A token of GitLab.
    GitlabToken = "gitlab-token",
    /// A JSON web token.
    Jwt = "jwt",
    /// A password or passphrase.
    Password = "password",
    /// A hash of a password, which can be guessed at leisure.
    PasswordHash = "password-hash",
    /// A private key of any form.
    PrivateKey = "private-key",
    /// A ticket or CSRF token of Proxmox.
    ProxmoxTicket = "proxmox-ticket",
    /// The secret part of an API token of Proxmox.
    ProxmoxToken = "proxmox-token",
    /// A secret, by its name.
    Secret = "secret",
    /// A token, by its name.
    Token = "token",
    /// The password of a URL.
    UrlPassword = "url-password",
    /// A token of Vault.
    VaultToken = "vault-token",
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
