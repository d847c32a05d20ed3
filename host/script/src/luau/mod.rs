//! Luau, the second language of scripts.
//!
//! One machine runs a script on one thread; the branches of `par` are coroutines that take turns while others wait for the
//! host. A script gets an environment of its own, made of what [`vm`] lists and of nothing else.

pub(crate) mod syntax;

mod bind;
mod branches;
mod caller;
mod convert;
mod run;
mod thrown;
mod vm;

pub(crate) use run::execute;
