//! The report for machines: a versioned schema, see `docs/report-schema.md`.

mod v1;

use std::io::{self, Write};

use super::contract::{ReportOptions, Reporter};
use crate::model::report::Report;
use crate::model::text::is_invisible;

/// The report for machines.
pub(crate) struct Json;

impl Reporter for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn write(&self, report: &Report, options: ReportOptions, sink: &mut dyn Write) -> io::Result<()> {
        let document = v1::Document::new(report, options.dependencies);
        serde_json::to_writer_pretty(Harmless(&mut *sink), &document)?;
        writeln!(sink)
    }
}

/// Escapes what JSON allows in strings but a terminal would obey, on the way to a sink; a reader of the JSON gets the same
/// text. A second copy of the text in memory is not needed.
///
/// Outside of strings the serializer writes no such character but line ends, which inside of strings it escapes. It writes
/// whole characters at a time.
struct Harmless<'a>(&'a mut dyn Write);

impl Write for Harmless<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            return self.0.write_all(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut rest = text;
        while let Some(position) = rest.find(|character| character != '\n' && is_invisible(character)) {
            let (plain, tail) = rest.split_at(position);
            self.0.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            for unit in characters.next().unwrap_or_default().encode_utf16(&mut [0; 2]) {
                write!(self.0, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        self.0.write_all(rest.as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::sample;
    use super::*;

    fn text(report: &Report, dependencies: bool) -> String {
        let mut text = Vec::new();
        let options = ReportOptions { dependencies, ..ReportOptions::default() };
        Json.write(report, options, &mut text).expect("a vector takes every write");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn everything_is_reported() {
        let text = text(&sample::report(), true);
        let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&version));
        insta::assert_snapshot!("json", text.replace(&version, "\"version\": \"[version]\""));
    }

    #[test]
    fn dependencies_are_listed_on_request() {
        let document: serde_json::Value = serde_json::from_str(&text(&sample::report(), false)).expect("JSON");
        let file = &document["projects"][0]["files"][0];
        assert_eq!(file["dependency_count"], 2);
        assert!(file["dependencies"].is_null());
        assert_eq!(document["incomplete"], true);
    }

    #[test]
    fn a_terminal_obeys_nothing_and_a_reader_gets_it_all() {
        let mut report = sample::report();
        let evil = "a\u{1b}[2J\u{9b}2J\u{202e}\u{e0041}\"\\\n";
        evil.clone_into(&mut report.projects[0].findings[0].package);
        let text = text(&report, false);
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{e0041}']));
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(document["projects"][0]["findings"][0]["package"], evil);
    }

    #[test]
    fn the_schema_in_the_repository_is_current() {
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(v1::Document)).expect("JSON") + "\n";
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
        if std::env::var_os("PATCHPARTY_UPDATE_SCHEMA").is_some() {
            std::fs::write(&file, &schema).expect("write the schema");
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == schema,
            "docs/report.schema.json is not current: run this test with PATCHPARTY_UPDATE_SCHEMA=1"
        );
    }

    #[test]
    fn the_documentation_names_every_property() {
        let schema = serde_json::to_value(schemars::schema_for!(v1::Document)).expect("JSON");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report-schema.md");
        let documentation = std::fs::read_to_string(file).expect("the documentation");
        let definitions = schema["$defs"].as_object().expect("definitions");
        for definition in definitions.values().chain([&schema]) {
            for property in definition["properties"].as_object().into_iter().flatten() {
                assert!(documentation.contains(&format!("`{}`", property.0)), "`{}` is not documented", property.0);
            }
            // Ecosystems are named as OSV names them, as the documentation says.
            for word in words(definition).filter(|_| definition != &definitions["Ecosystem"]) {
                assert!(documentation.contains(&format!("`{word}`")), "the word `{word}` is not documented");
            }
        }
    }

    /// The words of an enumeration, which stand in one list, or each with its meaning.
    fn words(definition: &serde_json::Value) -> impl Iterator<Item = &str> {
        let list = definition["enum"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
        let one_by_one = definition["oneOf"].as_array().into_iter().flatten();
        let tagged = one_by_one.flat_map(|one| [&one["const"], &one["properties"]["type"]["const"]]);
        list.chain(tagged.filter_map(serde_json::Value::as_str))
    }

    #[test]
    fn a_report_has_what_the_schema_in_the_repository_names_and_nothing_else() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
        let schema: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(file).expect("the schema")).expect("JSON");
        for dependencies in [false, true] {
            let document: serde_json::Value =
                serde_json::from_str(&text(&sample::report(), dependencies)).expect("JSON");
            let mut objects = 0;
            compare(&document, &schema, &schema, &mut objects);
            assert!(objects > 20, "only {objects} objects were looked at");
        }
    }

    /// Fails where an object has a property that the schema does not name, or lacks one that it requires.
    fn compare(value: &serde_json::Value, schema: &serde_json::Value, root: &serde_json::Value, objects: &mut usize) {
        let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
        if let Some(target) = target.and_then(|target| root.pointer(target)) {
            return compare(value, target, root, objects);
        }
        let choices = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
        if let Some(choices) = choices {
            let is_it =
                |choice: &&serde_json::Value| match (&choice["properties"]["type"]["const"], choice["type"].as_str()) {
                    (serde_json::Value::String(tag), _) => value["type"].as_str() == Some(tag.as_str()),
                    (_, Some("null")) => value.is_null(),
                    _ => !value.is_null(),
                };
            let choice = choices.iter().find(is_it).unwrap_or_else(|| panic!("{value} is none of {schema}"));
            return compare(value, choice, root, objects);
        }
        for one in value.as_array().into_iter().flatten() {
            compare(one, &schema["items"], root, objects);
        }
        let Some(object) = value.as_object() else { return };
        *objects += 1;
        for (name, value) in object {
            let property = schema["properties"].get(name).unwrap_or_else(|| panic!("`{name}` is not in {schema}"));
            compare(value, property, root, objects);
        }
        for required in schema["required"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str) {
            assert!(object.contains_key(required), "`{required}` is missing in {value}");
        }
    }
}
