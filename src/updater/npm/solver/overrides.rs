//! Overrides: what a project asks for in place of what its dependencies ask for
//! (<https://docs.npmjs.com/cli/configuring-npm/package-json#overrides>).

use std::rc::Rc;

use nodejs_semver::Version;
use serde_json::{Map, Value};

use super::edge::{Edge, Reader};
use crate::version::NpmRange;

/// How deep overrides may nest, as for the specifications in them.
const DEPTH_LIMIT: usize = 32;

/// One rule: below these packages, what is asked for this one is that.
#[derive(Debug, Clone)]
struct Rule {
    /// The packages on the way, outermost first, each with its range.
    above: Vec<(String, Option<NpmRange>)>,
    name: String,
    /// Where the rule is for some requests only: those whose range meets this one.
    range: Option<NpmRange>,
    /// What counts instead.
    edge: Rc<Edge>,
    /// The keys that lead to it.
    keys: Vec<String>,
}

/// A project's overrides.
#[derive(Debug, Clone, Default)]
pub(super) struct Overrides {
    rules: Vec<Rule>,
    /// The manifest that has them.
    manifest: Map<String, Value>,
}

impl Overrides {
    /// Reads the overrides of a manifest; `$name` stands for what the manifest itself asks for.
    pub(super) fn read(manifest: &Map<String, Value>, reader: &Reader) -> Self {
        let mut overrides = Self { rules: Vec::new(), manifest: manifest.clone() };
        if let Some(written) = manifest.get("overrides").and_then(Value::as_object) {
            overrides.collect((manifest, reader), written, &mut Vec::new());
        }
        overrides
    }

    fn collect(
        &mut self,
        (manifest, reader): (&Map<String, Value>, &Reader),
        members: &Map<String, Value>,
        above: &mut Vec<String>,
    ) {
        if above.len() > DEPTH_LIMIT {
            return;
        }
        for (key, value) in members {
            if let Some(written) = value.as_str() {
                let keys: Vec<String> = above.iter().cloned().chain([key.clone()]).collect();
                self.add(keys, (manifest, reader), written);
            } else if let Some(members) = value.as_object() {
                above.push(key.clone());
                self.collect((manifest, reader), members, above);
                above.pop();
            }
        }
    }

    fn add(&mut self, keys: Vec<String>, (manifest, reader): (&Map<String, Value>, &Reader), written: &str) {
        let referred = written.strip_prefix('$').and_then(|name| {
            ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"]
                .iter()
                .find_map(|section| manifest.get(*section)?.get(name)?.as_str())
        });
        let written = referred.unwrap_or(written);
        // `{"a": {".": "1"}}` is a rule for `a` itself.
        let mut way: Vec<&String> = keys.iter().filter(|key| *key != ".").collect();
        let Some(last) = way.pop() else { return };
        let parts = |key: &str| {
            let (name, range) = split(key);
            (name.to_owned(), range.and_then(NpmRange::parse))
        };
        let (name, range) = parts(last);
        let above = way.into_iter().map(|key| parts(key)).collect();
        // Whom it counts for is decided by the edge that it replaces.
        let edge = reader.edge(&name, written, super::edge::Kind::Production);
        self.rules.push(Rule { above, name, range, edge, keys });
    }

    /// The member of the manifest; `None` where it has none.
    pub(super) fn written(&self) -> Option<&Value> {
        self.manifest.get("overrides")
    }

    /// The same with one rule more, or another value for one that there is.
    pub(super) fn with(&self, keys: &[String], value: &str, reader: &Reader) -> Self {
        let mut manifest = self.manifest.clone();
        let mut place = manifest.entry("overrides").or_insert_with(|| Value::Object(Map::new()));
        for key in keys {
            // A rule for a package itself makes room for those below it.
            if let Value::String(own) = place {
                *place = serde_json::json!({".": own});
            }
            let Some(members) = place.as_object_mut() else { return self.clone() };
            place = members.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
        }
        match place.as_object_mut().filter(|members| !members.is_empty()) {
            Some(members) => drop(members.insert(".".to_owned(), Value::from(value))),
            None => *place = Value::from(value),
        }
        Self::read(&manifest, reader)
    }

    /// The same after the manifest's own requirement on a package was raised.
    pub(super) fn raised(&self, name: &str, value: &str, reader: &Reader) -> Self {
        let mut manifest = self.manifest.clone();
        for section in ["dependencies", "devDependencies", "optionalDependencies"] {
            if let Some(old) = manifest.get_mut(section).and_then(|members| members.get_mut(name)) {
                *old = Value::from(value);
            }
        }
        Self::read(&manifest, reader)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The edge that counts instead of one, asked by the last of the packages on the way.
    pub(super) fn of(&self, way: &[&str], version: Option<&Version>, edge: &Edge) -> Option<Rc<Edge>> {
        let rule = self.rule_for(way, version, edge)?;
        Some(Rc::new(Edge { kind: edge.kind, ..(*rule.edge).clone() }))
    }

    /// The innermost rule that fits.
    fn rule_for(&self, way: &[&str], version: Option<&Version>, edge: &Edge) -> Option<&Rule> {
        let fits = |rule: &&Rule| {
            if rule.name != *edge.name {
                return false;
            }
            let mut rest = way.iter().enumerate();
            let is_below = rule.above.iter().all(|(name, range)| {
                rest.any(|(position, found)| {
                    let is_last = position + 1 == way.len();
                    let in_range = |range: &NpmRange| version.is_none_or(|version| range.admits(version));
                    *found == name && (!is_last || range.as_ref().is_none_or(in_range))
                })
            });
            // A rule for some versions is for requests that can be met by one of them.
            let meets = |range: &NpmRange| match NpmRange::parse(&edge.written).and_then(|asked| asked.lowest()) {
                Some(lowest) => range.admits(&lowest),
                None => true,
            };
            is_below && rule.range.as_ref().is_none_or(meets)
        };
        self.rules.iter().filter(fits).max_by_key(|rule| (rule.above.len(), rule.range.is_some()))
    }

    /// What the override says for an edge, and the keys that lead to it in the manifest.
    pub(super) fn written_for(
        &self,
        way: &[&str],
        version: Option<&Version>,
        edge: &Edge,
    ) -> Option<(&[String], &str)> {
        let rule = self.rule_for(way, version, edge)?;
        Some((&rule.keys, &rule.edge.written))
    }
}

/// `name@range` in two.
fn split(key: &str) -> (&str, Option<&str>) {
    match key.rfind('@').filter(|&at| at > 0) {
        Some(at) => (&key[..at], Some(&key[at + 1..])),
        None => (key, None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::edge::Kind;
    use super::*;

    #[test]
    fn the_innermost_rule_counts() {
        let manifest = serde_json::json!({
            "dependencies": {"d": "^4.1.0"},
            "overrides": {"a": "1.0.0", "b": {".": "2.0.0", "c": "3.0.0"}, "d": "$d", "e@^1": "1.5.0", "f@2": {"c": "4.0.0"}}
        });
        let reader = Reader::default();
        let overrides = Overrides::read(manifest.as_object().unwrap(), &reader);
        let told = |way: &[&str], version: &str, name: &str, written: &str| {
            let edge = reader.edge(name, written, Kind::Production);
            let version = Version::parse(version).unwrap();
            overrides.of(way, Some(&version), &edge).map(|edge| edge.written.to_string()).unwrap_or_default()
        };
        assert_eq!(told(&["x"], "1.0.0", "a", "^9"), "1.0.0");
        assert_eq!(told(&["x"], "1.0.0", "b", "^9"), "2.0.0");
        assert_eq!(told(&["b"], "2.0.0", "c", "^9"), "3.0.0");
        assert_eq!(told(&["b", "x"], "2.0.0", "c", "^9"), "3.0.0");
        assert_eq!(told(&["x"], "2.0.0", "c", "^9"), "");
        assert_eq!(told(&["x"], "2.0.0", "d", "^1"), "^4.1.0");
        assert_eq!(told(&["x"], "2.0.0", "e", "^1.2.0"), "1.5.0");
        assert_eq!(told(&["x"], "2.0.0", "e", "^2.2.0"), "");
        assert_eq!(told(&["f"], "2.1.0", "c", "^1"), "4.0.0");
        assert_eq!(told(&["f"], "3.1.0", "c", "^1"), "");
        let more = overrides.with(&["a".to_owned(), "g".to_owned()], "1.0.0", &reader);
        let more = more.with(&["b".to_owned()], "2.0.1", &reader).raised("d", "^5.0.0", &reader);
        let edge = reader.edge("d", "^1", Kind::Production);
        assert_eq!(&*more.of(&["x"], None, &edge).unwrap().written, "^5.0.0");
        assert_eq!(
            *more.written().unwrap(),
            serde_json::json!({
                "a": {".": "1.0.0", "g": "1.0.0"}, "b": {".": "2.0.1", "c": "3.0.0"}, "d": "$d", "e@^1": "1.5.0",
                "f@2": {"c": "4.0.0"}
            })
        );
    }
}
