//! What Maven is started with: properties in `.mvn/maven.config` and `.mvn/jvm.config` of the nearest folder above that has
//! them (<https://maven.apache.org/configure.html>).

use std::collections::HashMap;

use super::super::contract::SourceFile;
use crate::model::repository::RepoPath;

/// Properties that stand in no pom.xml.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Of Maven's own command line: they hide those of the files.
    pub(super) user: HashMap<String, String>,
    /// Of the Java machine: they count where nothing else sets a name.
    pub(super) system: HashMap<String, String>,
}

impl Settings {
    /// Those for a file.
    pub(super) fn of(file: &SourceFile<'_>) -> Self {
        for folder in file.path.folders() {
            let read = |name: &str| {
                let path = RepoPath::in_folder(folder, &format!(".mvn/{name}")).ok()?;
                file.tree.read(&path).ok()
            };
            let (user, system) = (read("maven.config"), read("jvm.config"));
            if user.is_some() || system.is_some() {
                let properties =
                    |content: Option<Vec<u8>>| defined(&String::from_utf8_lossy(&content.unwrap_or_default()));
                return Self { user: properties(user), system: properties(system) };
            }
        }
        Self::default()
    }
}

/// `-Dname=value`, `-D name=value`, `--define name=value`; without a value it is `true`.
fn defined(text: &str) -> HashMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let mut words = lines.flat_map(str::split_whitespace);
    let mut found = HashMap::new();
    while let Some(word) = words.next() {
        let written = match word {
            "-D" | "--define" => words.next(),
            _ => word.strip_prefix("-D").or_else(|| word.strip_prefix("--define=")),
        };
        let Some(written) = written else { continue };
        let (name, value) = written.trim_matches(['"', '\'']).split_once('=').unwrap_or((written, "true"));
        found.insert(name.to_owned(), value.trim_matches(['"', '\'']).to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_defined_in_several_ways() {
        let found = defined("-Drevision=1.2\n-T 4\n# -Dno=1\n-D a=b\n--define=c=\"d\" \"-De=f\" -Dflag\n");
        let mut found: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
        found.sort();
        assert_eq!(found, ["a=b", "c=d", "flag=true", "revision=1.2"]);
    }
}
