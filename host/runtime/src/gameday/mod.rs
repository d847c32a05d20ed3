//! GameDays by data: which script a contract's testcase stands for, with which parameters, where and for whom.

mod contract;
mod registry;
mod resolve;

pub use contract::Contract;
pub use registry::{Limit, Mode, Registry, Testcase};
pub use resolve::{Resolved, resolve};
