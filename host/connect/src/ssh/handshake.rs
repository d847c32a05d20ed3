//! From a byte stream to an encrypted session with a server that has proven who it is.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use fabric_wire::{BoxStream, WireError};
use russh::client::{Config, Handle, Handler, connect_stream};
use russh::keys::PublicKeyOrCertificate;
use russh::{Preferred, SshId, cipher, compression, kex, mac};
use tokio::task::JoinSet;

use super::failure;
use super::host_key::TrustedKeys;

/// How often an idle session is asked for a sign of life, and how many are missed before it counts as dead: a rebooted host is
/// noticed within 20 s, a busy one is not hung up on.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_MISSED: usize = 3;

/// After this long without a byte a session ends by itself. Keepalives have their answers long before; this reaps handshakes that
/// were abandoned when their deadline passed.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// Key exchanges, preferred first; the last two entries are announcements: extension info, and strict key exchange against
/// prefix truncation (CVE-2023-48795).
const KEY_EXCHANGES: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

const CIPHERS: &[cipher::Name] = &[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM, cipher::AES_128_GCM];

/// Only named for completeness: the ciphers above authenticate by themselves.
const MACS: &[mac::Name] = &[mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM];

/// None: a compressed stream lets a hostile server send little and have much allocated.
const COMPRESSIONS: &[compression::Name] = &[compression::NONE];

/// The session's handle as everything above uses it.
pub(super) type Connection = Handle<Verifier>;

/// Checks the server's key; answers to nothing else that a server may start by itself.
pub(super) struct Verifier {
    trusted: Arc<TrustedKeys>,
}

/// Why a key exchange ended.
#[derive(Debug)]
pub(super) enum Ended {
    Untrusted(String),
    Protocol(russh::Error),
}

impl From<russh::Error> for Ended {
    fn from(error: russh::Error) -> Self {
        Self::Protocol(error)
    }
}

impl Handler for Verifier {
    type Error = Ended;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, Ended> {
        self.trusted.check(offered).map(|()| true).map_err(Ended::Untrusted)
    }
}

/// Exchanges keys over `stream`.
///
/// # Errors
/// [`WireError::HostKey`] when the server is not the host, else what [`failure::handshake`] makes of the library's error.
pub(super) async fn shake_hands(stream: BoxStream, trusted: TrustedKeys) -> Result<Connection, WireError> {
    let trusted = Arc::new(trusted);
    let untrusted = |reason| WireError::HostKey { host: trusted.host.clone(), reason };
    if let Some(reason) = trusted.unusable() {
        return Err(untrusted(reason));
    }
    let (config, verifier) = (config(&trusted), Verifier { trusted: trusted.clone() });
    // A task of its own: what a hostile server makes panic in there ends as an error here. The set ends it when dropped.
    let mut task = JoinSet::new();
    task.spawn(connect_stream(config, stream, verifier));
    match task.join_next().await {
        Some(Ok(Ok(connection))) => Ok(connection),
        Some(Ok(Err(Ended::Untrusted(reason)))) => Err(untrusted(reason)),
        Some(Ok(Err(Ended::Protocol(error)))) => Err(failure::handshake(&error, &trusted)),
        Some(Err(_)) | None => Err(WireError::Garbage("the server broke the SSH client".to_owned())),
    }
}

fn config(trusted: &TrustedKeys) -> Arc<Config> {
    let preferred = Preferred {
        kex: Cow::Borrowed(KEY_EXCHANGES),
        key: trusted.key_algorithms(),
        host_key_certificates: trusted.certificate_algorithms(),
        cipher: Cow::Borrowed(CIPHERS),
        mac: Cow::Borrowed(MACS),
        compression: Cow::Borrowed(COMPRESSIONS),
    };
    Arc::new(Config {
        client_id: SshId::Standard(Cow::Borrowed("SSH-2.0-fabric")),
        preferred,
        keepalive_interval: Some(KEEPALIVE_INTERVAL),
        keepalive_max: KEEPALIVE_MISSED,
        inactivity_timeout: Some(SILENCE_LIMIT),
        ..Config::default()
    })
}
