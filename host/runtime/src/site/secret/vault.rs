//! Secrets in HashiCorp Vault.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use fabric_connect::{SystemClock, TcpDial};
use fabric_model::Fault;
use fabric_model::site::{KeyValueEngine, Vault, Vaulted};
use fabric_wire::endpoint::Secret;
use fabric_wire::tls::Authority;
use fabric_wire::vault::{self, Engine, Mount};
use fabric_wire::{Deadline, WireError};

use super::secrets::unreadable;

/// How long one value may take, from dialling to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the value that a handle stands for, with this token.
///
/// # Errors
/// A fault `site.secret` that says what Vault or the way to it refused.
pub(super) fn read(
    handle: &str,
    vaulted: &Vaulted,
    server: &Vault,
    authority: &Path,
    token: &Secret,
) -> Result<Secret, Fault> {
    let Vaulted { server: name, path, field } = vaulted;
    let about = |why: &dyn std::fmt::Display| {
        unreadable(format!("secret `{handle}` is `{field}` of `{path}` in Vault `{name}`: {why}"))
    };
    let pem = std::fs::read(authority).map_err(|error| {
        about(&format!("{}: {error}", authority.display()))
            .hint("Put the certificates of its authority there, in PEM.")
    })?;
    let mount = mount(server, &pem).map_err(|error| about(&error))?;
    asked(&mount, token, path, field.as_str()).map_err(|error| {
        let hint = match &error {
            WireError::Permission(_) => {
                let below = match server.engine {
                    KeyValueEngine::V1 => "",
                    KeyValueEngine::V2 => "data/",
                };
                let mount = &server.mount;
                format!("Renew the token `{}`, or let its policy `read` {mount}/{below}{path}.", server.token)
            }
            _ => format!("Check `[vaults.{name}]` and this handle in the site file."),
        };
        about(&error).hint(hint)
    })
}

fn mount(server: &Vault, pem: &[u8]) -> Result<Mount, WireError> {
    Ok(Mount {
        address: SocketAddr::new(server.address, server.port),
        server_name: server.name.as_ref().map_or_else(|| server.address.to_string(), ToString::to_string),
        authority: Authority::from_pem(pem)?,
        namespace: server.namespace.clone(),
        path: server.mount.clone(),
        engine: match server.engine {
            KeyValueEngine::V1 => Engine::V1,
            KeyValueEngine::V2 => Engine::V2,
        },
    })
}

/// On a thread of its own: handles are resolved in the midst of a run, where its own runtime cannot be waited for.
fn asked(mount: &Mount, token: &Secret, path: &str, field: &str) -> Result<Secret, WireError> {
    let ask = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| WireError::Unreachable(error.to_string()))?;
        let deadline = Deadline::after(PATIENCE);
        runtime.block_on(async {
            vault::read(&TcpDial, Arc::new(SystemClock), mount, token, (path, field), deadline).await
        })
    };
    thread::scope(|scope| scope.spawn(ask).join())
        .unwrap_or_else(|_| Err(WireError::Unreachable("the thread that asks was ended".into())))
}
