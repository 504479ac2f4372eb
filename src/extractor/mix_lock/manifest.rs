//! What a mix.exs, which is a program, says in plain text about its dependencies
//! (<https://hexdocs.pm/mix/Mix.Tasks.Deps.html#module-dependency-definition-options>).

use std::collections::HashMap;

use super::super::contract::SourceFile;

/// The applications that stand as `{:name, …}` in it, each with whether it is for development only.
pub(super) struct Manifest(HashMap<String, bool>);

impl Manifest {
    /// Reads the mix.exs of a lockfile; `None` when there is none.
    pub(super) fn beside(file: &SourceFile<'_>) -> Option<Self> {
        let content = file.neighbour("mix.exs")?;
        let text = std::str::from_utf8(&content).ok()?;
        let mut declared: HashMap<String, bool> = HashMap::new();
        let code = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
        for tuple in code.split("{:").skip(1) {
            let end = tuple.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
            let Some((name, rest)) = end.and_then(|end| tuple.split_at_checked(end)) else { continue };
            let is_development = only_development(rest.split('}').next().unwrap_or(rest));
            declared.entry(name.to_owned()).and_modify(|all| *all &= is_development).or_insert(is_development);
        }
        Some(Self(declared))
    }

    /// Whether the project asks for an application for development only; `None` when it does not ask for it.
    pub(super) fn declared(&self, application: &str) -> Option<bool> {
        self.0.get(application).copied()
    }
}

/// Whether `only:` names no environment but those of development.
fn only_development(options: &str) -> bool {
    let Some((_, list)) = options.split_once("only: ") else { return false };
    let list = match list.strip_prefix('[') {
        Some(list) => list.split(']').next(),
        None => list.split([',', '\n']).next(),
    };
    let mut names = list.unwrap_or_default().split(',').map(str::trim);
    names.all(|name| matches!(name, ":dev" | ":test" | ":docs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_environments_of_development_count() {
        for (options, expected) in [
            (", \"~> 1.0\", only: :dev", true),
            (", only: [:dev, :test], runtime: false", true),
            (", only: [:dev, :prod]", false),
            (", only: environments()", false),
            (", \"~> 1.0\"", false),
        ] {
            assert_eq!(only_development(options), expected, "{options}");
        }
    }
}
