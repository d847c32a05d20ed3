//! What the host lends a primitive while it runs.

use std::sync::Arc;

use fabric_model::{Fault, Slug};
use fabric_wire::Seams;

use crate::local::Local;

/// Finds certificate authorities by the name that the site file gives them.
pub trait Authorities: Send + Sync {
    /// The authority's certificates in PEM.
    ///
    /// # Errors
    /// When the site names no such authority, or its file cannot be read.
    fn pem(&self, name: &Slug) -> Result<Arc<Vec<u8>>, Fault>;
}

/// The means of one call: the ways out, and the trust anchors. Nothing in here can write.
#[derive(Clone)]
pub struct Means {
    /// The ways out.
    pub seams: Seams,
    /// The trust anchors.
    pub authorities: Arc<dyn Authorities>,
    /// What lies on this machine.
    pub local: Arc<dyn Local>,
}
