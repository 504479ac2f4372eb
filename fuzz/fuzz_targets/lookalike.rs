//! However the keys of package-lock.json and the source of Cargo.lock are disguised, the same packages are read, and what no
//! tool would write is in doubt.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchparty::extractor::{EXTRACTORS, SourceFile};
use patchparty::model::dependency::{Dependency, Origin};
use patchparty::model::doubt::Doubt;
use patchparty::model::repository::{CommitId, RepoPath};
use patchparty::model::tree::{ProjectTree, TreeEntry, TreeError};

/// A project with nothing beside the lockfile.
struct Nothing;

impl ProjectTree for Nothing {
    fn entries(&self) -> &[TreeEntry] {
        &[]
    }

    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        Err(TreeError::Missing { path: path.clone() })
    }

    fn commit(&self) -> Option<&CommitId> {
        None
    }
}

const NAMES: [&str; 6] = ["a", "b", "@s/a", "@s/b", "c.d", "e_f"];
const VERSIONS: [&str; 4] = ["1.0.0", "2.0.0-rc.1", "3.1.4", "10.0.0"];
const INDEX: &str = "https://github.com/rust-lang/crates.io-index";

fn read(id: &str, path: &str, text: &str) -> Vec<Dependency> {
    let extractor = EXTRACTORS.iter().find(|extractor| extractor.id() == id).expect("it is in the table");
    let path = RepoPath::new(path).expect("a plain path");
    let file = SourceFile { path: &path, content: text.as_bytes(), tree: &Nothing };
    extractor.extract(&file).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn packages(dependencies: &[Dependency]) -> Vec<(&str, &str)> {
    let mut list: Vec<_> = dependencies.iter().map(|it| (it.name.as_str(), it.version.as_str())).collect();
    list.sort_unstable();
    list
}

fn in_doubt(dependency: &Dependency) -> bool {
    dependency.doubts.iter().any(|doubt| matches!(doubt, Doubt::Contradiction { .. }))
}

/// A path in another form.
fn disguise(path: &str, choices: &[u8]) -> String {
    let mut path = path.to_owned();
    for choice in choices {
        path = match choice % 8 {
            0 => format!("{path}/"),
            1 => format!("./{path}"),
            2 => path.replacen('/', "//", 1),
            3 => path.replacen('/', "/./", 1),
            4 => path.replacen("node_modules/", "node_modules/x/../", 1),
            5 => format!("{path}/."),
            6 => format!("y/../{path}"),
            _ => path,
        };
    }
    path
}

fn npm(data: &[u8]) {
    let (mut plain, mut disguised, mut odd) = (Vec::new(), Vec::new(), 0);
    for (number, chunk) in data.chunks(4).take(NAMES.len()).enumerate() {
        let (name, version) = (NAMES[number], VERSIONS[usize::from(chunk[0]) % VERSIONS.len()]);
        let key = format!("node_modules/{name}");
        let other = disguise(&key, &chunk[1..]);
        odd += usize::from(other != key);
        plain.push(format!("{key:?}: {{\"version\": {version:?}}}"));
        disguised.push(format!("{other:?}: {{\"version\": {version:?}}}"));
    }
    let lock = |entries: &[String]| format!("{{\"lockfileVersion\": 3, \"packages\": {{{}}}}}", entries.join(", "));
    let plain = read("package-lock", "package-lock.json", &lock(&plain));
    let other = read("package-lock", "package-lock.json", &lock(&disguised));
    assert_eq!(packages(&plain), packages(&other), "{disguised:?}");
    assert!(plain.iter().all(|dependency| !in_doubt(dependency)));
    assert_eq!(other.iter().filter(|dependency| in_doubt(dependency)).count(), odd, "{disguised:?}");
}

fn cargo(data: &[u8]) {
    let mut url = INDEX.to_owned();
    let mut end = String::new();
    for choice in data.iter().take(6) {
        match choice % 5 {
            0 if end.is_empty() => end = "/".to_owned(),
            1 if end.is_empty() => end = ".git".to_owned(),
            2 => url = url.replace("rust", "RUST"),
            3 => url = url.replace("https", "http"),
            _ => url = url.replace("://g", "://G"),
        }
    }
    let text = format!(
        "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+{url}{end}\"\nchecksum = \"{}\"\n",
        "a".repeat(64)
    );
    for dependency in read("cargo-lock", "Cargo.lock", &text) {
        assert_eq!(dependency.origin, Origin::Registry { url: None }, "{text}");
    }
}

fuzz_target!(|data: &[u8]| {
    npm(data);
    cargo(data);
});
