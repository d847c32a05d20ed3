//! What authors read about primitives, made from the registry: pages in Markdown, calls as both languages write them, and
//! definitions for Luau's language server.

mod fields;
mod luau;
mod page;
mod syntax;

pub use luau::definitions;
pub use page::{page, section};
pub use syntax::{Syntax, call, literal};
