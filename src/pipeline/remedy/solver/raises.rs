//! Raises: breaking steps of what the project asks for, each made on top of the safe remedy and offered apart.

use std::collections::{BTreeMap, BTreeSet};

use super::super::bench::{Failure, State};
use super::super::summary::Reasons;
use super::account::note_reasons;
use super::choice::{Choice, choose};
use super::graph::{Draft, Graph};
use super::search::{Raising, Search};
use super::{Goal, Solver, place_of};
use crate::model::advisory::AdvisoryId;
use crate::model::remedy::BlockCause;
use crate::model::repository::RepoPath;

/// How many targets of a raise are tried with the tool: what its releases no longer have, only the tool says.
const TRIAL_LIMIT: usize = 3;

/// A breaking raise that was made and verified.
pub(super) struct Offer {
    pub(super) package: String,
    pub(super) requirement: String,
    pub(super) raised: String,
    manifest: RepoPath,
    pub(super) state: State,
    pub(super) way: &'static str,
    pub(super) reasons: Reasons,
    gone: BTreeSet<(String, AdvisoryId)>,
    targets: BTreeMap<String, String>,
}

impl Offer {
    pub(super) fn fixes(&self, package: &str, flaw: &AdvisoryId) -> bool {
        self.gone.contains(&(package.to_owned(), flaw.clone()))
    }

    pub(super) fn target_of(&self, package: &str) -> Option<String> {
        self.targets.get(package).cloned()
    }

    pub(super) fn as_failure(&self, package: &str) -> Failure {
        let (raised, manifest) = (&self.raised, &self.manifest);
        let text = format!(
            "`{manifest}` asks for `{}` `{}`; asking for `{raised}` fixes `{package}`, which is a breaking step and offered apart",
            self.package, self.requirement
        );
        let step = format!("write `{raised}` for `{}` in `{manifest}`, and adapt the code", self.package);
        Failure::new(BlockCause::BreakingRaise, text).with_next_step(step)
    }
}

impl Solver<'_> {
    /// The raises that fix what stays, one for each requirement of the project.
    pub(super) fn offers(&self, state: &State) -> Vec<Offer> {
        let mut groups: BTreeMap<BTreeSet<String>, Vec<Goal>> = BTreeMap::new();
        for goal in self.open(state) {
            if let Some(choice) = self.breaking(state, &goal, &BTreeSet::new()) {
                let Ok(graph) = Graph::new(&self.index, state) else { continue };
                let raised = choice.draft.raises.iter().map(|(place, ..)| graph.at(*place).name.clone()).collect();
                groups.entry(raised).or_default().push(goal);
            }
        }
        let mut offers: Vec<Offer> = Vec::new();
        for goals in groups.into_values() {
            let open = |goal: &&Goal| {
                let wanted = self.flaws_of(goal);
                wanted.keys().any(|flaw| !offers.iter().any(|offer| offer.fixes(&goal.0, flaw)))
            };
            let open: Vec<Goal> = goals.iter().filter(open).cloned().collect();
            if let Some(offer) = self.offer(state, &open) {
                offers.push(offer);
            }
        }
        offers.sort_by(|left, right| left.package.cmp(&right.package));
        offers
    }

    fn breaking(&self, state: &State, goal: &Goal, banned: &BTreeSet<(String, String)>) -> Option<Choice> {
        let graph = Graph::new(&self.index, state).ok()?;
        let mut search = Search::new(&graph, Raising::Breaking, self.floor.as_deref());
        search.banned.clone_from(banned);
        let position = place_of(&graph, goal)?;
        let choice = choose(&search, &Draft::default(), position, &self.flaws_of(goal)).ok()?;
        (!choice.draft.raises.is_empty()).then_some(choice)
    }

    /// One raise that fixes several goals, made and verified; other releases are tried where the tool refuses one.
    fn offer(&self, state: &State, goals: &[Goal]) -> Option<Offer> {
        let mut banned = BTreeSet::new();
        for _ in 0..TRIAL_LIMIT {
            let graph = Graph::new(&self.index, state).ok()?;
            let mut search = Search::new(&graph, Raising::Breaking, self.floor.as_deref());
            search.banned.clone_from(&banned);
            let mut draft = Draft::default();
            let mut choices = Vec::new();
            for goal in goals {
                let position = place_of(&graph, goal)?;
                if let Ok(choice) = choose(&search, &draft, position, &self.flaws_of(goal)) {
                    draft = choice.draft.clone();
                    choices.push((goal.clone(), choice));
                }
            }
            let (place, target, direct) = draft.raises.first().cloned()?;
            match self.realize_with_room(state, &mut draft, Raising::Breaking) {
                Ok(made) => {
                    let (before, after) = (self.affected(&state.lockfile), self.affected(&made.state.lockfile));
                    let left: BTreeSet<_> = after.into_iter().map(|(package, _, flaw)| (package, flaw)).collect();
                    let had = before.into_iter().map(|(package, _, flaw)| (package, flaw));
                    let mut reasons = Reasons::new();
                    for (goal, choice) in &choices {
                        note_reasons(&self.index, state, (goal, choice), &mut reasons);
                    }
                    let targets = choices
                        .iter()
                        .filter_map(|(goal, choice)| Some((goal.0.clone(), choice.target.as_ref()?.version.clone())));
                    return Some(Offer {
                        package: graph.at(place).name.clone(),
                        requirement: direct.requirement,
                        raised: target,
                        manifest: direct.manifest,
                        way: made.way,
                        gone: had.filter(|flaw| !left.contains(flaw)).collect(),
                        targets: targets.collect(),
                        state: made.state,
                        reasons,
                    });
                }
                Err(failure) if super::is_final(&failure) => return None,
                Err(_) => {
                    let raised =
                        draft.raises.iter().map(|(place, target, _)| (graph.at(*place).name.clone(), target.clone()));
                    banned.extend(raised);
                }
            }
        }
        None
    }
}
