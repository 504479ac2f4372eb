//! Ignores: findings that are left alone until a day, for a reason.

use globset::GlobMatcher;
use jiff::civil::Date;

use super::complaint::Complaints;
use super::policy::{Author, Ignore};
use super::raw::{RawIgnore, Written};
use super::value;
use crate::model::advisory::AdvisoryId;

/// The ignores of a file named `file`; what is wrong is a complaint.
pub(super) fn ignores(raw: &[RawIgnore], file: &str, author: Author, complaints: &mut Complaints<'_>) -> Vec<Ignore> {
    raw.iter().filter_map(|raw| ignore(raw, file, author, complaints)).collect()
}

fn ignore(raw: &RawIgnore, file: &str, author: Author, complaints: &mut Complaints<'_>) -> Option<Ignore> {
    if raw.advisory.is_none() && raw.package.is_none() && raw.path.is_none() {
        complaints.add(
            &raw.reason.span(),
            "it ignores everything that comes from no advisory",
            "name an `advisory`, a `package` or a `path`",
        );
        return None;
    }
    let advisory = match &raw.advisory {
        None => None,
        Some(written) => Some(advisory(written, complaints)?),
    };
    let project = match (&raw.project, author) {
        (None, _) => None,
        (Some(written), Author::Organisation) => Some(value::project_pattern(written, complaints)?.compile_matcher()),
        (Some(written), Author::Project) => {
            complaints.add(&written.span(), "only the organisation's policy names projects", "remove `project`");
            return None;
        }
    };
    let package = match &raw.package {
        None => None,
        Some(written) => Some(package(written, complaints)?),
    };
    let path = match &raw.path {
        None => None,
        Some(written) => Some(value::path_pattern(written, complaints)?.compile_matcher()),
    };
    Some(Ignore {
        advisory,
        package,
        path,
        project,
        reason: value::text(&raw.reason, complaints)?,
        expires: date(&raw.expires, complaints)?,
        author,
        place: format!("{file}:{}", complaints.line(raw.reason.span().start)),
    })
}

fn advisory(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<AdvisoryId> {
    let id = AdvisoryId::new(written.value().trim());
    if id.is_err() {
        let message = format!("`{}` is not an advisory's name", written.value());
        complaints.add(&written.span(), message, "write for example `CVE-2024-12345` or `GHSA-xxxx-xxxx-xxxx`");
    }
    id.ok()
}

fn package(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<GlobMatcher> {
    let pattern = value::package_pattern(written, complaints)?;
    // It has been built before, to see whether it is one.
    globset::GlobBuilder::new(&pattern).case_insensitive(true).build().ok().map(|glob| glob.compile_matcher())
}

fn date(written: &Written<String>, complaints: &mut Complaints<'_>) -> Option<Date> {
    let date = written.value().trim().parse::<Date>();
    if date.is_err() {
        let message = format!("`{}` is not a day", written.value());
        complaints.add(&written.span(), message, "write the last day on which it holds, for example `2026-12-31`");
    }
    date.ok()
}

#[cfg(test)]
mod tests {
    use super::super::load::parse;
    use super::super::project::narrow;
    use super::*;

    fn complaint(text: &str) -> String {
        parse("patchparty.toml", text).expect_err(text).to_string()
    }

    #[test]
    fn an_ignore_names_what_why_and_until_when() {
        let policy = parse(
            "patchparty.toml",
            "[[ignore]]\nadvisory = \"CVE-2024-1\"\npackage = \"Lodash*\"\npath = \"tools/**\"\nproject = \"acme/*\"\nreason = \"Not reachable.\"\nexpires = \"2026-12-31\"\n",
        )
        .expect("a policy");
        let [ignore] = policy.ignores.as_slice() else { panic!("one ignore") };
        assert_eq!((ignore.author, ignore.place.as_str()), (Author::Organisation, "patchparty.toml:6"));
        assert_eq!(ignore.expires, jiff::civil::date(2026, 12, 31));
        assert!(ignore.package.as_ref().is_some_and(|pattern| pattern.is_match("lodash-es")));
        assert!(ignore.path.as_ref().is_some_and(|pattern| pattern.is_match("tools/a/Cargo.lock")));
        let own = "[[ignore]]\npackage = \"x\"\nreason = \"It is ours.\"\nexpires = \"2027-01-31\"\n";
        let narrowed = narrow(&policy, ".github/patchparty.toml", own).expect("a project's file");
        assert_eq!(narrowed.ignores.len(), 2);
        assert_eq!(narrowed.ignores[1].author, Author::Project);
        assert_eq!(narrowed.ignores[1].place, ".github/patchparty.toml:3");
    }

    #[test]
    fn an_ignore_without_reason_or_end_is_refused() {
        for (text, expected) in [
            ("[[ignore]]\nadvisory = \"CVE-1\"\nexpires = \"2026-12-31\"", "missing key `reason`"),
            ("[[ignore]]\nadvisory = \"CVE-1\"\nreason = \"x\"", "missing key `expires`"),
            ("[[ignore]]\nadvisory = \"CVE-1\"\nreason = \" \"\nexpires = \"2026-12-31\"", "not one line"),
            ("[[ignore]]\nadvisory = \"CVE 1\"\nreason = \"x\"\nexpires = \"2026-12-31\"", "is not an advisory's name"),
            ("[[ignore]]\nadvisory = \"CVE-1\"\nreason = \"x\"\nexpires = \"never\"", "is not a day"),
            ("[[ignore]]\nreason = \"x\"\nexpires = \"2026-12-31\"", "it ignores everything"),
        ] {
            assert!(complaint(text).contains(expected), "{}", complaint(text));
        }
        let policy = parse("patchparty.toml", "").expect("a policy");
        let own = "[[ignore]]\npackage = \"x\"\nproject = \"a/*\"\nreason = \"x\"\nexpires = \"2027-01-31\"\n";
        let error = narrow(&policy, ".github/patchparty.toml", own).expect_err("a project names no projects");
        assert!(error.to_string().contains("only the organisation's policy"), "{error}");
    }
}
