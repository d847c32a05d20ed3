//! fabric-runtime
