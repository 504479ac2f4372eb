//! Raises: breaking steps of what the project asks for, each made on top of the safe remedy and offered apart.

use std::collections::{BTreeMap, BTreeSet};

use super::super::bench::State;
use super::super::failure::Failure;
use super::super::summary::Reasons;
use super::account::note_reasons;
use super::choice::{Choice, choose};
use super::graph::{Draft, Graph};
use super::realize::Realized;
use super::search::{Raising, Search};
use super::{Goal, Solver, place_of};
use crate::model::advisory::AdvisoryId;
use crate::model::remedy::{BlockCause, Evidence};
use crate::model::repository::RepoPath;
use crate::updater::DirectRequirement;

/// How often what stands in the way of a planned raise is moved: after that, the choice is left to the tool.
const ROOM_LIMIT: usize = 2;

/// One requirement of the project, raised.
#[derive(Clone)]
pub(super) struct Raised {
    pub(super) package: String,
    pub(super) target: String,
    pub(super) direct: DirectRequirement,
    /// The features that it is asked for and does not have any more, by the manifest that asks for them.
    pub(super) lost: BTreeMap<RepoPath, Vec<String>>,
}

/// A breaking raise that was made and verified.
pub(super) struct Offer {
    /// What it was made for.
    pub(super) goals: Vec<Goal>,
    /// What is raised; never empty. The first one names the offer.
    pub(super) raised: Vec<Raised>,
    pub(super) state: State,
    pub(super) way: &'static str,
    pub(super) reasons: Reasons,
    gone: BTreeSet<(String, AdvisoryId)>,
    targets: BTreeMap<String, String>,
}

/// What raises there are, and why there is none for other goals.
#[derive(Default)]
pub(super) struct Offers {
    pub(super) made: Vec<Offer>,
    pub(super) failed: BTreeMap<Goal, Failure>,
}

impl Offer {
    pub(super) fn fixes(&self, package: &str, flaw: &AdvisoryId) -> bool {
        self.gone.contains(&(package.to_owned(), flaw.clone()))
    }

    pub(super) fn target_of(&self, package: &str) -> Option<String> {
        self.targets.get(package).cloned()
    }

    pub(super) fn raises(&self, package: &str) -> bool {
        self.raised.iter().any(|raised| raised.package == package)
    }

    pub(super) fn as_failure(&self, package: &str) -> Failure {
        let asks = |raised: &Raised| {
            let Raised { package, direct, target, .. } = raised;
            format!("`{}` asks for `{package}` `{}`; asking for `{target}`", direct.manifest, direct.requirement)
        };
        let asks: Vec<String> = self.raised.iter().map(asks).collect();
        let text = format!("{} fixes `{package}`, which is a breaking step and offered apart", asks.join(", and "));
        let write = |raised: &Raised| {
            let Raised { package, direct, target, lost } = raised;
            let without = |names: &Vec<String>| format!(" without the features {}", quoted(names));
            let own = lost.get(&direct.manifest).map(without).unwrap_or_default();
            let others = lost.iter().filter(|(manifest, _)| **manifest != direct.manifest);
            let others: String =
                others.map(|(manifest, names)| format!(",{} in `{manifest}`", without(names))).collect();
            format!("`{target}` for `{package}`{own} in `{}`{others}", direct.manifest)
        };
        let write: Vec<String> = self.raised.iter().map(write).collect();
        let step = format!("write {}, and adapt the code", write.join(" and "));
        Failure::new(BlockCause::BreakingRaise, text).with_next_step(step)
    }

    /// What was taken out of the manifests, for the reader.
    pub(super) fn lost_features(&self) -> Option<Evidence> {
        let with_lost = self.raised.iter().filter(|raised| !raised.lost.is_empty());
        let names = |(manifest, names): (&RepoPath, &Vec<String>)| format!("{} in `{manifest}`", quoted(names));
        let told = |raised: &Raised| {
            let names: Vec<String> = raised.lost.iter().map(names).collect();
            format!("{} {}: {}", raised.package, raised.target, names.join(", "))
        };
        let lost: Vec<String> = with_lost.map(told).collect();
        let check = "features that the project asks for compared with those of the raised releases".to_owned();
        let result = format!("taken out, as the release does not have them: {}", lost.join("; "));
        (!lost.is_empty()).then_some(Evidence { check, result })
    }
}

/// Some names as code.
fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Solver<'_> {
    /// The raises that fix what stays: planned ones first; where none can be made, those in which the tool itself chooses.
    pub(super) fn offers(&self, state: &State) -> Offers {
        let mut offers = Offers::default();
        for goals in self.grouped(state).into_values() {
            let open: Vec<Goal> = goals.into_iter().filter(|goal| self.is_left(goal, &offers)).collect();
            if !open.is_empty() {
                match self.offer(state, &open) {
                    Ok(offer) => offers.made.push(offer),
                    Err(failure) => offers.failed.extend(open.into_iter().map(|goal| (goal, failure.clone()))),
                }
            }
        }
        for goal in self.open(state) {
            if self.is_left(&goal, &offers) {
                self.offer_freely(state, goal, &mut offers);
            }
        }
        offers.made.sort_by(|left, right| left.raised[0].package.cmp(&right.raised[0].package));
        offers
    }

    /// The open goals by the requirements that would have to be raised for them.
    fn grouped(&self, state: &State) -> BTreeMap<BTreeSet<String>, Vec<Goal>> {
        let mut groups: BTreeMap<BTreeSet<String>, Vec<Goal>> = BTreeMap::new();
        let Ok(graph) = Graph::new(&self.index, state) else { return groups };
        for goal in self.open(state) {
            if let Some(choice) = self.breaking(&graph, &goal) {
                let raised = choice.draft.raises.iter().map(|(place, ..)| graph.at(*place).name.clone()).collect();
                groups.entry(raised).or_default().push(goal);
            }
        }
        groups
    }

    /// Whether no offer fixes some flaw of a goal, although there are releases without it.
    fn is_left(&self, goal: &Goal, offers: &Offers) -> bool {
        let above = self.index.above(&goal.0, &goal.1).unwrap_or_default();
        self.flaws_of(goal).keys().any(|flaw| {
            !offers.made.iter().any(|offer| offer.fixes(&goal.0, flaw))
                && above.iter().any(|release| !self.index.flaws(&goal.0, &release.version).contains(flaw))
        })
    }

    fn breaking(&self, graph: &Graph<'_>, goal: &Goal) -> Option<Choice> {
        let search = Search::new(graph, Raising::Breaking, self.floor.as_deref());
        let position = place_of(graph, goal)?;
        let choice = choose(&search, &Draft::default(), position, &self.flaws_of(goal)).ok()?;
        (!choice.draft.raises.is_empty()).then_some(choice)
    }

    /// One raise that fixes several goals, as planned by the index.
    fn offer(&self, state: &State, goals: &[Goal]) -> Result<Offer, Failure> {
        let graph = Graph::new(&self.index, state)?;
        let search = Search::new(&graph, Raising::Breaking, self.floor.as_deref());
        let mut draft = Draft::default();
        let mut choices = Vec::new();
        for goal in goals {
            let Some(position) = place_of(&graph, goal) else { continue };
            if let Ok(choice) = choose(&search, &draft, position, &self.flaws_of(goal)) {
                draft = choice.draft.clone();
                choices.push((goal.clone(), choice));
            }
        }
        let made = self.realize_with_room(state, &mut draft, (Raising::Breaking, ROOM_LIMIT))?;
        let mut reasons = Reasons::new();
        for (goal, choice) in &choices {
            note_reasons(&self.index, state, (goal, choice), &mut reasons);
        }
        let targets =
            choices.iter().filter_map(|(goal, choice)| Some((goal.0.clone(), choice.target.as_ref()?.version.clone())));
        let raised = self.raised(&graph, &draft.raises)?;
        Ok(Offer { reasons, targets: targets.collect(), ..self.offered(state, made, (raised, goals)) })
    }

    /// What a draft raises, with the features that get lost.
    pub(super) fn raised(
        &self,
        graph: &Graph<'_>,
        raises: &[(usize, String, DirectRequirement)],
    ) -> Result<Vec<Raised>, Failure> {
        let mut all = Vec::new();
        for (place, target, direct) in raises {
            let package = graph.at(*place).name.clone();
            let release = self.index.release(&package, target)?;
            let is_lost = |name: &&String| release.as_ref().is_some_and(|release| !release.has_feature(name));
            let asked = [(&direct.manifest, &direct.features)].into_iter().chain(&direct.inherited);
            let lost = asked.map(|(path, names)| (path.clone(), names.iter().filter(is_lost).cloned().collect()));
            let lost = lost.filter(|(_, names): &(RepoPath, Vec<String>)| !names.is_empty()).collect();
            all.push(Raised { package, target: target.clone(), direct: direct.clone(), lost });
        }
        Ok(all)
    }

    /// What was made, as an offer.
    pub(super) fn offered(&self, state: &State, made: Realized, (raised, goals): (Vec<Raised>, &[Goal])) -> Offer {
        let (before, after) = (self.affected(&state.lockfile), self.affected(&made.state.lockfile));
        let left: BTreeSet<_> = after.into_iter().map(|(package, _, flaw)| (package, flaw)).collect();
        let had = before.into_iter().map(|(package, _, flaw)| (package, flaw));
        Offer {
            goals: goals.to_vec(),
            raised,
            way: made.way,
            gone: had.filter(|flaw| !left.contains(flaw)).collect(),
            targets: BTreeMap::new(),
            reasons: Reasons::new(),
            state: made.state,
        }
    }
}
