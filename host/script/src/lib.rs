//! fabric-script
