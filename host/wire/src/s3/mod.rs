//! S3, as far as it is the same everywhere: [`Client`] reads, and nothing here writes.
//!
//! HTTPS is all that is spoken, to the one address that the gate has checked, with the bucket in the path. Requests are signed with
//! Signature Version 4, the body's digest included. No checksum of the newer kinds is asked for, which many servers refuse; what is read
//! is held against the digest that the caller knows. No redirect is followed: a bucket of another region is an error that names both.

mod answer;
mod bucket;
mod client;
mod health;
mod list;
mod object;
mod reading;
pub mod sign;
mod xml;

pub use answer::ANSWER_LIMIT;
pub use bucket::{Access, Anonymous, Bucket, DefaultRetention, LockSettings};
pub use client::{ATTEMPTS, Client};
pub use health::{Health, Probe};
pub use list::{LISTING_LIMIT, Listing, ObjectEntry, VersionEntry};
pub use object::{Content, ObjectHead, Retention};
pub use reading::read_as_everything;
