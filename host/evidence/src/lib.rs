//! fabric-evidence
