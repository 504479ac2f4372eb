//! Helm: the charts that `Chart.lock` pins, and `requirements.lock` of Helm 2 (<https://helm.sh/docs/helm/helm_dependency/>).

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::contract::text::read_whole;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count, typed_yaml};
use crate::model::dependency::{Dependency, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `helm dependency update` to write it anew";

/// Reads locks of charts.
pub(super) struct ChartLock;

impl Extractor for ChartLock {
    fn id(&self) -> &'static str {
        "chart-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        matches!(path.file_name(), "Chart.lock" | "requirements.lock")
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, read)
    }
}

#[derive(Deserialize)]
struct Lock {
    dependencies: Option<Vec<Chart>>,
}

#[derive(Deserialize)]
struct Chart {
    name: String,
    version: Spanned<String>,
    #[serde(default)]
    repository: Option<String>,
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let lock: Lock = typed_yaml::read(text)?;
    let Some(charts) = lock.dependencies else {
        // Python's Rye has a file of the same name, whose lines are requirements.
        return Err(ParseError::new("find `dependencies`").at_line(1));
    };
    check_package_count(charts.len())?;
    Ok(charts.into_iter().map(dependency).collect())
}

fn dependency(chart: Chart) -> Dependency {
    let repository = chart.repository.filter(|repository| !repository.is_empty());
    let origin = match repository {
        // A chart below `charts/` of the same project, or in a folder beside it.
        None => Origin::Path,
        Some(repository) if repository.starts_with("file://") => Origin::Path,
        // `https://…`, `oci://…`, or a name that the user gave to a repository: `@name`, `alias:name`.
        repository => Origin::Registry { url: repository },
    };
    let line = typed_yaml::line(&chart.version);
    Dependency { origin, direct: true, ..Dependency::new(Ecosystem::Helm, chart.name, chart.version.value, line) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    #[test]
    fn charts_know_their_repository() {
        let text = b"dependencies:\n- name: a\n  repository: https://charts.example.org\n  version: 1.10\n- name: b\n  repository: oci://h.example/b\n  version: v0.1.0\n- name: c\n  repository: file://../c\n  version: 0.2.0\n- name: d\n  repository: \"\"\n  version: 1.0.0\n- name: e\n  repository: '@stable'\n  version: 2.0.0\ndigest: sha256:x\ngenerated: \"2022-01-20T17:48:47.610371241+01:00\"\n";
        insta::assert_snapshot!(show(&extract(&ChartLock, &[("Chart.lock", text)]).expect("a lock")), @r#"
        0 a@1.10 Runtime direct Registry { url: Some("https://charts.example.org") } [] line 4
        1 b@v0.1.0 Runtime direct Registry { url: Some("oci://h.example/b") } [] line 7
        2 c@0.2.0 Runtime direct Path [] line 10
        3 d@1.0.0 Runtime direct Path [] line 13
        4 e@2.0.0 Runtime direct Registry { url: Some("@stable") } [] line 16
        "#);
    }

    #[test]
    fn what_is_no_lock_of_helm_is_refused() {
        for (text, line) in [
            ("", None),
            ("digest: x\n", Some(1)),
            ("requests==2.31.0\nidna==3.6\n", Some(1)),
            ("dependencies:\n- name: a\n", Some(2)),
            ("dependencies: []\n<<<<<<< HEAD\n", Some(2)),
        ] {
            let error = extract(&ChartLock, &[("requirements.lock", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.hint.is_some());
        }
        assert!(extract(&ChartLock, &[("Chart.lock", b"dependencies: []\n")]).expect("empty").is_empty());
    }
}
