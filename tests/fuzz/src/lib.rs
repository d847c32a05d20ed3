//! What is thrown at every reader of bytes that fabric did not write itself: frames of the worker, files of the operator, answers of
//! the site, packets of somebody else.
//!
//! A target is a function over bytes. That it panics is a finding, and so is an invariant that does not hold. The tests of this crate
//! replay the seeds and some mutations of them; `tests/fuzz/long` drives the same functions with libFuzzer (docs/fuzzing.md).

pub mod mutation;
pub mod seeds;
pub mod short;
pub mod target;

mod outside;
