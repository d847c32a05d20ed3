//! The lab itself: that the plane works, that each defect turns its checks and no other, and that nothing is left, also after a
//! kill. These tests build containers and run as root.

mod conformance;
mod defects;
mod machine;
mod plane;
mod probes;
#[path = "../../../defects.rs"]
mod table;
