//! The S3 servers of the site: one bucket for each that the site file names, with the Terraform state of each environment in it, and
//! what MinIO says about its health.

mod answer;
mod document;
mod http;
mod ill;
mod model;

pub use ill::S3Ill;

pub(crate) use http::serve;
pub(crate) use model::Model;
