//! RubyGems' requirements (<https://docs.ruby-lang.org/en/master/Gem/Requirement.html>): comparisons joined by commas.

use super::gem::GemVersion;

/// Whether a version meets every comparison; `None` when one of them cannot be read.
pub(super) fn satisfies(requirement: &str, version: &str) -> Option<bool> {
    let version = GemVersion::parse(version)?;
    let mut holds = true;
    for comparison in requirement.split(',') {
        holds &= holds_for(comparison.trim(), &version)?;
    }
    Some(holds)
}

fn holds_for(comparison: &str, version: &GemVersion) -> Option<bool> {
    let operator = comparison.find(|character| !"<>=!~".contains(character)).unwrap_or(comparison.len());
    let (operator, written) = comparison.split_at(operator);
    let written = written.trim();
    let bound = GemVersion::parse(written).filter(|_| !written.is_empty())?;
    Some(match operator {
        "" | "=" => *version == bound,
        "!=" => *version != bound,
        ">" => *version > bound,
        "<" => *version < bound,
        ">=" => *version >= bound,
        "<=" => *version <= bound,
        "~>" => *version >= bound && version.released() < GemVersion::bumped(written),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `Gem::Requirement#satisfied_by?` of RubyGems 3.3.15 answers.
    #[test]
    fn requirements_hold_what_rubygems_holds() {
        for (requirement, version, expected) in [
            ("~> 1.2", "1.9", Some(true)),
            ("~> 1.2", "2.0", Some(false)),
            ("~> 1.2", "2.0.a", Some(false)),
            ("~> 1.2.3", "1.2.9", Some(true)),
            ("~> 1.2.3", "1.3.0", Some(false)),
            ("~> 1", "1.9", Some(true)),
            ("~> 1", "2.0", Some(false)),
            ("~> 1.2.beta", "1.2", Some(true)),
            ("~> 1.2.3.beta.1", "1.2.9", Some(true)),
            ("~> 1.2.3.beta.1", "1.3", Some(false)),
            ("~> 1.2.0", "1.2.5", Some(true)),
            ("~> 1.2.0", "1.3.pre", Some(false)),
            (">= 1.0, < 2", "1.5", Some(true)),
            (">= 1.0, < 2", "2.0.rc1", Some(true)),
            ("!= 1.0.0", "1", Some(false)),
            ("1.0", "1.0.0", Some(true)),
            ("= 1.0", "1.0.1", Some(false)),
            ("", "1.0", None),
            ("=> 1", "1.0", None),
            (">= x", "1.0", None),
            (">= 1", "main", None),
        ] {
            assert_eq!(satisfies(requirement, version), expected, "{requirement} and {version}");
        }
    }
}
