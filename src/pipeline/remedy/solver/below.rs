//! Below: what a new release needs is locked already, moves, or comes in anew.

use std::collections::BTreeSet;

use super::super::failure::Failure;
use super::graph::{Draft, Graph};
use super::index::Known;
use super::search::{ADDED_DEPTH_LIMIT, Search};
use crate::model::remedy::BlockCause;

/// How many releases of a package that comes in are looked at, besides the newest.
const ADDED_TRIES: usize = 3;

impl Search<'_> {
    /// What the new release needs is locked, moves, or comes in anew.
    pub(super) fn settle_below(&self, draft: &mut Draft, position: usize, depth: usize) -> Result<(), Failure> {
        let Some(release) = draft.moves.get(&position).cloned() else { return Ok(()) };
        let options = self.graph.options(position, &release)?;
        self.meet(draft, (&release, &options), depth)
    }

    /// Meets what a release needs: all that no feature decides on, and those of its optional packages that are on.
    fn meet(
        &self,
        draft: &mut Draft,
        (release, options): (&Known, &BTreeSet<String>),
        depth: usize,
    ) -> Result<(), Failure> {
        let nothing = BTreeSet::new();
        for (package, wanted) in release.requirements.iter().flatten() {
            if release.optional.contains(package) && !options.contains(package) {
                continue;
            }
            let asked = release.asks.get(package).unwrap_or(&nothing);
            let places = self.graph.places(package);
            let is_met = |&place: &usize| {
                self.graph.index.admits(wanted, self.graph.version(draft, place))
                    && Graph::has_features(draft, place, asked)
            };
            let comes_in =
                |(name, version): &(String, String)| name == package && self.graph.index.admits(wanted, version);
            if !places.iter().any(is_met) && !draft.added.iter().any(comes_in) {
                self.provide(draft, (package, wanted, asked), depth)?;
            }
        }
        Ok(())
    }

    /// A package comes in anew: the tool takes the newest release that fits with the rest, and what that needs has to be had
    /// as well. Where none of those that are looked at can be had, it is left to the tool, unless it is for their flaws.
    fn add(
        &self,
        draft: &mut Draft,
        (package, fitting, asked): (&str, &[&Known], &BTreeSet<String>),
        depth: usize,
    ) -> Result<(), Failure> {
        let is_old_enough = |release: &&&Known| !self.is_too_new(release);
        let newest = fitting.iter().rev().find(is_old_enough).or(fitting.last());
        let among = |part: usize| fitting.get(fitting.len() * part / ADDED_TRIES);
        let others = (0..ADDED_TRIES).rev().filter_map(among);
        let mut tried: BTreeSet<&str> = BTreeSet::new();
        let (mut flawed, mut other) = (None, false);
        for release in newest.into_iter().chain(others) {
            if !tried.insert(&release.version) {
                continue;
            }
            let left = self.budget.get();
            if left == 0 || depth >= ADDED_DEPTH_LIMIT {
                other = true;
                continue;
            }
            self.budget.set(left - 1);
            if !self.is_harmless(package, &release.version) {
                let text = format!("every release of `{package}` that could come in has known flaws");
                flawed.get_or_insert(Failure::new(BlockCause::NoFixedVersion, text));
                continue;
            }
            let mut trial = draft.clone();
            trial.added.insert((package.to_owned(), release.version.clone()));
            match self.meet(&mut trial, (release, &release.turned_on(asked)), depth + 1) {
                Ok(()) => {
                    *draft = trial;
                    return Ok(());
                }
                Err(failure) => match failure.cause {
                    BlockCause::RegistryUnreachable => return Err(failure),
                    BlockCause::NoFixedVersion => flawed = flawed.or(Some(failure)),
                    _ => other = true,
                },
            }
        }
        flawed.filter(|_| !other).map_or(Ok(()), Err)
    }

    /// Whether a release brings no flaw in. One that another version of its package has already would not be a fix either.
    fn is_harmless(&self, package: &str, version: &str) -> bool {
        self.graph.index.flaws(package, version).is_empty()
    }

    /// Makes a version available that nothing locked meets.
    fn provide(
        &self,
        draft: &mut Draft,
        (package, wanted, asked): (&str, &str, &BTreeSet<String>),
        depth: usize,
    ) -> Result<(), Failure> {
        let index = self.graph.index;
        let releases = index.releases(package)?;
        let fits = |it: &&Known| {
            !it.yanked && index.admits(wanted, &it.version) && asked.iter().all(|name| it.has_feature(name))
        };
        let fitting: Vec<&Known> = releases.iter().filter(fits).collect();
        let conflict = || {
            let text = format!("no release of `{package}` that meets `{wanted}` can be had beside what is locked");
            Failure::new(BlockCause::ParentRequirement, text)
        };
        if fitting.is_empty() {
            return if releases.is_empty() { Ok(()) } else { Err(conflict()) };
        }
        let shares = |place: &usize| {
            let locked = self.graph.version(draft, *place);
            fitting.iter().any(|it| index.share_a_place(locked, &it.version))
        };
        let Some(place) = self.graph.places(package).iter().copied().find(shares) else {
            return self.add(draft, (package, &fitting, asked), depth);
        };
        let locked = self.graph.version(draft, place).to_owned();
        let had = index.flaws(package, &locked);
        let options = fitting.into_iter().filter(|it| {
            index.is_above(&locked, &it.version)
                && index.share_a_place(&locked, &it.version)
                && index.flaws(package, &it.version).is_subset(&had)
        });
        let options = options.cloned().collect();
        let mut first = None;
        for release in self.ordered(draft, place, options)? {
            let mut trial = draft.clone();
            match self.place_at(&mut trial, place, (&release, depth + 1)) {
                Ok(()) => {
                    *draft = trial;
                    return Ok(());
                }
                Err(failure) => {
                    first.get_or_insert(failure);
                }
            }
        }
        Err(first.unwrap_or_else(conflict))
    }
}
