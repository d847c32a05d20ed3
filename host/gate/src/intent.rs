//! Undoing is granted together with the change. The gate seals the intent of a change with a key of the operator's folder, and
//! whoever brings the sealed intent back gets its targets granted again, whatever has become of policy, window or approval since.

use std::sync::Arc;

use fabric_model::change::{Intent, IntentTarget};
use fabric_model::{Addressed, Slug};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::asked::Asked;
use crate::granted::Granted;
use crate::policy::RuleRef;

/// The key that ties intents to the operator who made them.
#[derive(Clone)]
pub struct IntentKey([u8; 32]);

/// The seal of an intent: HMAC-SHA-256 (RFC 2104) over its JSON, in lower-case hexadecimal.
pub type Seal = String;

/// An intent whose seal is that of the operator's own key: its changes were granted.
#[derive(Debug)]
pub struct Authentic {
    intent: Intent,
}

/// Why an intent is not undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the seal of the intent is not that of this operator's key: it was changed, or somebody else made it"
)]
pub struct Forged;

impl IntentKey {
    /// The key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Seals an intent.
    pub fn seal(&self, intent: &Intent) -> Seal {
        let digest = self.mac(intent).finalize().into_bytes();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Takes back an intent with its seal.
    ///
    /// # Errors
    /// When the seal is another.
    pub fn open(&self, intent: Intent, seal: &str) -> Result<Authentic, Forged> {
        let digits = seal
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
        let bytes: Vec<u8> = digits.collect::<Option<_>>().ok_or(Forged)?;
        self.mac(&intent).verify_slice(&bytes).map_err(|_| Forged)?;
        Ok(Authentic { intent })
    }

    fn mac(&self, intent: &Intent) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(&serde_json::to_vec(intent).expect("an intent is plain data with texts as keys"));
        mac
    }
}

impl std::fmt::Debug for IntentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IntentKey(..)")
    }
}

impl Authentic {
    /// The intent.
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// Grants the recorded targets again, each turned from what was written down into what connects to it.
    ///
    /// # Errors
    /// Those of `target`.
    pub fn reclaim<T: Addressed, E>(
        &self,
        mut target: impl FnMut(&IntentTarget) -> Result<T, E>,
    ) -> Result<Vec<(String, Granted<T>)>, E> {
        let intent = &self.intent;
        let grant = |recorded: &IntentTarget| {
            let asked = Asked {
                primitive: intent.primitive.clone(),
                class: intent.class,
                resource: recorded.resource.clone(),
                environment: recorded.environment.clone(),
            };
            let rule = RuleRef {
                name: recorded.rule.clone(),
                file: recorded.file.clone(),
                line: usize::try_from(recorded.line).unwrap_or(usize::MAX),
            };
            Ok((recorded.role.clone(), Granted::new(target(recorded)?, rule, Arc::new(asked))))
        };
        intent.targets.iter().map(grant).collect()
    }

    /// The environments of its targets.
    pub fn environments(&self) -> impl Iterator<Item = &Slug> {
        self.intent.targets.iter().map(|target| &target.environment)
    }
}
