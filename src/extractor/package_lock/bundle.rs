//! Bundles: packages that come inside the archive of another one, and are never fetched themselves.
//!
//! npm does not go by `inBundle` (it is written for people): a package is in a bundle when the one above it lists it in
//! `bundleDependencies`, or when one of that bundle leads to it (`getBundler` in `node.js` of npm's arborist; tried with npm
//! 11 against a registry on loopback). An entry that only says so is fetched like any other.

use foldhash::{HashMap, HashSet};

use super::super::contract::json::Node;

const NODE_MODULES: &str = "/node_modules/";

/// The folders of what comes in a bundle.
#[derive(Default)]
pub(super) struct Bundled {
    folders: HashSet<String>,
}

impl Bundled {
    /// Finds the bundles of all entries; nothing is looked for where no entry claims to be in one.
    pub(super) fn of(entries: &HashMap<&str, &Node<'_>>) -> Self {
        let mut bundled = Self::default();
        if !entries.values().any(|entry| entry.is_true("inBundle")) {
            return bundled;
        }
        // What the project itself bundles is fetched all the same.
        for (&bundler, &entry) in entries.iter().filter(|(folder, _)| !folder.is_empty()) {
            let names = entry.get("bundleDependencies").and_then(Node::items).unwrap_or_default();
            let own = names.iter().filter_map(Node::text).map(|name| format!("{bundler}{NODE_MODULES}{name}"));
            let mut waiting: Vec<String> = own.filter(|folder| entries.contains_key(folder.as_str())).collect();
            while let Some(folder) = waiting.pop() {
                let Some(entry) = entries.get(folder.as_str()).filter(|_| !bundled.folders.contains(&folder)) else {
                    continue;
                };
                for list in ["dependencies", "optionalDependencies", "peerDependencies"] {
                    waiting
                        .extend(entry.texts_at(list).filter_map(|(name, _)| find(entries, (bundler, &folder), name)));
                }
                bundled.folders.insert(folder);
            }
        }
        bundled
    }

    /// Whether the package in a folder, or one that it stands in, comes in a bundle.
    pub(super) fn holds(&self, folder: &str) -> bool {
        let above = folder.match_indices(NODE_MODULES).filter_map(|(end, _)| folder.get(..end));
        !self.folders.is_empty() && above.chain([folder]).any(|folder| self.folders.contains(folder))
    }
}

/// The folder of what a package of a bundle finds under a name, where it is in the same bundle.
fn find(entries: &HashMap<&str, &Node<'_>>, (bundler, folder): (&str, &str), name: &str) -> Option<String> {
    let inside = folder.get(bundler.len()..)?;
    let above = inside.match_indices(NODE_MODULES).map(|(end, _)| bundler.len() + end);
    let ends: Vec<usize> = above.chain([folder.len()]).collect();
    let mut candidates =
        ends.iter().rev().filter_map(|&end| Some(format!("{}{NODE_MODULES}{name}", folder.get(..end)?)));
    candidates.find(|candidate| entries.contains_key(candidate.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bundle_leads_to_is_in_it_and_what_only_says_so_is_not() {
        let text = r#"{
            "": {"bundleDependencies": ["p", "root"]},
            "node_modules/root": {"inBundle": true},
            "node_modules/p": {"bundleDependencies": ["a", "gone"]},
            "node_modules/p/node_modules/a": {"inBundle": true, "dependencies": {"b": "*", "outside": "*"}},
            "node_modules/p/node_modules/b": {"inBundle": true, "dependencies": {"a": "*"}},
            "node_modules/p/node_modules/b/node_modules/c": {"inBundle": true},
            "node_modules/p/node_modules/d": {"inBundle": true},
            "node_modules/outside": {"inBundle": true},
            "node_modules/q": {"bundleDependencies": true},
            "node_modules/q/node_modules/a": {"inBundle": true}
        }"#;
        let node = Node::parse(text).expect("JSON");
        let entries = node.members().iter().map(|member| (member.key.as_ref(), &member.value)).collect();
        let bundled = Bundled::of(&entries);
        let mut held: Vec<&str> = entries.keys().copied().filter(|folder| bundled.holds(folder)).collect();
        held.sort_unstable();
        let below = |name: &str| format!("node_modules/p/node_modules/{name}");
        assert_eq!(held, [below("a"), below("b"), below("b/node_modules/c")]);
    }
}
