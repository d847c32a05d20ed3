//! fabric-primitives
