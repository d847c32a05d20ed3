//! What is watched while something is changed: a continuous probe through the service, and the holders of its VIPs.

mod continuous;
mod holders;
mod samples;

pub(crate) use continuous::{Probe, Sampler};
pub(crate) use holders::{HolderSampler, HolderWatch, Seen, Tell};
pub(crate) use samples::ProbeResult;
