//! Diagnosis: why a copy keeps its flaws, with the one command or line that would change it.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Solver;
use super::entry::{Entry, Standing};
use super::market::Candidate;
use super::tree::{Ask, is_project, name_of};
use crate::model::advisory::AdvisoryId;
use crate::model::dependency::PackageVersion;
use crate::model::dependency_path::TOLD_LINKS;
use crate::model::remedy::{BlockCause, BlockingParent};
use crate::updater::contract::{Obstacle, Stay};

impl Solver<'_> {
    /// Every package that still has flaws that were to go, each version with what stands in its way.
    pub(super) fn stays(&self) -> Vec<Stay> {
        let mut stays = BTreeMap::new();
        for path in self.open() {
            let Some(entry) = self.tree.get(&path) else { continue };
            let key = (entry.package.to_string(), entry.written.to_string());
            stays.entry(key).or_insert_with(|| self.stay(&path, entry));
        }
        stays.into_values().collect()
    }

    fn stay(&self, path: &Rc<str>, entry: &Entry) -> Stay {
        let clean = self.clean(entry);
        let target = clean
            .iter()
            .min_by_key(|it| (it.is_deprecated, !it.fits_engine, it.version.clone()))
            .map(|it| it.written.to_string());
        let obstacle = self.obstacle(path, entry, &clean);
        let is_part = entry.standing == Standing::Bundled;
        Stay { package: entry.package.to_string(), version: entry.written.to_string(), target, is_part, obstacle }
    }

    fn obstacle(&self, path: &Rc<str>, entry: &Entry, clean: &[Rc<Candidate>]) -> Obstacle {
        let told = |cause: BlockCause, explanation: String, next_step: Option<String>| Obstacle {
            cause,
            explanation,
            next_step,
            chain: Vec::new(),
            ends_all: false,
        };
        let package = &entry.package;
        if self.market.is_late() {
            let text = "the time that a project is given was over before all of its packages were looked at";
            let step = "run patchparty again: what it has learned so far is kept";
            return told(BlockCause::TimeLimit, text.to_owned(), Some(step.to_owned()));
        }
        match &entry.standing {
            Standing::Bundled => return self.bundled(path, entry),
            Standing::Elsewhere if !entry.comes_from_a_host() => {
                let text = format!("`{package}` is locked from elsewhere than a registry, and nobody is asked there");
                let step = format!("update `{package}` where it is kept, or take it from the registry");
                return told(BlockCause::UntrustedSource, text, Some(step));
            }
            Standing::Elsewhere => {
                let text = format!("`{package}` comes from another registry than the one that is asked here");
                let step = format!("run `npm update {package}` where npm is set up for that registry");
                return told(BlockCause::Unsupported, text, Some(step));
            }
            Standing::Registry | Standing::Project | Standing::Link(_) => {}
        }
        if clean.is_empty() {
            let flaws: Vec<&str> = entry.flaws.iter().map(AdvisoryId::as_str).collect();
            let text = format!("no release of `{package}` above {} is free of {}", entry.written, flaws.join(", "));
            return told(BlockCause::NoFixedVersion, text, None);
        }
        let blocking = self.blocking(path, clean);
        match blocking.first() {
            Some(ask) => self.blocked_by(entry, ask, clean),
            None => self.crowded(path, entry, clean),
        }
    }

    /// Someone asks for a range without a clean release.
    fn blocked_by(&self, entry: &Entry, ask: &Ask, clean: &[Rc<Candidate>]) -> Obstacle {
        let package = &entry.package;
        let target = Self::preferred(clean);
        let written = &ask.counts.written;
        let (explanation, next_step) = if ask.is_overridden() {
            let text = format!("the project's `overrides` hold `{package}` at `{written}`, which excludes {target}");
            (text, format!("write `\"{package}\": \"{target}\"` under `overrides` in `package.json`"))
        } else if is_project(&ask.from) {
            let text = format!("the project asks for `{package}` `{written}`, and {target} is a breaking step");
            (text, format!("run `npm install {package}@{target}`{}, and adapt the code", member(&ask.from)))
        } else {
            let parent = self.tree.get(&ask.from).map(|parent| parent.package.to_string()).unwrap_or_default();
            let version = self.tree.get(&ask.from).map(|parent| parent.written.to_string()).unwrap_or_default();
            let text = format!(
                "`{parent}@{version}` asks for `{package}` `{written}`, which excludes {target}, and no release of it within \
                 the ranges of the project admits another"
            );
            let line = format!("\"overrides\": {{\"{parent}\": {{\"{}\": \"{target}\"}}}}", ask.edge.name);
            (text, format!("write `{line}` into `package.json`, where `{parent}` works with it, and run `npm install`"))
        };
        let chain = self.chain(ask);
        Obstacle {
            cause: BlockCause::ParentRequirement,
            explanation,
            next_step: Some(next_step),
            chain,
            ends_all: false,
        }
    }

    /// Everyone admits a clean release, but not the same one, or it finds no place.
    fn crowded(&self, path: &Rc<str>, entry: &Entry, clean: &[Rc<Candidate>]) -> Obstacle {
        let package = &entry.package;
        let target = Self::preferred(clean);
        let asks = self.asks(path);
        let mut who: Vec<String> = asks.iter().map(|ask| self.told(&ask.from)).collect();
        who.sort();
        who.dedup();
        let peers: Vec<&Ask> = asks.iter().filter(|ask| ask.edge.kind.is_peer()).collect();
        let told: Vec<String> = who.iter().take(3).map(|it| format!("`{it}`")).collect();
        let why = match peers.first() {
            Some(peer) => format!("`{}` asks for it as a peer, `{}`", self.told(&peer.from), peer.counts.written),
            None => format!("{} admit none together", told.join(", ")),
        };
        Obstacle {
            cause: BlockCause::ParentRequirement,
            explanation: format!("no release of `{package}` without the flaw fits beside what else is locked: {why}"),
            next_step: Some(format!("run `npm install {package}@{target} --dry-run` to see npm's own reasons")),
            chain: asks.first().map(|ask| self.chain(ask)).unwrap_or_default(),
            ends_all: false,
        }
    }

    /// A part of another package's archive.
    fn bundled(&self, path: &str, entry: &Entry) -> Obstacle {
        let Some((place, bundler)) = self.bundler(path) else { return super::Project::unreadable() };
        let plain: Vec<Rc<Candidate>> = self.above(&bundler).into_iter().filter(|it| !it.bundles).collect();
        let what = format!("`{}` {} is part of the archive of `{}`", entry.package, entry.written, self.told(&place));
        let blocking = self.blocking(&place, &plain);
        let next_step = match (plain.first(), blocking.first()) {
            (Some(first), Some(ask)) if is_project(&ask.from) => {
                let name = &bundler.package;
                Some(format!("run `npm install {name}@{}`{}, and adapt the code", first.written, member(&ask.from)))
            }
            _ => None,
        };
        let explanation = match plain.first() {
            None => format!("{what}, and no release of that comes without it"),
            Some(first) => format!("{what}, so that only this can move; it bundles nothing from {} on", first.written),
        };
        let chain = self.asks(&place).first().map(|ask| self.chain(ask)).unwrap_or_default();
        let link = BlockingParent { parent: version(&bundler), requirement: entry.written.to_string() };
        let chain = std::iter::once(link).chain(chain).take(TOLD_LINKS).collect();
        Obstacle { cause: BlockCause::ParentRequirement, explanation, next_step, chain, ends_all: false }
    }

    /// The release that one would go to: the lowest that is kept up and can be run.
    fn preferred(clean: &[Rc<Candidate>]) -> Rc<str> {
        let best = clean.iter().min_by_key(|it| (it.is_deprecated, !it.fits_engine, it.version.clone()));
        best.map_or_else(|| "a fixed version".into(), |it| Rc::clone(&it.written))
    }

    /// `name@version` of a copy, or the project.
    fn told(&self, path: &str) -> String {
        match self.tree.get(path) {
            Some(entry) if !is_project(path) => format!("{}@{}", entry.package, entry.written),
            _ => "the project".to_owned(),
        }
    }

    /// Who requires what, from the one who asks up to the project.
    fn chain(&self, ask: &Ask) -> Vec<BlockingParent> {
        let mut chain = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut next = Some(ask.clone());
        while let Some(ask) = next.take().filter(|ask| !is_project(&ask.from) && chain.len() < TOLD_LINKS) {
            let Some(entry) = self.tree.get(&ask.from) else { break };
            if !seen.insert(Rc::clone(&ask.from)) {
                break;
            }
            chain.push(BlockingParent { parent: version(entry), requirement: ask.counts.written.to_string() });
            let above = self.asks(&ask.from);
            next = above.iter().find(|ask| is_project(&ask.from)).or(above.first()).cloned();
        }
        chain
    }
}

fn version(entry: &Entry) -> PackageVersion {
    PackageVersion { name: entry.package.to_string(), version: entry.written.to_string() }
}

/// How npm is told which member of a workspace is meant.
fn member(folder: &str) -> String {
    if folder.is_empty() { String::new() } else { format!(" in `{}`", name_of(folder)) }
}
