//! fabric-connect
