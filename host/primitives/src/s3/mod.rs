//! Reads of S3 servers.

pub mod anonymous;
pub mod buckets;
pub mod get;
pub mod head;
pub mod lock_settings;
pub mod objects;
pub mod policy;
pub mod retention;
pub mod versions;
