//! libFuzzer over one target of `fabric-fuzz`, which the environment names: `FABRIC_FUZZ_TARGET=dns`. `tests/fuzz/long` starts it.

#![no_main]

use std::sync::LazyLock;

use fabric_fuzz::target::{Target, find};

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("FABRIC_FUZZ_TARGET").unwrap_or_default();
    find(&name).unwrap_or_else(|| panic!("FABRIC_FUZZ_TARGET names no target: `{name}`"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
