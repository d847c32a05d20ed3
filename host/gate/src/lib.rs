//! fabric-gate
