//! Features: which packages each of them turns on, and which of them a release asks for of others.
//! <https://doc.rust-lang.org/cargo/reference/features.html>

use std::collections::{BTreeMap, BTreeSet};

use super::Line;

/// Every feature of a release with the packages that it turns on, those included that bear the name of a package. There is
/// always a feature `default`.
pub(super) fn read(line: &Line) -> BTreeMap<String, BTreeSet<String>> {
    let words: BTreeMap<&str, Vec<&str>> = line
        .features
        .iter()
        .chain(&line.features2)
        .map(|(name, words)| (name.as_str(), words.iter().map(String::as_str).collect()))
        .collect();
    let optional: BTreeMap<&str, &str> = line
        .deps
        .iter()
        .filter(|it| it.is_for_users() && it.optional)
        .map(|it| (it.name.as_str(), it.package()))
        .collect();
    // A package that some feature names as `dep:` has no feature of its own name.
    let named: BTreeSet<&str> = words.values().flatten().filter_map(|word| word.strip_prefix("dep:")).collect();
    let own = optional.keys().copied().filter(|name| !named.contains(name));
    let all: BTreeSet<&str> = words.keys().copied().chain(own).chain(["default"]).collect();
    let turned_on = |name: &str| if optional.is_empty() { BTreeSet::new() } else { packages(name, &words, &optional) };
    all.into_iter().map(|name| (name.to_owned(), turned_on(name))).collect()
}

/// The packages that a feature turns on, by way of other features too.
fn packages(feature: &str, words: &BTreeMap<&str, Vec<&str>>, optional: &BTreeMap<&str, &str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![feature];
    while let Some(word) = open.pop() {
        if !seen.insert(word) {
            continue;
        }
        match word.strip_prefix("dep:").or_else(|| word.split_once('/').map(|(name, _)| name)) {
            // `name?/feature` turns nothing on.
            Some(name) => found.extend(optional.get(name).map(|package| (*package).to_owned())),
            None => match words.get(word) {
                Some(more) => open.extend(more),
                None => found.extend(optional.get(word).map(|package| (*package).to_owned())),
            },
        }
    }
    found
}

/// The features that a release asks for, by package.
pub(super) fn asked(line: &Line) -> BTreeMap<String, BTreeSet<String>> {
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for requirement in line.deps.iter().filter(|it| it.is_for_users()) {
        let features = asked.entry(requirement.package().to_owned()).or_default();
        features.extend(requirement.features.iter().cloned());
        features.extend(requirement.default_features.then(|| "default".to_owned()));
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_lead_to_packages_by_way_of_others() {
        let line: Line = serde_json::from_str(
            r#"{"vers":"1.0.0","cksum":"ab","deps":[
                {"name":"clock","req":"^1","package":"time","optional":true,"default_features":false,"features":["std"]},
                {"name":"log","req":"^1","optional":true},{"name":"once","req":"^1","optional":true},
                {"name":"always","req":"^1"}],
              "features":{"default":["std"],"std":["dep:once","always/std"],"weak":["log?/std"],"strong":["clock/std"]}}"#,
        )
        .unwrap();
        let told: Vec<String> = read(&line).into_iter().map(|(name, on)| format!("{name}: {on:?}")).collect();
        let expected = [
            "clock: {\"time\"}",
            "default: {\"once\"}",
            "log: {\"log\"}",
            "std: {\"once\"}",
            "strong: {\"time\"}",
            "weak: {}",
        ];
        assert_eq!(told, expected);
        let asked = asked(&line);
        assert_eq!(asked["time"].iter().collect::<Vec<_>>(), ["std"]);
        assert_eq!(asked["always"].iter().collect::<Vec<_>>(), ["default"]);
    }
}
