//! Raising: what the project itself asks for, and its overrides, come to admit another release.

use std::rc::Rc;

use nodejs_semver::Version;
use serde_json::Value;

use super::Solver;
use super::edge::Wanted;
use super::entry::{Entry, Standing};
use super::market::Candidate;
use super::tree::{Ask, name_of};
use crate::model::ecosystem::Ecosystem;
use crate::model::remedy::Step;
use crate::updater::contract::Breaking;
use crate::version;

/// The sections of a manifest whose requirements may be raised. Peers say what others must bring: a promise that stays.
const RAISED: [&str; 3] = ["dependencies", "optionalDependencies", "devDependencies"];
/// A new override for more parents than this is written for all of them at once.
const PARENT_LIMIT: usize = 3;

impl Solver<'_> {
    /// Raises a requirement of the project so that it admits the lowest of some releases.
    pub(super) fn raise_requirement(&mut self, path: &str, ask: &Ask, good: &[Rc<Candidate>]) -> bool {
        if ask.edge.kind.is_peer() || !matches!(*ask.edge.wanted, Wanted::Range(_)) || ask.edge.name != ask.edge.package
        {
            return false;
        }
        let (Some(entry), Some(folder)) = (self.tree.get(path).cloned(), self.tree.get(&ask.from).cloned()) else {
            return false;
        };
        let lowest = |is_fit: &dyn Fn(&Candidate) -> bool| {
            good.iter().filter(|it| is_fit(it)).min_by_key(|it| (it.is_deprecated, !it.fits_engine, it.version.clone()))
        };
        let is_small = |it: &Candidate| !is_breaking(&entry.written, &it.written);
        let may_break = match self.puzzle.freedom.breaking {
            Breaking::Never => false,
            Breaking::Only(names) => names.contains(&*ask.edge.name),
            Breaking::Any => true,
        };
        let chosen = lowest(&is_small).or_else(|| lowest(&|_| true).filter(|_| may_break));
        let Some(chosen) = chosen else { return false };
        let written = raised(&ask.edge.written, &chosen.written);
        let mut fields = (*folder.fields).clone();
        for section in RAISED {
            let old = fields.get_mut(section).and_then(|members| members.get_mut(&*ask.edge.name));
            if let Some(old) = old {
                *old = Value::from(written.as_str());
            }
        }
        let edges = self.market.reader.edges(&fields, true);
        if ask.from.is_empty() && !self.tree.overrides().is_empty() {
            let overrides = self.tree.overrides().raised(&ask.edge.name, &written, &self.market.reader);
            self.tree.set_overrides(overrides);
        }
        let entry = Entry { fields: Rc::new(fields), edges, ..(*folder).clone() };
        self.tree.insert(&ask.from, &Rc::new(entry));
        true
    }

    /// Raises the project's override that stands above an ask.
    pub(super) fn raise_override(&mut self, path: &str, ask: &Ask, good: &[Rc<Candidate>]) -> bool {
        let Some(entry) = self.tree.get(path).cloned() else { return false };
        let version = self.tree.get(&ask.from).and_then(|from| from.version.clone());
        let way = super::tree::chain(&ask.from);
        let overrides = Rc::clone(self.tree.overrides());
        let Some((keys, written)) = overrides.written_for(&way, version.as_ref(), &ask.edge) else { return false };
        if ask.counts.name != ask.counts.package || written.starts_with('$') {
            return false;
        }
        // What the parent itself asks for is the safest, then what breaks nothing.
        let chosen = good
            .iter()
            .find(|it| ask.edge.wanted.admits(&it.version))
            .or_else(|| good.iter().find(|it| !is_breaking(&entry.written, &it.written)))
            .or_else(|| good.iter().find(|it| same_major(entry.version.as_ref(), &it.version)))
            .or_else(|| good.first());
        let Some(chosen) = chosen else { return false };
        let written = raised(written, &chosen.written);
        let raised = overrides.with(keys, &written, &self.market.reader);
        self.tree.set_overrides(raised);
        true
    }

    /// Writes a new override for those whose ranges admit no clean release, where the policy allows it.
    pub(super) fn override_new(&mut self, path: &Rc<str>) -> bool {
        let Some(entry) = self.tree.get(path).cloned() else { return false };
        if !self.puzzle.freedom.overrides || entry.standing != Standing::Registry {
            return false;
        }
        let clean = self.clean(&entry);
        let asks = self.asks(path);
        let same = clean.iter().find(|it| same_major(entry.version.as_ref(), &it.version));
        let Some(target) = same.or(clean.first()).cloned() else { return false };
        let name = name_of(path);
        let mut overrides = (**self.tree.overrides()).clone();
        let open: Vec<&Ask> = asks.iter().filter(|ask| !ask.counts.wanted.admits(&target.version)).collect();
        if open.iter().any(|ask| super::tree::is_project(&ask.from)) || name != &*entry.package {
            return false;
        }
        let parents: std::collections::BTreeSet<&str> = open.iter().map(|ask| name_of(&ask.from)).collect();
        let is_like = |(path, it): (&Rc<str>, &Rc<Entry>)| {
            name_of(path) != name || same_major(it.version.as_ref(), &target.version)
        };
        let alike = self.tree.entries().all(is_like);
        let asked_directly = self.tree.get("").is_some_and(|root| root.edges.iter().any(|edge| *edge.name == *name));
        if parents.len() > PARENT_LIMIT && alike && !asked_directly {
            overrides = overrides.with(&[name.to_owned()], &target.written, &self.market.reader);
        } else {
            for parent in parents {
                overrides = overrides.with(&[parent.to_owned(), name.to_owned()], &target.written, &self.market.reader);
            }
        }
        self.tree.set_overrides(overrides);
        self.move_to(path, &target)
    }
}

/// Whether a step leaves the caret range.
fn is_breaking(from: &str, to: &str) -> bool {
    version::step(Ecosystem::Npm, from, to).map_or(true, |step| step == Step::Major)
}

fn same_major(from: Option<&Version>, to: &Version) -> bool {
    from.is_some_and(|from| from.major() == to.major())
}

/// A requirement that admits a version, in the style of the old one.
fn raised(old: &str, version: &str) -> String {
    let old = old.trim();
    let operator = match old.chars().next() {
        Some(sign @ ('^' | '~')) if !old.contains("||") => sign.to_string(),
        _ if Version::parse(old).is_ok() => String::new(),
        _ => "^".to_owned(),
    };
    format!("{operator}{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_raised_in_their_own_style() {
        for (old, expected) in [
            ("^1.2.0", "^2.0.1"),
            ("~1.2.0", "~2.0.1"),
            ("1.2.0", "2.0.1"),
            ("1.x", "^2.0.1"),
            (">=1 <2", "^2.0.1"),
            ("^0.9 || ^1", "^2.0.1"),
        ] {
            assert_eq!(raised(old, "2.0.1"), expected, "{old}");
        }
    }
}
