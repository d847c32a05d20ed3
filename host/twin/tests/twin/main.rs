//! The twin of the Samakia site, asked through its seams.

mod dns;
mod samakia;
