//! Between the engine's values and the one value type that crosses the door.

use fabric_model::Value;
use fabric_model::value::DEPTH_LIMIT;
use rhai::{Array, Dynamic, Map};

use crate::library::raised::Uncrossable;

/// The host's value of an engine's value.
///
/// # Errors
/// When it nests too deep or is of a kind that stays in the script.
pub(crate) fn to_value(from: &Dynamic) -> Result<Value, Uncrossable> {
    cross(from, DEPTH_LIMIT, &Err)
}

/// The same for evidence: what cannot cross is named instead of refused.
pub(crate) fn to_evidence(from: &Dynamic) -> Value {
    let named = |refused: Uncrossable| Ok(refused.named());
    cross(from, DEPTH_LIMIT, &named).unwrap_or_default()
}

type Refused<'a> = &'a dyn Fn(Uncrossable) -> Result<Value, Uncrossable>;

/// The recursion is bounded by `depth`, whatever the script has built.
fn cross(from: &Dynamic, depth: usize, refused: Refused<'_>) -> Result<Value, Uncrossable> {
    if from.is_shared() {
        // A captured variable; its content is what the script sees. It costs a level, so that no cycle is walked for ever.
        let Some(depth) = depth.checked_sub(1) else { return refused(Uncrossable::TooDeep) };
        return cross(&from.flatten_clone(), depth, refused);
    }
    if from.is_unit() {
        return Ok(Value::Null);
    }
    if let Some(list) = from.read_lock::<Array>() {
        let Some(depth) = depth.checked_sub(1) else { return refused(Uncrossable::TooDeep) };
        return list
            .iter()
            .map(|item| cross(item, depth, refused))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::List);
    }
    if let Some(map) = from.read_lock::<Map>() {
        let Some(depth) = depth.checked_sub(1) else { return refused(Uncrossable::TooDeep) };
        return map
            .iter()
            .map(|(key, item)| Ok((key.to_string(), cross(item, depth, refused)?)))
            .collect::<Result<_, _>>()
            .map(Value::Map);
    }
    if let Ok(b) = from.as_bool() {
        return Ok(Value::Bool(b));
    }
    if let Ok(i) = from.as_int() {
        return Ok(Value::Int(i));
    }
    if let Ok(x) = from.as_float() {
        return if x.is_finite() { Ok(Value::Float(x)) } else { refused(Uncrossable::NotFinite) };
    }
    if let Ok(c) = from.as_char() {
        return Ok(Value::Text(c.to_string()));
    }
    match from.as_immutable_string_ref() {
        Ok(text) => Ok(Value::Text(text.to_string())),
        Err(_) if from.is_fnptr() => refused(Uncrossable::Kind("function")),
        Err(_) => refused(Uncrossable::Kind("value of the engine")),
    }
}

/// The engine's value of a host's value.
pub(crate) fn to_dynamic(from: &Value) -> Dynamic {
    match from {
        Value::Null => Dynamic::UNIT,
        Value::Bool(b) => (*b).into(),
        Value::Int(i) => (*i).into(),
        Value::Float(x) => (*x).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => Dynamic::from_array(items.iter().map(to_dynamic).collect()),
        Value::Map(entries) => Dynamic::from_map(
            entries.iter().map(|(key, item)| (key.as_str().into(), to_dynamic(item))).collect(),
        ),
    }
}

/// A copy that shares nothing with the original, so that what one branch of `par` does to it no other sees.
///
/// # Errors
/// When it nests too deep, as a closure that captured itself does.
pub(crate) fn detached(from: &Dynamic) -> Result<Dynamic, Uncrossable> {
    detach(from, DEPTH_LIMIT)
}

fn detach(from: &Dynamic, depth: usize) -> Result<Dynamic, Uncrossable> {
    let depth = depth.checked_sub(1).ok_or(Uncrossable::TooDeep)?;
    if from.is_shared() {
        return detach(&from.flatten_clone(), depth);
    }
    if let Some(list) = from.read_lock::<Array>() {
        return list
            .iter()
            .map(|item| detach(item, depth))
            .collect::<Result<_, _>>()
            .map(Dynamic::from_array);
    }
    if let Some(map) = from.read_lock::<Map>() {
        let entries = map.iter().map(|(key, item)| Ok((key.clone(), detach(item, depth)?)));
        return entries.collect::<Result<_, _>>().map(Dynamic::from_map);
    }
    if let Some(function) = from.read_lock::<rhai::FnPtr>() {
        return detached_function(&function, depth).map(Dynamic::from);
    }
    Ok(from.clone())
}

/// A function whose captured variables are copies.
///
/// # Errors
/// As [`detached`].
pub(crate) fn detached_closure(from: &rhai::FnPtr) -> Result<rhai::FnPtr, Uncrossable> {
    detached_function(from, DEPTH_LIMIT)
}

fn detached_function(from: &rhai::FnPtr, depth: usize) -> Result<rhai::FnPtr, Uncrossable> {
    let captured = from.iter_curry().map(|value| detach(value, depth)).collect::<Result<Vec<_>, _>>()?;
    let mut function = from.clone();
    function.set_curry(captured);
    Ok(function)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::Float),
            ".*".prop_map(Value::Text),
        ];
        leaf.prop_recursive(5, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
                prop::collection::btree_map(".*", inner, 0..8).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_survives_the_engine(value in any_value()) {
            prop_assert_eq!(to_value(&to_dynamic(&value)), Ok(value.clone()));
            prop_assert_eq!(to_value(&detached(&to_dynamic(&value)).expect("shallow")), Ok(value));
        }
    }

    fn nested(levels: usize) -> Dynamic {
        (0..levels).fold(Dynamic::UNIT, |inner, _| Dynamic::from_array(vec![inner]))
    }

    #[test]
    fn the_depth_limit_is_exact() {
        assert!(to_value(&nested(DEPTH_LIMIT)).is_ok());
        assert_eq!(to_value(&nested(DEPTH_LIMIT + 1)), Err(Uncrossable::TooDeep));
    }

    #[test]
    fn what_has_no_meaning_outside_stays_in_the_script() {
        let function = Dynamic::from(rhai::FnPtr::new("f").expect("a name"));
        assert_eq!(to_value(&function), Err(Uncrossable::Kind("function")));
        assert_eq!(to_value(&f64::NAN.into()), Err(Uncrossable::NotFinite));
        assert!(to_value(&Dynamic::from(0..3_i64)).is_err());
        assert!(to_value(&Dynamic::from_blob(vec![1])).is_err());
        assert_eq!(to_evidence(&function), Value::from("(a function cannot leave the script)"));
    }
}
