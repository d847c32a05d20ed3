//! HTTP requests that read.

pub mod get;
pub mod head;
mod request;

pub(crate) use request::Request;
pub use request::{Args, Response};
