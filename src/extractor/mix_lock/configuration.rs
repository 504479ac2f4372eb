//! Mix's lockfile under another name: `lockfile:` of mix.exs
//! (<https://hexdocs.pm/mix/Mix.Project.html#module-configuration>), as the members of an umbrella have it.

use super::super::contract::code::{Language, behind, without_comments};
use super::super::contract::configured::literal;
use super::super::contract::text::Lines;
use super::super::contract::{Configured, LockfileChoice, SourceFile};

/// The lockfile that a mix.exs names, which is a program: what is no plain text is computed.
pub(super) fn read(file: &SourceFile<'_>) -> Vec<Configured> {
    let text = String::from_utf8_lossy(file.content);
    let plain = without_comments(&text, Language::Hash);
    let lines = Lines::of(&plain);
    let named = behind(&plain, "lockfile").filter_map(|(place, rest)| {
        let rest = rest.strip_prefix(':').filter(|rest| !rest.starts_with(':'))?.trim_start();
        let choice = match literal(rest).filter(|(_, behind)| behind.trim_start().starts_with([',', ']', '\n', '}'])) {
            Some((path, _)) => LockfileChoice::below(file.path.folder(), path),
            None => LockfileChoice::Computed(rest.lines().next().unwrap_or_default().trim().to_owned()),
        };
        Some(Configured::beside(file, lines.at(place), "mix.lock", choice))
    });
    named.collect()
}
