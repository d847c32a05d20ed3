//! Packets as a whole: sealed, verified, tampered with, recovered.

mod key_files;
mod orphans;
mod refusals;
mod sample;
mod schemas;
mod stock_tools;
mod tampering;
mod trust_file;
