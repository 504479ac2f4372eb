//! Options of a line, as pip takes them: Python's `optparse` over words of a shell (`req_file.py` of pip 25).

use super::include::Kind;

/// An option that pip knows in a requirements file.
struct Known {
    long: &'static str,
    short: Option<char>,
    has_value: bool,
    /// Whether it can be shortened; those that pip has dropped are only known whole.
    is_current: bool,
}

const fn known(long: &'static str, short: Option<char>, has_value: bool) -> Known {
    Known { long, short, has_value, is_current: true }
}

const fn dropped(long: &'static str, has_value: bool) -> Known {
    Known { long, short: None, has_value, is_current: false }
}

const REQUIREMENT: &str = "--requirement";
const CONSTRAINT: &str = "--constraint";
const EDITABLE: &str = "--editable";

static KNOWN: [Known; 31] = [
    known(REQUIREMENT, Some('r'), true),
    known(CONSTRAINT, Some('c'), true),
    known(EDITABLE, Some('e'), true),
    known("--index-url", Some('i'), true),
    known("--pypi-url", None, true),
    known("--extra-index-url", None, true),
    known("--no-index", None, false),
    known("--find-links", Some('f'), true),
    known("--no-binary", None, true),
    known("--only-binary", None, true),
    known("--prefer-binary", None, false),
    known("--require-hashes", None, false),
    known("--pre", None, false),
    known("--trusted-host", None, true),
    known("--use-feature", None, true),
    known("--global-option", None, true),
    known("--hash", None, true),
    known("--config-settings", Some('C'), true),
    known("--config-setting", None, true),
    // Newer than most.
    dropped("--all-releases", true),
    dropped("--only-final", true),
    dropped("--uploaded-prior-to", true),
    // Dropped since.
    dropped("--install-option", true),
    dropped("--allow-external", true),
    dropped("--allow-unverified", true),
    dropped("--allow-all-external", false),
    dropped("--always-unzip", false),
    dropped("--use-wheel", false),
    dropped("--no-use-wheel", false),
    dropped("--process-dependency-links", false),
    dropped("--unstable-feature", true),
];

/// What the options of a line ask for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// What is installed in place; pip takes the first of a line.
    pub(super) editable: Option<String>,
    /// The file that is included; pip takes the first that is one of requirements, else the first of constraints.
    pub(super) include: Option<(Kind, String)>,
    /// Where packages are looked for: indexes, and pages and folders with links.
    pub(super) places: Vec<String>,
    /// What is written and not read by pip: the files behind the first one.
    pub(super) passed_over: Vec<String>,
}

/// The requirement of a line and its options: these begin at the first word with a dash.
pub(super) fn split(text: &str) -> (&str, &str) {
    let mut starts = std::iter::once(0).chain(text.match_indices([' ', '\t']).map(|(place, _)| place + 1));
    let first = starts.find(|&start| text.get(start..).is_some_and(|rest| rest.starts_with('-')));
    let (requirement, options) = text.split_at(first.unwrap_or(text.len()));
    (requirement.trim_end(), options)
}

impl Options {
    /// Reads the options of a line; otherwise what pip would refuse about them.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let words = shlex::split(text).ok_or("its quotes are not closed")?;
        let mut words = words.into_iter();
        let (mut editables, mut requirements, mut constraints) = (Vec::new(), Vec::new(), Vec::new());
        let mut places = Vec::new();
        let mut take = |option: &Known, value: String| match option.long {
            EDITABLE => editables.push(value),
            REQUIREMENT => requirements.push(value),
            CONSTRAINT => constraints.push(value),
            "--index-url" | "--pypi-url" | "--extra-index-url" | "--find-links" => places.push(value),
            _ => {}
        };
        while let Some(word) = words.next() {
            if word == "--" {
                break;
            } else if word.starts_with("--") {
                let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, it)| (name, Some(it)));
                let option = by_name(name)?;
                let value = match value {
                    Some(_) if !option.has_value => return Err(format!("{} has no value", option.long)),
                    Some(value) => value.to_owned(),
                    None if option.has_value => words.next().ok_or(format!("{} lacks its value", option.long))?,
                    None => String::new(),
                };
                take(option, value);
            } else if let Some(name) = word.strip_prefix('-').and_then(|rest| rest.chars().next()) {
                // No short option of pip is without a value, which may follow at once.
                let option = KNOWN.iter().find(|known| known.short == Some(name));
                let option = option.ok_or_else(|| format!("pip has no option -{name}"))?;
                let value = word.get(1 + name.len_utf8()..).unwrap_or_default();
                let value = if value.is_empty() { words.next() } else { Some(value.to_owned()) };
                take(option, value.ok_or(format!("-{name} lacks its value"))?);
            }
        }
        let of = |kind: Kind| move |file: String| (kind, file);
        let requirements = requirements.into_iter().map(of(Kind::Requirements));
        let mut files = requirements.chain(constraints.into_iter().map(of(Kind::Constraints)));
        let mut editables = editables.into_iter();
        let editable = editables.next();
        // What is installed in place goes before any file.
        let include = if editable.is_some() { None } else { files.next() };
        Ok(Self { editable, include, places, passed_over: editables.chain(files.map(|(_, file)| file)).collect() })
    }
}

/// The option of a name, or of the beginning of only one.
fn by_name(name: &str) -> Result<&'static Known, String> {
    if let Some(known) = KNOWN.iter().find(|known| known.long == name) {
        return Ok(known);
    }
    let mut fitting = KNOWN.iter().filter(|known| known.is_current && known.long.starts_with(name));
    match (fitting.next(), fitting.next()) {
        (Some(known), None) => Ok(known),
        (Some(_), Some(_)) => Err(format!("{name} may be several options")),
        (None, _) => Err(format!("pip has no option {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: Kind, name: &str) -> Options {
        Options { include: Some((kind, name.to_owned())), ..Options::default() }
    }

    #[test]
    fn options_are_read_as_optparse_reads_them() {
        let (requirements, constraints) = (Kind::Requirements, Kind::Constraints);
        for (text, expected) in [
            ("-r a.txt", file(requirements, "a.txt")),
            ("-ra.txt", file(requirements, "a.txt")),
            ("-r=a.txt", file(requirements, "=a.txt")),
            ("--requirement=a.txt", file(requirements, "a.txt")),
            ("--requirement 'a b.txt'", file(requirements, "a b.txt")),
            ("--requirem a.txt", file(requirements, "a.txt")),
            ("--c=a.txt --pre", Options::default()),
            ("--cons=a.txt --pre", file(constraints, "a.txt")),
            ("--pre --no-i -r a.txt", file(requirements, "a.txt")),
            ("-c  ../c.txt", file(constraints, "../c.txt")),
            ("--pre -- -r a.txt", Options::default()),
            ("--index-url -r", Options { places: vec!["-r".to_owned()], ..Options::default() }),
            ("--hash=sha256:0 -e ./x", Options { editable: Some("./x".to_owned()), ..Options::default() }),
            (
                "-c c.txt -r a.txt -r b.txt",
                Options { passed_over: vec!["b.txt".to_owned(), "c.txt".to_owned()], ..file(requirements, "a.txt") },
            ),
            (
                "-e ./x -r a.txt",
                Options {
                    editable: Some("./x".to_owned()),
                    passed_over: vec!["a.txt".to_owned()],
                    ..Options::default()
                },
            ),
        ] {
            match Options::read(text) {
                // `--c` may be `--constraint` and `--config-settings`.
                Err(reason) if text.starts_with("--c=") => assert_eq!(reason, "--c may be several options"),
                found => assert_eq!(found, Ok(expected), "{text}"),
            }
        }
        for text in ["--require x", "--requirements-from-script x", "-x", "-r", "--pre=1", "-r 'a", "--some-new"] {
            assert!(Options::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn options_begin_at_the_first_dash() {
        for (text, expected) in [
            ("a==1 --hash=sha256:0", ("a==1", "--hash=sha256:0")),
            ("-r a.txt", ("", "-r a.txt")),
            ("a-b", ("a-b", "")),
            ("a\t--pre x", ("a", "--pre x")),
        ] {
            assert_eq!(split(text), expected);
        }
    }
}
