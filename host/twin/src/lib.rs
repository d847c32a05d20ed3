//! fabric-twin
