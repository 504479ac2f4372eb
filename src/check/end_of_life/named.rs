//! Runtimes that files name: which product at which version, and on which line.

use serde::Deserialize;
use serde_json::Value;

use crate::model::bounded_toml;
use crate::model::repository::RepoPath;

/// A runtime that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The product's id in the table.
    pub(super) product: &'static str,
    /// As written.
    pub(super) version: String,
    /// From 1.
    pub(super) line: u32,
}

/// A reader of one file format.
type Read = fn(&str) -> Vec<Named>;

/// What reads the file at this path, by its name.
pub(super) fn reader(path: &RepoPath) -> Option<Read> {
    Some(match path.file_name() {
        ".php-version" => |text| each_line("php", text),
        ".nvmrc" | ".node-version" => |text| each_line("node", text),
        ".python-version" => |text| each_line("python", text),
        ".ruby-version" => |text| each_line("ruby", text),
        ".go-version" => |text| each_line("go", text),
        "runtime.txt" => runtime_txt,
        ".tool-versions" => tool_versions,
        "mise.toml" | ".mise.toml" => mise,
        "rust-toolchain" | "rust-toolchain.toml" => rust_toolchain,
        "go.mod" => go_mod,
        "Gemfile" => gemfile,
        "Pipfile" => pipfile,
        "composer.json" => composer_json,
        "package.json" => package_json,
        _ => return None,
    })
}

/// The name of a product as version managers write it.
fn product(name: &str) -> Option<&'static str> {
    match name {
        "php" => Some("php"),
        "node" | "nodejs" => Some("node"),
        "python" => Some("python"),
        "ruby" => Some("ruby"),
        "go" | "golang" => Some("go"),
        "rust" => Some("rust"),
        _ => None,
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (u32, &str)> {
    text.lines().zip(1_u32..).map(|(line, number)| (number, line.split('#').next().unwrap_or(line).trim()))
}

/// One version on each line, some managers take several; a name such as `ruby-2.7.1` or `lts/iron` in front.
fn each_line(product: &'static str, text: &str) -> Vec<Named> {
    let version = |line: &str| {
        let bare = line.strip_prefix(product).and_then(|rest| rest.strip_prefix('-')).unwrap_or(line);
        bare.strip_prefix("lts/").unwrap_or(bare).to_owned()
    };
    let lines = numbered(text).take(100).filter(|(_, line)| !line.is_empty());
    lines.map(|(line, text)| Named { product, version: version(text), line }).collect()
}

/// Heroku's `python-3.8.1`.
fn runtime_txt(text: &str) -> Vec<Named> {
    let named = |(line, text): (u32, &str)| {
        let (name, version) = text.split_once('-')?;
        Some(Named { product: product(name)?, version: version.to_owned(), line })
    };
    numbered(text).take(1).filter_map(named).collect()
}

/// asdf's `nodejs 18.1.0`; further versions on the line are fallbacks.
fn tool_versions(text: &str) -> Vec<Named> {
    let named = |(line, text): (u32, &str)| {
        let mut words = text.split_whitespace();
        Some(Named { product: product(words.next()?)?, version: words.next()?.to_owned(), line })
    };
    numbered(text).filter_map(named).collect()
}

/// The line, from 1, that has a piece of text; the first when none has.
fn line_with(text: &str, wanted: impl Fn(&str) -> bool) -> u32 {
    text.lines().zip(1..).find(|(line, _)| wanted(line.trim_start())).map_or(1, |(_, number)| number)
}

/// `[tools]` of mise: a version, a list of them, or a table with one.
fn mise(text: &str) -> Vec<Named> {
    let Ok(document) = bounded_toml::from_str::<toml::Table>(text) else { return Vec::new() };
    let Some(tools) = document.get("tools").and_then(toml::Value::as_table) else { return Vec::new() };
    let mut named = Vec::new();
    for (name, value) in tools {
        let Some(product) = product(name) else { continue };
        let first = value.as_array().and_then(|versions| versions.first()).unwrap_or(value);
        let version = first.get("version").unwrap_or(first).as_str();
        let Some(version) = version else { continue };
        let line = line_with(text, |line| line.trim_start_matches('"').starts_with(name.as_str()));
        named.push(Named { product, version: version.to_owned(), line });
    }
    named
}

/// The channel of rustup: in TOML, or alone in the file.
fn rust_toolchain(text: &str) -> Vec<Named> {
    #[derive(Deserialize)]
    struct Document {
        toolchain: Toolchain,
    }
    #[derive(Deserialize)]
    struct Toolchain {
        channel: String,
    }
    let (version, line) = match bounded_toml::from_str::<Document>(text) {
        Ok(document) => (document.toolchain.channel, line_with(text, |line| line.starts_with("channel"))),
        Err(_) => (text.trim().to_owned(), 1),
    };
    vec![Named { product: "rust", version, line }]
}

/// The toolchain where one is named. The `go` line is no runtime but the oldest that will do
/// (<https://go.dev/doc/modules/gomod-ref#go>): a library that says 1.18 is built with the Go of today.
fn go_mod(text: &str) -> Vec<Named> {
    let toolchain = text.lines().zip(1_u32..).find_map(|(line, number)| {
        let version = line.strip_prefix("toolchain ")?.split("//").next()?.trim();
        let version = version.strip_prefix("go").unwrap_or(version).to_owned();
        Some(Named { product: "go", version, line: number })
    });
    toolchain.filter(|named| named.version != "default").into_iter().collect()
}

/// A line `ruby "2.7.1"`; whatever else is written there is code.
fn gemfile(text: &str) -> Vec<Named> {
    let named = |(line, text): (u32, &str)| {
        let rest = text.strip_prefix("ruby ").or_else(|| text.strip_prefix("ruby("))?.trim().trim_end_matches(')');
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let version = rest.strip_prefix(quote)?.strip_suffix(quote)?;
        version.starts_with(|first: char| first.is_ascii_digit()).then(|| Named {
            product: "ruby",
            version: version.to_owned(),
            line,
        })
    };
    numbered(text).filter_map(named).collect()
}

fn pipfile(text: &str) -> Vec<Named> {
    let Ok(document) = bounded_toml::from_str::<toml::Table>(text) else { return Vec::new() };
    let requires = document.get("requires").and_then(toml::Value::as_table);
    let key = ["python_full_version", "python_version"].into_iter().find_map(|key| Some((key, requires?.get(key)?)));
    let Some((key, Some(version))) = key.map(|(key, value)| (key, value.as_str())) else { return Vec::new() };
    let line = line_with(text, |line| line.starts_with(key));
    vec![Named { product: "python", version: version.to_owned(), line }]
}

/// The PHP for which Composer resolves, whatever runs Composer.
fn composer_json(text: &str) -> Vec<Named> {
    in_json("php", text, &["config", "platform", "php"])
}

/// The exact Node.js that Volta installs; `engines` is what others may use.
fn package_json(text: &str) -> Vec<Named> {
    in_json("node", text, &["volta", "node"])
}

fn in_json(product: &'static str, text: &str, keys: &[&str]) -> Vec<Named> {
    let Ok(document) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let value = keys.iter().try_fold(&document, |value, key| value.get(key));
    let Some(version) = value.and_then(Value::as_str) else { return Vec::new() };
    // The key may stand elsewhere as well: the line that has the version, too, is the one.
    let key = format!("\"{}\"", keys.last().unwrap_or(&""));
    let line = line_with(text, |line| line.contains(&key) && line.contains(version));
    vec![Named { product, version: version.to_owned(), line }]
}
