//! Lockfiles of JavaScript's package managers.

use serde_json::Value;

use super::super::contract::yaml::is_read_line_by_line;
use super::Format;

/// Lockfiles cut down to what a test of another tool is about.
const LACKING: &str = "pnpm: ERR_PNPM_LOCKFILE_MISSING_DEPENDENCY, what is asked for has no entry";

pub(super) const FORMATS: &[Format] = &[
    Format {
        folder: "npm-package-lock",
        name: "package-lock.json",
        count: npm,
        refused: &[
            ("0fcb7ac945", "npm: not JSON"),
            ("1399061175", "npm: not JSON, the end is missing"),
            (
                "9c562af212",
                "npm 11 writes `packages` into every lockfile of version 2, and reads this one as not filled yet",
            ),
            (
                "f8edeb1639",
                "npm 11 writes `packages` into every lockfile of version 2, and reads this one as not filled yet",
            ),
        ],
        has_names_on_lines: true,
    },
    Format {
        folder: "npm-shrinkwrap",
        name: "npm-shrinkwrap.json",
        count: npm,
        refused: &[("4d0850db20", "npm: not JSON"), ("b3bc9b7aaf", "npm: not JSON")],
        has_names_on_lines: true,
    },
    Format {
        folder: "yarn",
        name: "yarn.lock",
        count: yarn,
        refused: &[
            ("121bac2626", "yarn 1.22: Invalid value type, a key has no colon"),
            ("38748b43ce", "yarn 1.22: Invalid value type, the colon stands inside of the key"),
            ("f35fe450e5", "yarn 1.22: Unknown token"),
        ],
        has_names_on_lines: true,
    },
    Format {
        folder: "pnpm",
        name: "pnpm-lock.yaml",
        count: pnpm,
        refused: &[
            ("5b157ca112", "pnpm 10: ERR_PNPM_BROKEN_LOCKFILE, end of the stream or a document separator is expected"),
            ("c8bffb708b", LACKING),
            ("42de91e552", LACKING),
            ("63d4a5ae21", LACKING),
            ("d1c2138c79", LACKING),
            ("cf5ee8648f", LACKING),
            ("bb50cdd16d", LACKING),
            ("586d5295b8", LACKING),
            ("04ab8aa85f", LACKING),
            ("9abd43badf", LACKING),
            ("914d4569b6", LACKING),
            ("bd44519a49", LACKING),
        ],
        // Packages from a folder or a repository have their name in a field.
        has_names_on_lines: false,
    },
    Format {
        folder: "bun",
        name: "bun.lock",
        count: bun,
        refused: &[
            ("1f2a085df8", "bun 1.4.5: InvalidLockfile, the version is -1"),
            ("f027d9f248", "bun 1.4.5: SyntaxError, failed to parse lockfile"),
        ],
        has_names_on_lines: true,
    },
    Format { folder: "deno", name: "deno.lock", count: deno, refused: &[], has_names_on_lines: true },
];

/// Every line with a list behind the key.
fn bun(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("    \"") && line.contains("\": [\"")).count()
}

fn deno(text: &str) -> usize {
    let lock: Value = serde_json::from_str(text).expect("JSON");
    ["npm", "jsr"].iter().filter_map(|list| lock.get(list)?.as_object()).map(serde_json::Map::len).sum()
}

/// Every key at the edge, but the metadata and the project itself.
fn yarn(text: &str) -> usize {
    let keys = text.lines().filter(|line| line.trim_end().ends_with(':') && !line.starts_with([' ', '#']));
    keys.filter(|line| !line.starts_with("__metadata") && !line.contains("@workspace:.\"")).count()
}

/// Every key below `packages`: the lines that are indented as the first one.
fn pnpm(text: &str) -> usize {
    let indented = |line: &str| line.len() - line.trim_start().len();
    let mut inside = false;
    let mut edge = None;
    let mut count = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if indented(line) == 0 && !line.starts_with('#') {
            inside = line.starts_with("packages:");
        } else if inside {
            count += usize::from(*edge.get_or_insert(indented(line)) == indented(line));
        }
    }
    count
}

fn npm(text: &str) -> usize {
    fn nested(value: &Value) -> usize {
        let entries = value.get("dependencies").and_then(Value::as_object);
        entries.map_or(0, |entries| entries.values().map(|entry| 1 + nested(entry)).sum())
    }
    let lock: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("JSON");
    match lock.get("packages").and_then(Value::as_object) {
        Some(packages) => packages.keys().filter(|key| key.contains("node_modules/")).count(),
        None => nested(&lock),
    }
}

#[test]
fn yaml_is_read_line_by_line_as_by_the_complete_reader() {
    let Some(corpus) = super::corpus() else { return };
    let formats = FORMATS.iter().filter(|format| matches!(format.folder, "yarn" | "pnpm"));
    let (mut quick, mut slow) = (0, 0);
    for (format, set) in formats.flat_map(|format| ["real", "history", "fixtures"].map(|set| (format, set))) {
        for path in super::files(&corpus.join(set), format) {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            if format.folder == "yarn" && !text.contains("__metadata:") {
                continue;
            }
            if is_read_line_by_line(&text) {
                quick += 1;
            } else {
                slow += 1;
                println!("slow: {}", path.display());
                assert_eq!(set, "fixtures", "{}", path.display());
            }
        }
    }
    println!("{quick} line by line, {slow} not");
    assert!(quick > 100);
}
