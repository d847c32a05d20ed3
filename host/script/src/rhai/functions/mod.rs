//! The functions that scripts have beside the language's own.

mod branches;
mod checks;
mod conditions;
mod during;
mod people;
mod plain;
mod polls;
mod primitives;
mod report;
mod site;

use std::sync::Arc;

use rhai::{Engine, FuncRegistration, Module, RhaiNativeFunc};

use crate::rhai::branch::Branch;

pub(crate) use site::{FUNCTIONS as SITE_FUNCTIONS, NAMESPACE as SITE};

/// The names of all functions that need no namespace; a script defines none of them anew.
pub const FUNCTIONS: &[&str] = &[
    "abort_when",
    "await_stable",
    "check",
    "conductor",
    "debug",
    "decision",
    "during",
    "expect_contains",
    "expect_eq",
    "expect_none",
    "expect_set",
    "expect_true",
    "fail",
    "human",
    "ip_in",
    "note",
    "observer",
    "par",
    "param",
    "parse_json",
    "poll_until",
    "print",
    "same_set",
    "skip",
    "sorted",
    "steady_state",
    "step",
];

/// Gives an engine the functions of one branch.
pub(crate) fn register(engine: &mut Engine, branch: &Arc<Branch>) {
    let mut global = Functions(Module::new());
    plain::register(&mut global, branch);
    checks::register(&mut global, branch);
    branches::register(&mut global, branch);
    polls::register(&mut global, branch);
    conditions::register(&mut global, branch);
    during::register(&mut global, branch);
    report::register(&mut global);
    people::register(&mut global, branch);
    engine.register_global_module(global.0.into());
    engine.register_static_module(SITE, site::module(branch).into());
    for (area, module) in primitives::modules(branch) {
        engine.register_static_module(area, module.into());
    }
}

/// A module under construction, every function of which has effects as far as the engine knows: it is never run early and
/// never left out.
pub(crate) struct Functions(pub(crate) Module);

impl Functions {
    pub(crate) fn add<A, const N: usize, const X: bool, R, const F: bool, FUNC>(
        &mut self,
        name: &str,
        function: FUNC,
    ) where
        A: 'static,
        R: rhai::Variant + Clone,
        FUNC: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    {
        FuncRegistration::new(name)
            .with_purity(false)
            .with_volatility(true)
            .set_into_module(&mut self.0, function);
    }
}
