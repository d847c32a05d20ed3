//! Virtual addresses and the pairs that hold them.

pub mod holder;
