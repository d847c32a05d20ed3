//! The functions of the library, as functions of the engine.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use fabric_model::PrimitiveName;
use pollster::block_on;
use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, Module, NativeCallContext, RhaiFunc};

use super::caller::{Branch, Call};
use super::report;
use super::thrown::at_call;
use crate::library::{self, CATALOGUE, SITE, SITE_FUNCTIONS};

/// What a call that was given this many arguments finds. Our functions say themselves what they take, in the same words for
/// both languages.
const ARGUMENTS_AT_MOST: usize = 6;

/// What the engine itself does, through its hooks.
const BUILT_IN: [&str; 2] = ["debug", "print"];

/// Gives an engine the functions of one branch.
pub(super) fn register(engine: &mut Engine, branch: &Arc<Branch>) {
    let mut global = Module::new();
    for entry in CATALOGUE.iter().filter(|entry| !BUILT_IN.contains(&entry.name)) {
        add(&mut global, entry.name, branch, move |call, given| block_on(library::call(call, entry, given)));
    }
    report::register(&mut global);
    engine.register_global_module(global.into());
    let mut site = Module::new();
    for function in SITE_FUNCTIONS {
        add(&mut site, function, branch, move |call, given| library::call_site(call, function, &given));
    }
    engine.register_static_module(SITE, site.into());
    for (area, module) in areas(branch) {
        engine.register_static_module(area, module.into());
    }
}

fn areas(branch: &Arc<Branch>) -> BTreeMap<&str, Module> {
    let mut areas: BTreeMap<&str, Module> = BTreeMap::new();
    for primitive in &branch.run.primitives {
        let name: PrimitiveName = primitive.clone();
        let area = areas.entry(primitive.area()).or_default();
        add(area, primitive.verb(), branch, move |call, given| {
            block_on(library::call_primitive(call, &name, &given))
        });
    }
    areas
}

/// Adds a function that takes any number of any arguments. It has effects as far as the engine knows: it is never run early and
/// never left out.
fn add(
    module: &mut Module,
    name: &str,
    branch: &Arc<Branch>,
    function: impl Fn(&Call<'_>, Vec<Dynamic>) -> Result<Dynamic, Box<EvalAltResult>> + Send + Sync + 'static,
) {
    let on = Arc::clone(branch);
    let function = move |context: Option<NativeCallContext<'_>>, given: &mut [&mut Dynamic]| {
        // The engine leaves the context out of functions that do not ask for it; these do.
        let Some(context) = context else { return Ok(Dynamic::UNIT) };
        // The first may be a variable of the script, when the function is called as its method.
        let given = given.iter_mut().enumerate().map(|(index, value)| match index {
            0 => value.flatten_clone(),
            _ => mem::take(*value).flatten(),
        });
        at_call(&context, function(&Call { branch: &on, context: &context }, given.collect()))
    };
    let function = Arc::new(function);
    for arguments in 0..=ARGUMENTS_AT_MOST {
        let function = Arc::clone(&function);
        FuncRegistration::new(name).set_into_module_raw(
            module,
            vec![TypeId::of::<Dynamic>(); arguments],
            RhaiFunc::Pure {
                func: rhai::Shared::new(move |context, given: &mut [&mut Dynamic]| function(context, given)),
                has_context: true,
                is_pure: false,
                is_volatile: true,
            },
        );
    }
}
