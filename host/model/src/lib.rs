//! The words that every other crate of fabric shares: names, resources, values, faults, effects, exit codes, the frames of
//! the door between worker and host, and the site model. Plain data without I/O, clock or async.

pub mod change;
pub mod check;
pub mod confinement;
pub mod diagnostic;
pub mod digest;
pub mod door;
pub mod exit;
pub mod fault;
pub mod name;
pub mod path;
pub mod plan;
pub mod primitive;
pub mod protection;
pub mod resource;
pub mod s3;
pub mod site;
pub mod value;

pub use confinement::Confinement;
pub use diagnostic::Diagnostic;
pub use digest::Digest;
pub use fault::{Code, Effect, Fault, Retry, Stage};
pub use name::Slug;
pub use path::RemotePath;
pub use primitive::{Class, PrimitiveName};
pub use resource::{Addressed, Kind, Resource};
pub use s3::{BucketName, Folder, ObjectKey, S3Path, S3Place};
pub use value::Value;
