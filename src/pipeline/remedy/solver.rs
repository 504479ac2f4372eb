//! The solver: plans all moves of a lockfile from the registry's index, lets the tool settle them together, and asks again for
//! what is left.

mod account;
mod below;
mod choice;
mod freely;
mod graph;
mod index;
mod raises;
mod realize;
mod search;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

pub(super) use account::solve;
use choice::{Choice, Wanted, choose};
use graph::{Draft, Graph};
use index::Index;
use realize::Realized;
use search::{Raising, Search};

use super::bench::State;
use super::failure::Failure;
use super::{in_time, summary};
use crate::model::advisory::AdvisoryId;
use crate::model::remedy::BlockCause;

/// How often the tool is run for one lockfile.
const RUN_LIMIT: usize = 40;
/// How often a single goal is planned anew after the tool has refused what was planned.
const TRIAL_LIMIT: usize = 5;
/// How often what stands in the way of a plan is moved.
const ROOM_LIMIT: usize = 8;

/// Everything that solving one lockfile needs.
struct Solver<'a> {
    index: Index<'a>,
    /// By package, the flaws that are to go.
    wanted: BTreeMap<String, Wanted>,
    /// The oldest version of the language that the project is for, where it says so.
    floor: Option<String>,
    runs: Cell<usize>,
    /// Whether changes may be made without the tool.
    is_native: Cell<bool>,
}

/// What is known of the goals on the way.
#[derive(Default)]
struct Progress {
    /// By package and version, what stands in the way, and the target that it keeps away.
    obstacles: BTreeMap<(String, String), (Option<String>, Failure)>,
    reasons: summary::Reasons,
    ways: BTreeSet<&'static str>,
}

/// A package with flaws in the lockfile as it stands.
type Goal = (String, String);

/// One draft for several goals, with what was chosen for each.
type Planned = (Draft, Vec<(Goal, Choice)>);

impl Solver<'_> {
    /// Notes one run of the tool, unless there were too many or the time is over.
    fn count(&self) -> Result<(), Failure> {
        in_time(self.index.bench.request)?;
        if self.runs.get() >= RUN_LIMIT {
            let text = format!("`{}` was run {RUN_LIMIT} times for this lockfile", self.index.bench.updater.id());
            return Err(Failure::new(BlockCause::TimeLimit, text));
        }
        self.runs.set(self.runs.get() + 1);
        Ok(())
    }

    /// The packages that still have flaws which are to go.
    fn open(&self, state: &State) -> Vec<Goal> {
        let affected = self.affected(&state.lockfile);
        let goals: BTreeSet<Goal> = affected.into_iter().map(|(package, version, _)| (package, version)).collect();
        goals.into_iter().collect()
    }

    /// The flaws of a locked version that are to go.
    fn flaws_of(&self, (package, version): &Goal) -> Wanted {
        let flaws = self.index.flaws(package, version);
        let wanted = self.wanted.get(package).into_iter().flatten();
        wanted.filter(|(id, _)| flaws.contains(*id)).map(|(id, severity)| (id.clone(), *severity)).collect()
    }

    /// Brings some goals forward together; halves of them where the whole is refused.
    fn advance(&self, state: &mut State, goals: &[Goal], raising: Raising, progress: &mut Progress) {
        let planned = match self.plan(state, goals, raising, progress) {
            Ok(planned) => planned,
            Err(failure) => {
                for goal in goals {
                    progress.obstacles.insert(goal.clone(), (None, failure.clone()));
                }
                return;
            }
        };
        let Some((mut draft, choices)) = planned else { return };
        match self.realize_with_room(state, &mut draft, (raising, ROOM_LIMIT)) {
            Ok(realized) => self.accept(state, realized, &choices, progress),
            Err(failure) if is_final(&failure) => {
                for (goal, choice) in choices {
                    progress.obstacles.insert(goal, (target(&choice), failure.clone()));
                }
            }
            Err(failure) => {
                if let [(goal, choice)] = choices.as_slice() {
                    self.insist(state, goal, (choice, failure, raising), progress);
                } else {
                    let goals: Vec<Goal> = choices.into_iter().map(|(goal, _)| goal).collect();
                    let (first, second) = goals.split_at(goals.len() / 2);
                    self.advance(state, first, raising, progress);
                    self.advance(state, second, raising, progress);
                }
            }
        }
    }

    /// Makes what a draft says; what the tool names as standing in the way is moved as well.
    fn realize_with_room(
        &self,
        state: &State,
        draft: &mut Draft,
        (raising, limit): (Raising, usize),
    ) -> Result<Realized, Failure> {
        let graph = Graph::new(&self.index, state)?;
        let search = Search::new(&graph, raising, self.floor.as_deref());
        for _ in 0..limit {
            match self.realize(&graph, draft) {
                Err(failure) if !is_final(&failure) => {
                    search.refill();
                    if !self.make_room(&search, draft, &failure)? {
                        return Err(failure);
                    }
                }
                made => return made,
            }
        }
        self.realize(&graph, draft)
    }

    /// One draft for several goals, with what was chosen for each; `None` where nothing is left to do or nothing can be done.
    fn plan(
        &self,
        state: &State,
        goals: &[Goal],
        raising: Raising,
        progress: &mut Progress,
    ) -> Result<Option<Planned>, Failure> {
        let graph = Graph::new(&self.index, state)?;
        self.fetch(&graph, goals);
        let search = Search::new(&graph, raising, self.floor.as_deref());
        let mut draft = Draft::default();
        let mut choices = Vec::new();
        for goal in self.ordered(&graph, goals)? {
            let Some(position) = place_of(&graph, &goal) else { continue };
            let wanted = self.flaws_of(&goal);
            let stands = graph.version(&draft, position);
            let is_moved = stands != goal.1;
            let is_clean = is_moved && self.index.flaws(&goal.0, stands).iter().all(|flaw| !wanted.contains_key(flaw));
            if wanted.is_empty() || is_clean || graph.is_gone(&draft, position)? {
                continue;
            }
            match choose(&search, &draft, position, &wanted) {
                Ok(choice) => {
                    draft = choice.draft.clone();
                    choices.push((goal, choice));
                }
                Err(obstacle) => {
                    progress.obstacles.insert(goal, obstacle);
                }
            }
        }
        Ok((!draft.moves.is_empty()).then_some((draft, choices)))
    }

    /// Goals whose parents have to move come first: these may take others along.
    fn ordered(&self, graph: &Graph<'_>, goals: &[Goal]) -> Result<Vec<Goal>, Failure> {
        let mut keyed = Vec::new();
        for goal in goals {
            let mut is_simple = true;
            if let Some(position) = place_of(graph, goal) {
                let links = graph.links(position)?;
                is_simple = self.index.above(&goal.0, &goal.1)?.iter().any(|release| {
                    self.index.flaws(&goal.0, &release.version).is_empty()
                        && links.iter().all(|link| self.index.admits(&link.requirement, &release.version))
                });
            }
            keyed.push((is_simple, goal.clone()));
        }
        keyed.sort();
        Ok(keyed.into_iter().map(|(_, goal)| goal).collect())
    }

    /// Asks the registry at once for all that the goals are about.
    fn fetch(&self, graph: &Graph<'_>, goals: &[Goal]) {
        let places = goals.iter().filter_map(|goal| place_of(graph, goal));
        let mut names: BTreeSet<&str> = goals.iter().map(|(package, _)| package.as_str()).collect();
        for place in places {
            names.extend(graph.parent_names(place));
        }
        self.index.fetch(&names);
    }

    /// Plans one goal anew with what the tool has said, a few times; then step by step.
    fn insist(
        &self,
        state: &mut State,
        goal: &Goal,
        (choice, failure, raising): (&Choice, Failure, Raising),
        progress: &mut Progress,
    ) {
        let mut obstacle = (target(choice), failure);
        let mut refused = Refused::default();
        refused.note(goal, choice);
        for _ in 0..TRIAL_LIMIT {
            match self.try_again(state, goal, raising, &mut refused) {
                Ok((realized, choice)) => {
                    return self.accept(state, realized, &[(goal.clone(), choice)], progress);
                }
                Err(Some(failure)) if is_final(&failure) => {
                    obstacle.1 = failure;
                    break;
                }
                Err(Some(_)) => {}
                Err(None) => break,
            }
        }
        if !is_final(&obstacle.1) && choice.draft.moves.len() == 1 && choice.draft.raises.is_empty() {
            let stepwise = Graph::new(&self.index, state)
                .and_then(|graph| self.step_by_step(&graph, &choice.draft, (&goal.0, &goal.1)));
            if let Ok(realized) = stepwise {
                return self.accept(state, realized, &[(goal.clone(), choice.clone())], progress);
            }
        }
        progress.obstacles.insert(goal.clone(), obstacle);
    }

    /// Another draft for a goal, without what the tool has refused; `None` when there is none.
    fn try_again(
        &self,
        state: &State,
        goal: &Goal,
        raising: Raising,
        refused: &mut Refused,
    ) -> Result<(Realized, Choice), Option<Failure>> {
        let graph = Graph::new(&self.index, state)?;
        let position = place_of(&graph, goal).ok_or(None)?;
        let mut search = Search::new(&graph, raising, self.floor.as_deref());
        search.banned.clone_from(&refused.releases);
        search.skipped.clone_from(&refused.tiers);
        let choice = choose(&search, &Draft::default(), position, &self.flaws_of(goal)).map_err(|_| None)?;
        refused.note(goal, &choice);
        let realized = self.realize_with_room(state, &mut choice.draft.clone(), (raising, ROOM_LIMIT)).map_err(Some)?;
        Ok((realized, choice))
    }

    /// Moves what the tool says stands in the way, within its range; whether there was something.
    fn make_room(&self, search: &Search<'_>, draft: &mut Draft, failure: &Failure) -> Result<bool, Failure> {
        let mut moved = false;
        for sibling in failure.siblings() {
            let graph = search.graph;
            let place = graph
                .places(&sibling.package)
                .iter()
                .copied()
                .find(|&place| graph.at(place).version.split('+').next() == sibling.version.split('+').next());
            let Some(place) = place else { continue };
            let options = self.index.above(&sibling.package, &graph.at(place).version)?;
            let mut fitting =
                options.iter().filter(|it| sibling.wanted.iter().all(|wanted| self.index.admits(wanted, &it.version)));
            moved |= fitting.any(|release| {
                let mut trial = draft.clone();
                let placed = search.place(&mut trial, place, release).is_ok();
                if placed {
                    *draft = trial;
                }
                placed
            });
        }
        Ok(moved)
    }

    /// Takes what was made, and notes why each package is where it is.
    fn accept(&self, state: &mut State, realized: Realized, choices: &[(Goal, Choice)], progress: &mut Progress) {
        progress.ways.insert(realized.way);
        for (goal, choice) in choices {
            account::note_reasons(&self.index, state, (goal, choice), &mut progress.reasons);
        }
        *state = realized.state;
    }
}

/// What the tool has refused for one goal.
#[derive(Default)]
struct Refused {
    releases: BTreeSet<(String, String)>,
    tiers: BTreeSet<Vec<AdvisoryId>>,
    last: Option<Vec<AdvisoryId>>,
}

impl Refused {
    /// The target is left out; after a second one with the same flaws, all of these.
    fn note(&mut self, goal: &Goal, choice: &Choice) {
        self.releases.insert((goal.0.clone(), target(choice).unwrap_or_default()));
        let last = self.last.replace(choice.remaining.clone());
        if last.as_ref() == Some(&choice.remaining) {
            self.tiers.insert(choice.remaining.clone());
        }
    }
}

fn target(choice: &Choice) -> Option<String> {
    choice.target.as_ref().map(|release| release.version.clone())
}

fn place_of(graph: &Graph<'_>, (package, version): &Goal) -> Option<usize> {
    graph.places(package).iter().copied().find(|&place| graph.at(place).version == *version)
}

/// Whether trying otherwise is of no use.
fn is_final(failure: &Failure) -> bool {
    matches!(
        failure.cause,
        BlockCause::RegistryUnreachable
            | BlockCause::ToolMissing
            | BlockCause::TimeLimit
            | BlockCause::Unconfined
            | BlockCause::ToolTooOld
            | BlockCause::UntrustedSource
            | BlockCause::Refused
    )
}
