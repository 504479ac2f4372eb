//! Sample data for every template: what a template may ask for, and what it is tried against before a night.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// How deep loops may nest, as the scan allows.
const LOOPS: usize = 2;

/// One object per template that is rendered, with every variable present and every list filled.
static SAMPLES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../templates/samples.json")).expect("the samples are an object of JSON")
});

/// Everything that the template called `name` may be given; `None` for partials and unknown names.
pub(super) fn full(name: &str) -> Option<&'static Value> {
    SAMPLES.get(name)
}

/// The full sample, and the same with the lists of the innermost loops empty, then those of all.
pub(super) fn filled(full: &Value) -> Vec<Value> {
    let emptied = (0..LOOPS).rev().map(|depth| without_lists(full, depth));
    std::iter::once(full.clone()).chain(emptied).collect()
}

/// The least that a template is given: nothing holds, no list has an item, and what may be absent is.
pub(super) fn minimal(full: &Value) -> Value {
    let least = |value: &Value| match value {
        Value::Null | Value::Object(_) => Value::Null,
        Value::Bool(_) => Value::Bool(false),
        Value::Number(_) => Value::from(0),
        Value::String(_) => Value::from(""),
        Value::Array(_) => Value::Array(Vec::new()),
    };
    match full {
        Value::Object(variables) => {
            Value::Object(variables.iter().map(|(name, value)| (name.clone(), least(value))).collect())
        }
        other => least(other),
    }
}

/// Empties every list that stands in `depth` other lists or more.
fn without_lists(value: &Value, depth: usize) -> Value {
    match value {
        Value::Array(_) if depth == 0 => Value::Array(Vec::new()),
        Value::Array(items) => Value::Array(items.iter().map(|item| without_lists(item, depth - 1)).collect()),
        Value::Object(variables) => {
            Value::Object(variables.iter().map(|(name, value)| (name.clone(), without_lists(value, depth))).collect())
        }
        other => other.clone(),
    }
}

/// Where real data of a template differ in their variables from its sample; `None` when they do not, or there is none.
pub(super) fn difference(name: &str, data: &Value) -> Option<String> {
    differs(full(name)?, data, name)
}

fn differs(sample: &Value, data: &Value, path: &str) -> Option<String> {
    match (sample, data) {
        (Value::Object(expected), Value::Object(given)) => {
            let lacking = expected.keys().find(|key| !given.contains_key(*key));
            let unknown = given.keys().find(|key| !expected.contains_key(*key));
            lacking.or(unknown).map(|key| format!("{path}.{key}")).or_else(|| {
                expected.iter().find_map(|(key, value)| differs(value, &given[key], &format!("{path}.{key}")))
            })
        }
        (Value::Array(expected), Value::Array(given)) => {
            let item = expected.first()?;
            given.iter().find_map(|value| differs(item, value, &format!("{path}[]")))
        }
        (Value::Object(_) | Value::Array(_), Value::Null) => None,
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => Some(path.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::BUILT_IN;

    #[test]
    fn every_template_that_is_rendered_has_a_full_sample() {
        fn is_full(value: &Value) -> bool {
            match value {
                Value::Null => false,
                Value::Bool(holds) => *holds,
                Value::Number(number) => number.as_u64() != Some(0),
                Value::String(text) => !text.is_empty(),
                Value::Array(items) => !items.is_empty() && items.iter().all(is_full),
                Value::Object(variables) => variables.values().all(is_full),
            }
        }
        for built_in in BUILT_IN.iter().filter(|built_in| !built_in.name.starts_with("partials/")) {
            let sample =
                full(built_in.name).unwrap_or_else(|| panic!("templates/samples.json lacks {}", built_in.name));
            assert!(is_full(sample), "something in the sample of {} is empty", built_in.name);
        }
    }

    #[test]
    fn what_differs_from_a_sample_is_named() {
        assert_eq!(difference("comment_closed", &json!({ "base": "main" })), None);
        assert_eq!(difference("comment_closed", &json!({})).as_deref(), Some("comment_closed.base"));
        let more = json!({ "base": "main", "more": 1 });
        assert_eq!(difference("comment_closed", &more).as_deref(), Some("comment_closed.more"));
        assert_eq!(difference("no such template", &json!({})), None);
    }

    #[test]
    fn lists_are_emptied_from_the_innermost_on() {
        let sample = json!({ "a": [{ "b": [1], "c": "x" }], "d": { "e": 1 } });
        let filled = filled(&sample);
        assert_eq!(filled[1], json!({ "a": [{ "b": [], "c": "x" }], "d": { "e": 1 } }));
        assert_eq!(filled[2], json!({ "a": [], "d": { "e": 1 } }));
        assert_eq!(minimal(&sample), json!({ "a": [], "d": null }));
    }
}
