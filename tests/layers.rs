//! The wall that a crate boundary would have been: fails on an import that goes up, sideways or to a sibling member, on
//! a member missing from its table, on a folder that is in no layer, and on the smaller laws of the house.
//!
//! The laws are data: the tables below. Code under `#[cfg(test)]` may reach anywhere. Proof that each rule really says
//! no: the small crates in `tests/layers/bad/`, each with the complaints it must get.

#[path = "layers/law.rs"]
mod law;
#[path = "layers/rules.rs"]
mod rules;
#[path = "layers/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use law::{Allowed, Door, Family, Law, Rule};
use source::Crate;

/// The law of `src/`. To allow something, add a line to `allowed`, with the reason; a line that nothing needs any more
/// is a failure, too.
const LAW: Law = Law {
    // From the bottom up; a folder (or file) directly below `src/` stands in exactly one layer.
    layers: &[
        &["model"],
        &["config", "git", "net", "sandbox", "version"],
        &["extractor", "advisory", "registry", "check", "updater", "forge", "report", "template"],
        &["pipeline"],
        &["cli", "fuzzing", "measuring"],
        &["main"],
    ],
    // Whatever can have one more member. Parts are files of a family that are no members; they may use its table.
    families: &[
        Family { name: "extractor", parts: &[] },
        Family {
            name: "advisory",

            parts: &[
                ("bounds", "the fixed versions that records name, for every source"),
                ("database", "what all sources are compiled into"),
                ("index", "the file that it is a view over"),
                ("ranges", "how a version is held against a record, for every source"),
                ("store", "finds, fetches and caches what the sources read"),
            ],
        },
        Family { name: "registry", parts: &[] },
        Family { name: "check", parts: &[] },
        Family { name: "updater", parts: &[] },
        Family { name: "forge", parts: &[("preview", "wraps any forge, for a dry run")] },
        Family {
            name: "report",

            parts: &[
                ("annotations", "workflow commands, written beside whatever report was asked for"),
                ("summary", "the job summary, written beside whatever report was asked for"),
            ],
        },
        // Its members are the files in templates/; the code is the one machine that renders them.
        Family {
            name: "template",
            parts: &[
                ("html", "the same in a page, and bodies as a forge shows them"),
                ("markdown", "makes untrusted text inert"),
                ("notes", "keeps the notes of people"),
                ("renderer", "the strict renderer"),
                ("sample", "data of every template, by which mistakes are found before a night"),
                ("state", "the hidden comment in a pull request"),
                ("ticks", "keeps the boxes that people ticked"),
                ("words", "finds what people wrote into the text of the bot"),
            ],
        },
    ],
    // What touches the world, or belongs to one layer, comes in through one door.
    doors: &[
        Door { path: "anyhow", folders: &["pipeline", "cli"], way_out: "write a thiserror enum beside the code" },
        Door { path: "clap", folders: &["cli"], way_out: "pass plain values down from cli" },
        Door { path: "gix", folders: &["git"], way_out: "use the types of src/git" },
        Door { path: "handlebars", folders: &["template"], way_out: "render through template::Templates" },
        Door { path: "octocrab", folders: &["forge"], way_out: "go through the Forge trait" },
        Door { path: "std::process::Command", folders: &["sandbox"], way_out: "only sandbox::Runner starts a process" },
        Door { path: "tokio::process", folders: &["sandbox"], way_out: "only sandbox::Runner starts a process" },
    ],
    allowed: &[
        Allowed {
            rule: Rule::Sideways,
            from: "git",
            to: "net",
            reason: "git over HTTPS takes a net::secret::Token and the one HTTP client",
        },
        Allowed {
            rule: Rule::Sideways,
            from: "sandbox",
            to: "net",
            reason: "the sandbox's proxy connects only where net's rule of outgoing addresses lets it",
        },
        Allowed {
            rule: Rule::Sideways,
            from: "config",
            to: "net",
            reason: "a policy names hosts in the grammar of the rule that they are for",
        },
        Allowed {
            rule: Rule::Sideways,
            from: "check",
            to: "advisory",
            reason: "checks look dependencies up in the public AdvisoryDatabase",
        },
    ],
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_sources_obey_the_laws_of_the_house() {
    assert!(LAW.allowed.iter().all(|allowed| !allowed.reason.is_empty()), "an exception needs a reason");
    let sources = Crate::read(&root());
    let (complaints, unused) = rules::judge(&LAW, &sources);
    let mut lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    let stale = rules::stale_entries(&LAW, &sources).into_iter();
    let unused = unused.iter().map(|allowed| format!("the exception `{}` → `{}`", allowed.from, allowed.to));
    lines
        .extend(stale.chain(unused).map(|entry| format!("tests/layers.rs: nothing needs {entry} any more: remove it")));
    assert!(lines.is_empty(), "{} complaints:\n\n{}\n", lines.len(), lines.join("\n"));
}

#[test]
fn every_template_is_in_the_table() {
    let table = fs::read_to_string(root().join("src/template/mod.rs")).expect("the table of templates");
    let mut missing = Vec::new();
    for folder in ["templates", "templates/partials"] {
        for entry in fs::read_dir(root().join(folder)).expect("the templates") {
            let name = entry.expect("a template").file_name().to_string_lossy().into_owned();
            let path = format!("{folder}/{name}");
            if Path::new(&name).extension().is_some_and(|extension| extension == "hbs") && !table.contains(&path) {
                missing.push(path);
            }
        }
    }
    assert!(missing.is_empty(), "not in the table of src/template/mod.rs: {missing:?}");
}

/// The samples: `tests/layers/<kind>/<case>/src/…`, with the complaints in `expected.txt` beside `src`.
fn samples(kind: &str) -> Vec<PathBuf> {
    let folder = root().join("tests/layers").join(kind);
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).expect("the samples").map(|entry| entry.expect("a sample").path()).collect();
    cases.sort();
    cases
}

#[test]
fn every_bad_sample_gets_exactly_its_complaints() {
    let mut proven = Vec::new();
    for case in samples("bad") {
        let (complaints, _) = rules::judge(&LAW, &Crate::read(&case));
        let found: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        let expected = fs::read_to_string(case.join("expected.txt")).expect("the expected complaints");
        let expected: Vec<&str> = expected.lines().filter(|line| !line.is_empty()).collect();
        assert!(!expected.is_empty(), "{}: a bad sample expects a complaint", case.display());
        assert_eq!(found, expected, "{}", case.display());
        proven.extend(complaints.iter().map(|complaint| complaint.rule));
    }
    for rule in Rule::ALL {
        assert!(proven.contains(rule), "no sample shows that the rule {rule:?} says no");
    }
}

#[test]
fn a_good_sample_gets_no_complaint() {
    for case in samples("good") {
        let (complaints, _) = rules::judge(&LAW, &Crate::read(&case));
        let found: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        assert_eq!(found, Vec::<String>::new(), "{}", case.display());
    }
}
