//! The lab itself: that the plane works, that each defect turns its checks and no other, that GameDays do what they say and leave the
//! plane as it was, and that nothing is left, also after a kill. These tests build containers and run as root.

mod beside;
mod conformance;
mod defects;
mod each_change;
mod gamedays;
mod kills;
mod machine;
mod operator;
mod plane;
mod probes;
mod race;
#[path = "../../../defects.rs"]
mod table;
