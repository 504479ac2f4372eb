//! One finding as an aligned row of the terminal report, and text that is broken between words only.

use super::paint;
use crate::model::dependency::Origin;
use crate::model::finding::{Finding, FindingKind};
use crate::model::severity::Severity;
use crate::report::contract::{ReportOptions, follows, visible};

/// Where the first column begins.
const INDENT: usize = 4;

/// What stands between two columns.
const GAP: usize = 2;

/// A longer identifier than any known one does not make the column of all others wider.
const ADVISORY_LIMIT: usize = 24;

/// From this likelihood on, EPSS is shown: a number on every row would mark none.
const LIKELY: f64 = 0.1;

/// The cells of a row, not coloured.
pub(super) struct Row {
    line: String,
    severity: Severity,
    /// `lodash 4.17.20 → 4.17.21`.
    package: String,
    /// The advisory, or what else is wrong.
    advisory: String,
    /// `via tool → mkdirp`, empty for what the project itself asks for.
    via: String,
}

/// How wide the columns of one project are.
pub(super) struct Columns {
    line: usize,
    severity: usize,
    package: usize,
    advisory: usize,
    /// Where the package begins.
    start: usize,
    /// Where all lines end.
    end: usize,
}

impl Columns {
    /// Fits the columns to the rows; a package longer than half of the room gets lines of its own.
    pub(super) fn new(rows: &[Row], end: usize) -> Self {
        let widest = |cell: fn(&Row) -> usize, limit: usize| {
            rows.iter().map(cell).filter(|length| *length <= limit).max().unwrap_or(0)
        };
        let line = widest(|row| length(&row.line), usize::MAX);
        let severity = widest(|row| length(row.severity.as_str()), usize::MAX);
        let start = INDENT + line + GAP + severity + GAP;
        let limit = end.saturating_sub(start) * 3 / 5;
        let package = widest(|row| if row.advisory.is_empty() { 0 } else { length(&row.package) }, limit);
        let advisory = widest(|row| if row.via.is_empty() { 0 } else { length(&row.advisory) }, ADVISORY_LIMIT);
        Self { line, severity, package, advisory, start, end }
    }
}

impl Row {
    /// The cells of a finding.
    pub(super) fn new(finding: &Finding) -> Self {
        let names = if finding.direct { Vec::new() } else { finding.path.told().parents(|step| visible(&step.name)) };
        let via = if names.is_empty() { String::new() } else { format!("via {}", names.join(" → ")) };
        let (package, advisory) = match finding.kind {
            // It is about the file: nothing stands before it.
            FindingKind::Unlocked => (unlocked(finding), String::new()),
            _ => (package(finding), advisory(finding)),
        };
        Self { line: finding.line.to_string(), severity: finding.severity, package, advisory, via }
    }

    /// The row on as many lines as it needs: what does not fit beside the package stands below it.
    pub(super) fn lines(&self, columns: &Columns, options: ReportOptions) -> Vec<String> {
        let room = columns.end - columns.start;
        let beside = columns.package + GAP;
        let details = if self.via.is_empty() {
            self.advisory.clone()
        } else {
            format!("{:width$}{:GAP$}{}", self.advisory, "", self.via, width = columns.advisory)
        };
        let plain = format!("{}{:GAP$}{}{:GAP$}{}", self.package, "", self.advisory, "", self.via);
        let cells = if length(&self.package) <= columns.package && beside + length(&details) <= room {
            vec![format!("{:width$}{:GAP$}{details}", self.package, "", width = columns.package)]
        } else if length(plain.trim_end()) <= room {
            // One line that is not aligned reads better than two.
            vec![plain]
        } else {
            // Two columns do not fit; one below the other does, without what aligns them.
            let details = format!("{}  {}", self.advisory, self.via);
            let below = wrap(&details, room.saturating_sub(GAP)).into_iter().map(|line| format!("{:GAP$}{line}", ""));
            wrap(&self.package, room).into_iter().chain(below).collect()
        };
        let severity = self.severity.as_str();
        let padding = columns.severity - length(severity);
        let mut start = format!("{:INDENT$}{:>width$}{:GAP$}", "", self.line, "", width = columns.line);
        start.push_str(&paint(options, colour(self.severity), severity));
        start.push_str(&" ".repeat(padding + GAP));
        let starts = std::iter::once(start).chain(std::iter::repeat(" ".repeat(columns.start)));
        starts.zip(cells).map(|(start, cell)| format!("{start}{cell}").trim_end().to_owned()).collect()
    }
}

fn unlocked(finding: &Finding) -> String {
    let said = finding.detail.as_ref().map(|detail| visible(&detail.to_string()));
    said.unwrap_or_else(|| "no lockfile pins what this asks for".to_owned())
}

fn package(finding: &Finding) -> String {
    let mut cell = visible(&finding.package);
    if !finding.version.is_empty() && !says_where_it_stands(finding) {
        cell = format!("{cell} {}", short(&finding.version));
    }
    match finding.advisory.as_ref().and_then(|flaw| flaw.fixed.as_ref()) {
        Some(fixed) => format!("{cell} → {}", visible(fixed)),
        None => cell,
    }
}

/// Whether the version is only another word for the branch that is followed (`main`, or Composer's `dev-main`), for its
/// commit, or for the tag of an image: what is wrong says it.
fn says_where_it_stands(finding: &Finding) -> bool {
    if finding.kind != FindingKind::BranchTracking {
        return false;
    }
    let (pin, commit) = match &finding.origin {
        Origin::Git { pin, commit, .. } => (pin, commit),
        Origin::Image { tag, .. } => return tag.as_deref().unwrap_or("latest") == finding.version,
        Origin::Registry { .. } | Origin::Path | Origin::Archive { .. } | Origin::System { .. } => return false,
    };
    let version = finding.version.strip_prefix("dev-").unwrap_or(&finding.version);
    commit.as_ref().is_some_and(|commit| is_commit(version) && commit.as_str().starts_with(version))
        || pin.followed_branch().flatten().is_some_and(|branch| branch == version || branch == finding.version)
}

/// The characters of a commit that people compare.
const COMMIT: usize = 12;

/// A version; of a commit, its beginning.
fn short(version: &str) -> String {
    match version.get(..COMMIT) {
        Some(start) if version.len() >= 40 && is_commit(version) => start.to_owned(),
        _ => visible(version),
    }
}

fn is_commit(version: &str) -> bool {
    version.len() >= 7 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn advisory(finding: &Finding) -> String {
    let detail = finding.detail.as_ref().map(|detail| visible(&detail.to_string()));
    let said = match (&finding.advisory, finding.kind) {
        (Some(flaw), FindingKind::Vulnerability) if flaw.exploited => format!("{} exploited", flaw.id),
        (Some(flaw), FindingKind::Vulnerability) => match flaw.likelihood_for_people() {
            Some(percent) if flaw.likelihood >= Some(LIKELY) => format!("{} EPSS {percent}", flaw.id),
            Some(_) | None => flaw.id.to_string(),
        },
        (Some(flaw), kind) => format!("{} {}", flaw.id, kind.as_str()),
        (None, FindingKind::BranchTracking) => follows(finding),
        (None, FindingKind::Yanked) => "withdrawn by its registry".to_owned(),
        // What it does not fit is about the file, not about what stands before it.
        (None, FindingKind::StaleLockfile) => "lockfile does not fit".to_owned(),
        (None, FindingKind::InconsistentLock) => "lockfile contradicts itself".to_owned(),
        // The detail is a sentence about the package.
        (None, _) if detail.is_some() => return detail.unwrap_or_default(),
        (None, kind) => kind.as_str().to_owned(),
    };
    match detail {
        Some(detail) => format!("{said}, {detail}"),
        None => said,
    }
}

const fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "1;31",
        Severity::High => "31",
        Severity::Unknown => "35",
        Severity::Medium => "33",
        Severity::Low => "36",
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Breaks a text at spaces, else after a slash; a word that is longer than a line is broken where the line ends.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_inclusive(' ') {
        let bare = length(word.trim_end());
        if length(&line) + bare <= width {
            line.push_str(word);
            continue;
        }
        if bare <= width {
            lines.push(std::mem::replace(&mut line, word.to_owned()));
            continue;
        }
        // A path or a long name: as much of it as fits is still worth reading on this line.
        for part in word.split_inclusive('/') {
            if length(&line) + length(part.trim_end()) > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(part);
            while length(line.trim_end()) > width {
                let end = line.char_indices().nth(width).map_or(line.len(), |(end, _)| end);
                let rest = line.split_off(end);
                lines.push(std::mem::replace(&mut line, rest));
            }
        }
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dependency::{GitPin, Scope};
    use crate::model::ecosystem::Ecosystem;
    use crate::model::finding::Detail;
    use crate::model::nearest::Nearest;
    use crate::model::repository::RepoPath;

    #[test]
    fn text_breaks_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrap("acme/shared/.github/workflows/x.yml main", 20),
            ["acme/shared/.github/", "workflows/x.yml main"]
        );
        assert_eq!(wrap("see acme/shared/x", 12), ["see acme/", "shared/x"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("日本語 日本語", 3), ["日本語", "日本語"]);
        assert!(wrap("  ", 3).is_empty() && wrap("", 3).is_empty());
    }

    fn said(kind: FindingKind, origin: Origin, detail: Option<Detail>) -> String {
        advisory(&finding(kind, origin, detail))
    }

    fn finding(kind: FindingKind, origin: Origin, detail: Option<Detail>) -> Finding {
        Finding {
            kind,
            severity: Severity::Medium,
            ecosystem: Ecosystem::Docker,
            package: "x".to_owned(),
            version: "1".to_owned(),
            file: RepoPath::new("Dockerfile").unwrap(),
            line: 1,
            direct: true,
            scope: Scope::Runtime,
            path: crate::model::dependency_path::DependencyPath::default(),
            origin,
            advisory: None,
            detail,
        }
    }

    #[test]
    fn what_the_finding_says_is_not_said_beside_the_package_too() {
        let commit = "3030f185ba6a4bf4f18b87f345f104e6a6961f34";
        let at = crate::model::repository::CommitId::new(commit).unwrap();
        let git = |pin| Origin::Git { url: String::new(), pin, commit: Some(at.clone()) };
        let branch = || git(GitPin::Branch("main".to_owned()));
        let image = |tag: Option<&str>| Origin::Image { tag: tag.map(str::to_owned), digest: None };
        let (loose, notice) = (FindingKind::BranchTracking, FindingKind::Notice);
        for (kind, origin, version, expected) in [
            (loose, branch(), "main", "x"),
            (loose, branch(), "dev-main", "x"),
            (loose, branch(), commit, "x"),
            (loose, branch(), "3030f18", "x"),
            (loose, branch(), "1.2.0", "x 1.2.0"),
            (loose, image(None), "latest", "x"),
            (loose, image(Some("node-lts")), "lts", "x lts"),
            (notice, git(GitPin::Commit), commit, "x 3030f185ba6a"),
            (notice, git(GitPin::Commit), "v1.2.3", "x v1.2.3"),
        ] {
            let finding = Finding { version: version.to_owned(), ..finding(kind, origin, None) };
            assert_eq!(package(&finding), expected, "{version}");
        }
    }

    #[test]
    fn a_file_without_a_lock_says_what_is_open() {
        let row = |detail| Row::new(&finding(FindingKind::Unlocked, Origin::Path, detail)).package;
        assert_eq!(row(None), "no lockfile pins what this asks for");
        assert_eq!(row(Some(Detail::Reason("no go.sum".to_owned()))), "no go.sum");
    }

    #[test]
    fn a_finding_says_what_its_detail_says() {
        let reason = |text: &str| Some(Detail::Reason(text.to_owned()));
        let image = |tag: Option<&str>| Origin::Image { tag: tag.map(str::to_owned), digest: None };
        let git = Origin::Git { url: String::new(), pin: GitPin::Branch("main".to_owned()), commit: None };
        let nearest = Detail::Nearest(Nearest::Release { tag: "v2.1.0".to_owned(), commits_after: 3 });
        for (text, expected) in [
            (said(FindingKind::MovableTag, image(None), reason("moves on")), "moves on"),
            (said(FindingKind::BranchTracking, image(None), None), "follows the tag latest"),
            (said(FindingKind::BranchTracking, image(Some("edge")), None), "follows the tag edge"),
            (said(FindingKind::BranchTracking, git, Some(nearest)), "follows main, at 3 commits after v2.1.0"),
            (said(FindingKind::Yanked, Origin::Path, None), "withdrawn by its registry"),
            (said(FindingKind::StaleLockfile, Origin::Path, reason("it has x")), "lockfile does not fit, it has x"),
            (said(FindingKind::EndOfLife, Origin::Path, None), "end-of-life"),
            (said(FindingKind::LooseRequirement, Origin::Path, reason("any\u{202e}thing")), "any\u{fffd}thing"),
        ] {
            assert_eq!(text, expected);
        }
    }
}
