//! The operator's key, and proving that he holds it.

use std::path::PathBuf;
use std::sync::Arc;

use fabric_wire::WireError;
use fabric_wire::endpoint::{Secret, SshIdentity};
use russh::MethodKind;
use russh::client::AuthResult;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use tokio::net::UnixStream;

use super::failure;
use super::handshake::Connection;

/// How many keys of an agent are tried. An sshd hangs up after six attempts (`MaxAuthTries`).
const AGENT_KEYS_TRIED: usize = 5;

/// With what the operator proves who he is. A key that cannot be read is an error at its first use, which has a deadline and a
/// place in the evidence.
pub(super) struct Identity(Result<Holder, String>);

enum Holder {
    Key(Arc<PrivateKey>),
    Agent { socket: PathBuf, pick: String },
}

/// What the server said.
pub(super) enum Proof {
    Accepted,
    Refused {
        /// The methods with which it would let the account go on.
        methods: Vec<String>,
        /// Whether the key was good and something else is required as well.
        partial: bool,
    },
}

impl Identity {
    pub(super) fn new(identity: SshIdentity) -> Self {
        Self(match identity {
            SshIdentity::Key(secret) => private_key(&secret).map(|key| Holder::Key(Arc::new(key))),
            SshIdentity::Agent { socket, key } => Ok(Holder::Agent { socket, pick: key }),
        })
    }

    /// Authenticates `user` with the key.
    ///
    /// # Errors
    /// [`WireError::Authentication`] when there is no key to use, else when the connection fails.
    pub(super) async fn prove(&self, connection: &mut Connection, user: &str) -> Result<Proof, WireError> {
        match &self.0 {
            Err(reason) => Err(WireError::Authentication(reason.clone())),
            Ok(Holder::Key(key)) => {
                let key = PrivateKeyWithHashAlg::new(key.clone(), None);
                let result = connection.authenticate_publickey(user, key).await;
                proof(connection, result.map_err(|error| failure::session(&error))?)
            }
            Ok(Holder::Agent { socket, pick }) => {
                let mut agent =
                    AgentClient::connect_uds(socket).await.map_err(|error| agent_failed(&error))?;
                prove_with_agent(connection, user, &mut agent, pick).await
            }
        }
    }

    /// Asks which methods the server offers for `user`, with the method `none` (RFC 4252, 5.2).
    ///
    /// # Errors
    /// When the connection fails.
    pub(super) async fn ask_methods(connection: &mut Connection, user: &str) -> Result<Proof, WireError> {
        let result = connection.authenticate_none(user).await.map_err(|error| failure::session(&error))?;
        proof(connection, result)
    }
}

async fn prove_with_agent(
    connection: &mut Connection,
    user: &str,
    agent: &mut AgentClient<UnixStream>,
    pick: &str,
) -> Result<Proof, WireError> {
    // Keys that are constrained to destinations are usable only after this; an agent that does not know it refuses harmlessly.
    if let Some(binding) = connection.agent_session_binding() {
        let _ = agent.bind_session(binding, false).await;
    }
    let keys = agent.request_identities().await.map_err(|error| agent_failed(&error))?;
    let mut last = None;
    for key in keys.iter().filter_map(|key| picked(key, pick)).take(AGENT_KEYS_TRIED) {
        let hash = key.algorithm().is_rsa().then_some(HashAlg::Sha512);
        let result = connection.authenticate_publickey_with(user, key.clone(), hash, agent).await;
        let result =
            result.map_err(|error| WireError::Authentication(format!("the agent did not sign: {error}")))?;
        match proof(connection, result)? {
            Proof::Accepted => return Ok(Proof::Accepted),
            refused => last = Some(refused),
        }
    }
    let none = if pick.is_empty() { "holds no key".to_owned() } else { format!("holds no key `{pick}`") };
    last.ok_or_else(|| WireError::Authentication(format!("the ssh-agent {none}")))
}

fn picked<'a>(identity: &'a AgentIdentity, pick: &str) -> Option<&'a PublicKey> {
    match identity {
        AgentIdentity::PublicKey { key, comment } => {
            let wanted =
                pick.is_empty() || comment == pick || key.fingerprint(HashAlg::Sha256).to_string() == pick;
            wanted.then_some(key)
        }
        AgentIdentity::Certificate { .. } => None,
    }
}

fn proof(connection: &Connection, result: AuthResult) -> Result<Proof, WireError> {
    match result {
        AuthResult::Success => Ok(Proof::Accepted),
        AuthResult::Failure { remaining_methods, partial_success } => {
            // The library gives an empty list also when the connection ended; that is no answer.
            if remaining_methods.is_empty() && connection.is_closed() {
                return Err(WireError::Closed);
            }
            let name = |method: &MethodKind| <&str>::from(method).to_owned();
            let methods = remaining_methods.iter().map(name).collect();
            Ok(Proof::Refused { methods, partial: partial_success })
        }
    }
}

fn private_key(secret: &Secret) -> Result<PrivateKey, String> {
    let key = PrivateKey::from_openssh(secret.expose())
        .map_err(|_| "the operator's key is not a private key in OpenSSH's format".to_owned())?;
    if key.is_encrypted() {
        return Err(
            "the operator's key has a passphrase; add it to an ssh-agent and name that instead".to_owned()
        );
    }
    if key.algorithm().is_rsa() {
        return Err(
            "the operator's key is an RSA key, which only an ssh-agent can use; or use an Ed25519 key"
                .to_owned(),
        );
    }
    Ok(key)
}

fn agent_failed(error: &russh::keys::Error) -> WireError {
    WireError::Authentication(format!("the ssh-agent cannot be asked: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_is_an_error_that_does_not_repeat_it() {
        let Err(reason) = private_key(&Secret::new(b"hunter2".to_vec())) else { panic!("not a key") };
        assert!(reason.contains("OpenSSH's format") && !reason.contains("hunter2"), "{reason}");
    }
}
