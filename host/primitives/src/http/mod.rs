//! HTTP requests that read.

pub mod get;
pub mod head;
mod request;

pub use request::{Args, Response};
