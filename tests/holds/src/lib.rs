//! The rules that hold the shape of this repository, as functions from data to findings. `tests/` applies each to the repository
//! itself and to a fake with the defect planted.

pub mod architecture;
pub mod deny;
pub mod docs;
pub mod graph;
pub mod licence;
pub mod tidy;
pub mod tree;
