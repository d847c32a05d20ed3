//! Sealed packets of earlier runs.

pub mod packets;
pub mod trust;
