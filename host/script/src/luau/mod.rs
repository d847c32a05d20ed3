//! Luau, the second language of scripts.

pub(crate) mod syntax;
