//! fabric-holds
