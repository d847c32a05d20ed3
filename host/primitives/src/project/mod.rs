//! Files of the project.

pub mod digest;
pub mod files;
pub mod text;
