//! Comparison: an index against what it should hold, and the sources of an imported one against those of the policy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::gathering::Gathering;
use super::location::without_credentials;
use super::maintenance::of_index;
use super::{LoadError, LoadRequest, source_of};
use crate::advisory::SOURCES;
use crate::advisory::contract::Annotation;
use crate::advisory::database::AdvisoryDatabase;
use crate::advisory::index::{Contents, Rating};
use crate::config::policy::{AdvisoryPolicy, SourceKind};
use crate::model::report::SourceStatus;

/// How an index differs from its sources. Each record is named by its source and its name there, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// How many records are in both, and say the same.
    pub(crate) equal: usize,
    /// Records that the index lacks.
    pub(crate) missing: Vec<String>,
    /// Records that only the index has.
    pub(crate) additional: Vec<String>,
    /// Records that say something else.
    pub(crate) changed: Vec<String>,
    /// Sources of the index that it was not compared with, and how many records it has from them.
    pub(crate) left_out: BTreeMap<String, usize>,
}

impl Comparison {
    /// Compares what each source says of each of its records; how records were merged into flaws depends on all sources
    /// that were compiled, and is no property of one of them.
    fn of(index: &Contents, expected: &Contents) -> Self {
        let name = |(source, id): &(String, String)| format!("{source} {id}");
        let mut comparison = Self::default();
        for (record, content) in &expected.records {
            match index.records.get(record) {
                None => comparison.missing.push(name(record)),
                Some(found) if found == content => comparison.equal += 1,
                Some(_) => comparison.changed.push(name(record)),
            }
        }
        for (record, digests) in &index.records {
            if !expected.sources.contains(&record.0) {
                *comparison.left_out.entry(record.0.clone()).or_default() += digests.len();
            } else if !expected.records.contains_key(record) {
                comparison.additional.push(name(record));
            }
        }
        for source in SOURCES.iter().filter(|source| source.kind().only_annotates()) {
            if expected.sources.contains(source.id()) {
                comparison.rate(source.id(), index, expected);
            } else if index.sources.contains(source.id()) {
                comparison.left_out.insert(source.id().to_owned(), 0);
            }
        }
        comparison
    }

    /// Compares what a source without records says of the flaws that the index knows.
    fn rate(&mut self, source: &str, index: &Contents, expected: &Contents) {
        let (found, asked) = (levels(source, &index.ratings), levels(source, &expected.ratings));
        for rating in &index.ratings {
            let Some(level) = level(source, rating) else { continue };
            let known = rating.names.iter().filter_map(|name| asked.get(name.as_str()).copied()).reduce(f64::max);
            let names = rating.names.first().map(|name| format!("{source} {name}"));
            match known {
                None => self.additional.extend(names),
                Some(known) if known.total_cmp(&level).is_ne() => self.changed.extend(names),
                Some(_) => {}
            }
        }
        let lacks = |name: &&str| index.names.contains(*name) && !found.contains_key(name);
        self.missing.extend(asked.keys().copied().filter(lacks).map(|name| format!("{source} {name}")));
    }

    /// Whether both say the same.
    pub(crate) fn is_equal(&self) -> bool {
        [&self.missing, &self.additional, &self.changed].into_iter().all(Vec::is_empty)
    }
}

/// How urgent a source without records rates a flaw; `None` where it says nothing.
fn level(source: &str, rating: &Rating) -> Option<f64> {
    if source == source_of(SourceKind::Kev).id() { rating.exploited.then_some(1.0) } else { rating.likelihood }
}

/// The highest level of each name that the source rates.
fn levels<'a>(source: &str, ratings: &'a [Rating]) -> BTreeMap<&'a str, f64> {
    let mut levels: BTreeMap<&str, f64> = BTreeMap::new();
    for rating in ratings {
        let Some(level) = level(source, rating) else { continue };
        for name in &rating.names {
            levels.entry(name).and_modify(|known| *known = known.max(level)).or_insert(level);
        }
    }
    levels
}

/// Compiles the sources of a request, or opens the compiled index `expected`, and compares the content of `index` with it.
pub(crate) fn compare(
    index: &Path,
    request: &LoadRequest<'_>,
    expected: Option<&Path>,
) -> Result<Comparison, LoadError> {
    let contents = |path: &Path| {
        let database = AdvisoryDatabase::open(path).map_err(|source| of_index(path, source))?;
        database.contents().map_err(|source| of_index(path, source))
    };
    let expected = if let Some(expected) = expected {
        contents(expected)?
    } else {
        let compilation = Gathering::start(request)?.compilation(request.now)?;
        // Of these, an index keeps what is about flaws that it knows; the other one may know more.
        let ratings: Vec<Rating> = compilation.annotations.iter().map(rating).collect();
        let compiled = AdvisoryDatabase::compile(compilation);
        Contents { ratings, ..compiled.contents().map_err(|source| of_index(Path::new("in memory"), source))? }
    };
    Ok(Comparison::of(&contents(index)?, &expected))
}

fn rating(annotation: &Annotation) -> Rating {
    let Annotation { id, exploited, likelihood } = annotation;
    Rating { names: vec![id.to_string()], exploited: *exploited, likelihood: *likelihood }
}

/// What to say when an imported index is not made of the kinds of sources that the policy names: one that was swapped
/// may lack a source, and nothing else would show it. `None` when it is.
pub(super) fn complaint(sources: &[SourceStatus], policy: &AdvisoryPolicy) -> Option<String> {
    let has: BTreeSet<&str> = sources.iter().map(|source| source.id.as_str()).collect();
    let named: BTreeSet<&str> = policy.sources.iter().map(|source| source_of(source.kind).id()).collect();
    let list = |ids: Vec<&&str>| ids.into_iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let (lacks, adds): (Vec<_>, Vec<_>) = (named.difference(&has).collect(), has.difference(&named).collect());
    let mut parts = Vec::new();
    if !lacks.is_empty() {
        parts.push(format!("it has no {}, which the policy names", list(lacks)));
    }
    if !adds.is_empty() {
        parts.push(format!("it has {}, which the policy does not name", list(adds)));
    }
    let from: Vec<String> = sources
        .iter()
        .map(|source| format!("{} ({} from {})", source.id, source.advisories, without_credentials(&source.location)))
        .collect();
    (!parts.is_empty()).then(|| format!("the imported index is made of {}: {}", from.join(", "), parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::policy::SourceConfig;

    fn of(records: &[(&str, &str, u8)], ratings: &[(&str, Option<f64>)], sources: &[&str]) -> Contents {
        let record =
            |&(source, name, digit): &(&str, &str, u8)| ((source.to_owned(), name.to_owned()), vec![[digit; 32]]);
        let rating = |&(name, likelihood): &(&str, Option<f64>)| Rating {
            names: vec![name.to_owned()],
            exploited: likelihood.is_none(),
            likelihood,
        };
        Contents {
            sources: sources.iter().map(|&source| source.to_owned()).collect(),
            records: records.iter().map(record).collect(),
            names: records.iter().map(|(_, name, _)| (*name).to_owned()).collect(),
            ratings: ratings.iter().map(rating).collect(),
        }
    }

    #[test]
    fn records_are_missing_additional_or_changed() {
        let index = of(&[("osv", "A", 1), ("osv", "B", 2), ("osv", "D", 4), ("go", "G", 1)], &[], &["osv", "go"]);
        let expected = of(&[("osv", "A", 1), ("osv", "B", 3), ("osv", "C", 3)], &[], &["osv"]);
        let found = Comparison::of(&index, &expected);
        assert_eq!((found.equal, found.is_equal()), (1, false));
        assert_eq!(found.left_out, BTreeMap::from([("go".to_owned(), 1)]));
        assert_eq!(
            (found.missing, found.additional, found.changed),
            (vec!["osv C".to_owned()], vec!["osv D".to_owned()], vec!["osv B".to_owned()])
        );
        assert!(Comparison::of(&expected, &expected).is_equal());
    }

    #[test]
    fn what_is_said_of_flaws_is_compared_where_its_source_was_named() {
        let records = [("osv", "A", 1), ("osv", "B", 2), ("osv", "C", 3), ("osv", "D", 4)];
        let index = of(&records, &[("A", None), ("B", None), ("C", Some(0.5))], &["osv", "kev", "epss"]);
        let expected = of(&records, &[("B", None), ("D", None), ("X", None), ("C", Some(0.6))], &["osv", "kev"]);
        let found = Comparison::of(&index, &expected);
        assert_eq!(
            (found.missing, found.additional, found.changed),
            (vec!["kev D".to_owned()], vec!["kev A".to_owned()], vec![])
        );
        assert_eq!(found.left_out.keys().collect::<Vec<_>>(), ["epss"]);
        let expected = of(&records, &[("C", Some(0.6))], &["osv", "epss"]);
        assert_eq!(Comparison::of(&index, &expected).changed, ["epss C"]);
    }

    #[test]
    fn an_index_of_other_kinds_than_the_policys_is_named() {
        let status = |id: &str| SourceStatus {
            id: id.to_owned(),
            location: "https://user:secret@a.example/all.zip".to_owned(),
            advisories: 3,
            skipped: 0,
            age_seconds: None,
            digest: None,
            warning: None,
        };
        let source = |kind| SourceConfig { kind, location: "x".to_owned() };
        let mut policy = crate::config::policy::Policy::default().advisories;
        policy.sources = vec![source(SourceKind::RustSec), source(SourceKind::Osv)];
        assert_eq!(complaint(&[status("rustsec"), status("osv"), status("osv")], &policy), None);
        let said = complaint(&[status("osv"), status("kev")], &policy).expect("a complaint");
        assert!(said.contains("no `rustsec`") && said.contains("has `kev`") && !said.contains("secret"), "{said}");
    }
}
