//! The engine: what it may do, and every limit on it.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use fabric_model::protection::{Protection, stands};
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{AST, Dynamic, Engine, Module, OptimizationLevel, ParseError, Scope};

use super::bind;
use super::caller::{Branch, SharedModule};
use super::resolver::Resolver;

/// Calls within calls. With the depth of expressions it bounds the stack that a branch can use.
const CALL_LEVELS: usize = 64;
/// Nesting of expressions and blocks.
const EXPRESSION_DEPTH: usize = 64;
/// Bytes of one string; the largest honest one is a body of 1 MiB.
const STRING_BYTES: usize = 1 << 20;
/// Items of a list. Growing one costs the square of its size, because sizes are checked at every step.
const LIST_ITEMS: usize = 10_000;
/// Entries of a table, and of all tables within it or within a list: those of some 4,000 hosts of a site.
const TABLE_ENTRIES: usize = 100_000;
/// Variables in scope.
const VARIABLES: usize = 1_000;
/// Functions in one script or module, closures included.
const FUNCTIONS: usize = 500;
/// Modules of a run.
const MODULES: usize = crate::modules::MODULES_LIMIT;

/// An engine that knows the language and nothing else: what compiles scripts, and the ground for [`for_branch`].
///
/// `reserved` are the namespaces that exist; at compile time they are empty, so that nothing can happen then.
pub(crate) fn for_compiling<'a>(reserved: impl IntoIterator<Item = &'a str>) -> Engine {
    let mut engine = bare();
    for namespace in reserved {
        engine.register_static_module(namespace, Module::new().into());
    }
    engine
}

/// The engine of one branch, with every function that a script has.
pub(crate) fn for_branch(branch: &Arc<Branch>) -> Engine {
    let mut engine = bare();
    add_language(&mut engine);
    bind::register(&mut engine, branch);
    if stands(Protection::OperationLimit) {
        engine.set_max_operations(branch.run.limits.operations);
    }
    engine.set_module_resolver(Resolver::new(Arc::clone(branch)));
    let (printing, debugging, watching) = (Arc::clone(branch), Arc::clone(branch), Arc::clone(branch));
    // The engine gives these no way to fail, so a limit ends the script one operation later.
    engine.on_print(move |text| drop(printing.print(text)));
    engine.on_debug(move |text, _, _| drop(debugging.print(text)));
    engine.on_progress(move |_| watching.run.tick().then_some(Dynamic::UNIT));
    engine
}

/// The language's own functions, made once for the engines of all branches.
static LANGUAGE: LazyLock<Vec<SharedModule>> = LazyLock::new(|| {
    // `LanguageCorePackage` is left out for `sleep` and `exit`, the blob, bit-field and time packages for want of a use.
    vec![
        ArithmeticPackage::new().as_shared_module(),
        LogicPackage::new().as_shared_module(),
        BasicMathPackage::new().as_shared_module(),
        BasicStringPackage::new().as_shared_module(),
        MoreStringPackage::new().as_shared_module(),
        BasicIteratorPackage::new().as_shared_module(),
        BasicArrayPackage::new().as_shared_module(),
        BasicMapPackage::new().as_shared_module(),
        BasicFnPackage::new().as_shared_module(),
    ]
});

/// Makes what the engines of all branches share, for a process that has time until its script comes.
pub(crate) fn prepare() {
    LazyLock::force(&LANGUAGE);
}

fn add_language(engine: &mut Engine) {
    for package in LANGUAGE.iter() {
        engine.register_global_module(Arc::clone(package));
    }
}

/// The names of the language's own functions, operators included.
pub(crate) fn language_functions() -> BTreeSet<String> {
    let mut engine = bare();
    add_language(&mut engine);
    let native = engine.collect_fn_metadata(None, |info| Some(info.metadata.name.to_string()), true);
    // The engine itself answers these.
    let built_in = ["Fn", "call", "curry", "is_def_fn", "is_def_var", "is_shared", "type_of"];
    native.into_iter().chain(built_in.map(str::to_owned)).collect()
}

fn bare() -> Engine {
    let mut engine = Engine::new_raw();
    // Optimization may run functions while compiling.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    engine.set_max_call_levels(if stands(Protection::CallDepth) { CALL_LEVELS } else { usize::MAX });
    let depth = if stands(Protection::ExpressionDepth) { EXPRESSION_DEPTH } else { usize::MAX };
    engine.set_max_expr_depths(depth, depth);
    if stands(Protection::ValueSizes) {
        engine.set_max_string_size(STRING_BYTES);
        engine.set_max_array_size(LIST_ITEMS);
        engine.set_max_map_size(TABLE_ENTRIES);
    }
    engine.set_max_variables(VARIABLES);
    engine.set_max_functions(FUNCTIONS);
    engine.set_max_modules(MODULES);
    if stands(Protection::NoEval) {
        engine.disable_symbol("eval");
    }
    engine
}

/// Compiles a script or module; `source` is what its errors call it.
pub(crate) fn compile(engine: &Engine, source: &str, text: &str) -> Result<AST, ParseError> {
    let mut ast = engine.compile_with_scope(&Scope::new(), text)?;
    ast.set_source(source);
    Ok(ast)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_of_the_engine_is_set() {
        let engine = for_compiling(["dns"]);
        let set = [
            engine.max_call_levels(),
            engine.max_expr_depth(),
            engine.max_function_expr_depth(),
            engine.max_string_size(),
            engine.max_array_size(),
            engine.max_map_size(),
            engine.max_variables(),
            engine.max_functions(),
            engine.max_modules(),
        ];
        assert_eq!(set, [64, 64, 64, 1 << 20, 10_000, 100_000, 1_000, 500, 64]);
        assert_eq!(engine.optimization_level(), OptimizationLevel::None);
        assert!(engine.strict_variables() && engine.fail_on_invalid_map_property());
    }
}
