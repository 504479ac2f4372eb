//! Comparison: an index against what it should hold, and the sources of an imported one against those of the policy.

use std::collections::BTreeSet;
use std::path::Path;

use super::gathering::Gathering;
use super::location::without_credentials;
use super::maintenance::of_index;
use super::{LoadError, LoadRequest, source_of};
use crate::advisory::database::AdvisoryDatabase;
use crate::advisory::index::Contents;
use crate::config::policy::AdvisoryPolicy;
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
}

impl Comparison {
    fn of(index: &Contents, expected: &Contents) -> Self {
        let name = |(source, id): &(String, String)| format!("{source} {id}");
        let mut comparison = Self::default();
        for (record, content) in expected {
            match index.get(record) {
                None => comparison.missing.push(name(record)),
                Some(found) if found == content => comparison.equal += 1,
                Some(_) => comparison.changed.push(name(record)),
            }
        }
        comparison.additional = index.keys().filter(|record| !expected.contains_key(record)).map(name).collect();
        comparison
    }

    /// Whether both say the same.
    pub(crate) fn is_equal(&self) -> bool {
        [&self.missing, &self.additional, &self.changed].into_iter().all(Vec::is_empty)
    }
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
        let compiled = AdvisoryDatabase::compile(compilation);
        compiled.contents().map_err(|source| of_index(Path::new("in memory"), source))?
    };
    Ok(Comparison::of(&contents(index)?, &expected))
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
    use crate::config::policy::{SourceConfig, SourceKind};

    #[test]
    fn records_are_missing_additional_or_changed() {
        let of = |records: &[(&str, u8)]| -> Contents {
            records.iter().map(|(name, digit)| (("osv".to_owned(), (*name).to_owned()), vec![[*digit; 32]])).collect()
        };
        let found = Comparison::of(&of(&[("A", 1), ("B", 2), ("D", 4)]), &of(&[("A", 1), ("B", 3), ("C", 3)]));
        assert_eq!((found.equal, found.is_equal()), (1, false));
        assert_eq!(
            (found.missing, found.additional, found.changed),
            (vec!["osv C".to_owned()], vec!["osv D".to_owned()], vec!["osv B".to_owned()])
        );
        assert!(Comparison::of(&of(&[("A", 1)]), &of(&[("A", 1)])).is_equal());
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
