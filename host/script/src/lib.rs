//! Scripts: their declaration, their modules, what is refused before they run, and the worker program that runs them.
//!
//! The host uses [`header`], [`modules`] and [`lint`] on the text; the worker process is [`worker::main`] and nothing else. The
//! worker holds the engine and no power: everything a script does goes through the frames of `fabric_model::door`.

pub use library::{CATALOGUE, Entry, Kind, Parameter, SiteFunction, site_functions};

pub mod confine;
pub mod header;
pub mod language;
pub mod lint;
pub mod modules;
pub mod worker;

mod library;
mod link;
mod luau;
mod nearest;
mod rhai;
