//! What the README and the documentation list is what the program reads, says and understands.

use std::path::Path;

use patchparty::extractor::EXTRACTORS;
use patchparty::model::repository::RepoPath;
use serde_json::Value;

fn document(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The text below a heading, up to the next one.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let below = text.split_once(&format!("{heading}\n")).unwrap_or_else(|| panic!("no heading `{heading}`")).1;
    below.split("\n#").next().unwrap_or(below)
}

fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The file names of the README's table; a pattern stands for one of the names that it means.
fn files_of_the_readme() -> Vec<RepoPath> {
    let readme = document("README.md");
    let rows = section(&readme, "### What is read").lines().filter(|line| line.starts_with("| "));
    let files =
        rows.flat_map(code_spans).filter(|text| text.contains('.') || text.contains("file") || text.contains('/'));
    files.map(|file| RepoPath::new(&file.replace('*', "one")).expect("a path")).collect()
}

#[test]
fn the_readme_names_files_of_every_extractor() {
    let files = files_of_the_readme();
    for extractor in EXTRACTORS {
        assert!(files.iter().any(|file| extractor.claims(file)), "no file of `{}` is in the README", extractor.id());
    }
    let readme = document("README.md");
    assert!(readme.contains(&format!("It reads {} formats", EXTRACTORS.len())), "there are {}", EXTRACTORS.len());
}

#[test]
fn every_file_that_the_readme_names_is_read() {
    for file in files_of_the_readme() {
        assert!(EXTRACTORS.iter().any(|extractor| extractor.claims(&file)), "nothing reads `{file}`");
    }
}

#[test]
fn the_readme_and_the_report_know_the_same_kinds_of_findings() {
    let schema: Value = serde_json::from_str(&document("docs/report.schema.json")).expect("JSON");
    let kinds: Vec<&str> = schema["$defs"]["FindingKind"]["enum"]
        .as_array()
        .expect("a list of words")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let readme = document("README.md");
    let mut told: Vec<&str> = section(&readme, "### What is found")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|row| code_spans(row.split('|').nth(1).expect("a column")))
        .collect();
    let mut known = kinds;
    told.sort_unstable();
    known.sort_unstable();
    assert_eq!(told, known);
}

/// Every name of a property, and every word that a property may have.
fn words(schema: &Value, found: &mut Vec<String>) {
    let keys = schema["properties"].as_object().into_iter().flat_map(|properties| properties.keys().cloned());
    found.extend(keys);
    let word = |value: &Value| value.as_str().map(str::to_owned);
    found.extend(schema["enum"].as_array().into_iter().flatten().filter_map(word));
    found.extend(word(&schema["const"]));
    match schema {
        Value::Object(map) => map.values().for_each(|value| words(value, found)),
        Value::Array(list) => list.iter().for_each(|value| words(value, found)),
        _ => {}
    }
}

#[test]
fn the_documentation_of_the_configuration_names_every_key() {
    let schema: Value = serde_json::from_str(&document("docs/patchparty.schema.json")).expect("JSON");
    let text = document("docs/configuration.md");
    let mut found = Vec::new();
    words(&schema, &mut found);
    assert!(found.len() > 40, "{found:?}");
    let words: Vec<&str> = code_spans(&text)
        .flat_map(|span| span.split(|letter: char| !letter.is_alphanumeric() && letter != '-'))
        .collect();
    for key in found {
        assert!(words.contains(&key.as_str()), "docs/configuration.md does not name `{key}`");
    }
}

#[test]
fn the_documentation_of_templates_names_every_template() {
    let text = document("docs/templates.md");
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")).expect("the templates") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(
            Path::new(&name).extension().is_none_or(|ending| ending != "hbs") || text.contains(&format!("`{name}`")),
            "docs/templates.md lacks `{name}`"
        );
    }
}
