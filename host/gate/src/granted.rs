//! The proof that the gate said yes.

use std::ops::Deref;
use std::sync::Arc;

use crate::asked::Asked;
use crate::policy::RuleRef;

/// A thing that the gate has granted: a resource, or the target that it was resolved to. Whoever holds one may act on it.
///
/// It has private fields and one constructor, which only the gate can call. It is not `Clone`: a grant is for the call that asked
/// for it, and a copy that outlives the call would be authority that nobody asked for again.
///
/// ```compile_fail,E0451
/// fn about_another_thing(one: fabric_gate::Granted<u8>) -> fabric_gate::Granted<u8> {
///     fabric_gate::Granted { thing: 2, ..one }
/// }
/// ```
///
/// ```compile_fail,E0624
/// let forge = fabric_gate::Granted::<u8>::new;
/// ```
///
/// ```compile_fail,E0308
/// fn copied(one: fabric_gate::Granted<u8>) -> (fabric_gate::Granted<u8>, fabric_gate::Granted<u8>) {
///     (one.clone(), one)
/// }
/// ```
#[derive(Debug)]
pub struct Granted<T> {
    thing: T,
    rule: RuleRef,
    asked: Arc<Asked>,
}

impl<T> Granted<T> {
    /// The only constructor.
    pub(crate) fn new(thing: T, rule: RuleRef, asked: Arc<Asked>) -> Self {
        Self { thing, rule, asked }
    }

    /// The rule of the policy that grants it, for evidence.
    pub fn rule(&self) -> &RuleRef {
        &self.rule
    }

    /// What the script asked for.
    pub(crate) fn asked(&self) -> &Arc<Asked> {
        &self.asked
    }
}

impl<T> Deref for Granted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.thing
    }
}
