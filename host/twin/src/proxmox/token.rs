//! The API token and what it may see.

use fabric_wire::endpoint::Secret;
use serde_json::{Map, Value, json};

/// The privileges of the role `PVEAuditor` in Proxmox VE 9.2.
const AUDITOR: [&str; 7] = [
    "Datastore.Audit",
    "Mapping.Audit",
    "Pool.Audit",
    "SDN.Audit",
    "Sys.Audit",
    "VM.Audit",
    "VM.GuestAgent.Audit",
];

/// The paths that `/access/permissions` lists for a grant on `/` that propagates.
const PATHS: [&str; 8] = ["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"];

#[derive(Clone, Debug)]
pub(crate) struct Token {
    id: String,
    secret: Secret,
    pub(crate) standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It looks, and switches guests.
    Operator,
    Auditor,
    WithoutRights,
    Unknown,
}

/// Why a request is not let in; the text is the reason phrase of the 401.
pub(crate) type NotLetIn = &'static str;

impl Token {
    pub(crate) fn new(id: &str, secret: &Secret) -> Self {
        Self { id: id.to_owned(), secret: secret.clone(), standing: Standing::Operator }
    }

    /// Its public part, `user@realm!name`.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Checks the `Authorization` field.
    pub(crate) fn authenticate(&self, authorization: Option<&str>) -> Result<(), NotLetIn> {
        let shown = authorization.and_then(|field| field.strip_prefix("PVEAPIToken=")).ok_or("No ticket")?;
        let right = [self.id.as_bytes(), b"=", self.secret.expose()].concat();
        let known = self.standing != Standing::Unknown && shown.as_bytes() == right;
        if known { Ok(()) } else { Err("Authentication failed!") }
    }

    /// Whether the token has the privilege; its grant is on `/` or nowhere, so the path does not matter.
    pub(crate) fn may(&self, privilege: &str) -> bool {
        self.privileges().any(|held| held == privilege)
    }

    fn privileges(&self) -> impl Iterator<Item = &'static str> {
        let (looks, switches) = match self.standing {
            Standing::Operator => (&AUDITOR[..], Some("VM.PowerMgmt")),
            Standing::Auditor => (&AUDITOR[..], None),
            Standing::WithoutRights | Standing::Unknown => (&[][..], None),
        };
        looks.iter().copied().chain(switches)
    }

    /// `/access/permissions`.
    pub(crate) fn permissions(&self) -> Value {
        let privileges: Map<String, Value> =
            self.privileges().map(|privilege| (privilege.to_owned(), json!(1))).collect();
        if privileges.is_empty() {
            return json!({});
        }
        let paths = PATHS.iter().map(|path| ((*path).to_owned(), Value::Object(privileges.clone())));
        Value::Object(paths.collect())
    }
}
