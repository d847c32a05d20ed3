//! The guards over real folders, keys and signatures.

mod authority;
mod plans;
mod production;
mod scene;
