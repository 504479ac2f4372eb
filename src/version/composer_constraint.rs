//! Composer's constraints, as `composer/semver`'s `VersionParser::parseConstraints` reads them
//! (<https://getcomposer.org/doc/articles/versions.md>).

use super::composer::{ComposerVersion, Modifier, Stability, strip_alias, strip_stability_flag};
use super::number::Number;

/// A constraint: alternatives, each of which is a list of comparisons that all have to hold.
#[derive(Debug, Clone)]
pub(super) struct ComposerConstraint(Vec<Vec<Comparison>>);

#[derive(Debug, Clone)]
enum Comparison {
    Any,
    To(Operator, ComposerVersion),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl ComposerConstraint {
    /// Reads a constraint.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // `||` and `|` mean the same, so the empty text between the bars of `||` goes away before splitting.
        let alternatives = text.trim().replace("||", "|");
        alternatives
            .split('|')
            .map(|alternative| parse_conjunction(alternative.trim()))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Whether a version meets it.
    pub(super) fn matches(&self, version: &ComposerVersion) -> bool {
        self.0.iter().any(|comparisons| comparisons.iter().all(|comparison| comparison.holds(version)))
    }
}

impl Comparison {
    fn holds(&self, version: &ComposerVersion) -> bool {
        let Self::To(operator, bound) = self else { return true };
        // Branches can be the same or not; they are neither more nor less than anything.
        let comparable = !version.is_branch() && !bound.is_branch();
        match operator {
            Operator::Equal => version == bound,
            Operator::NotEqual => version != bound,
            Operator::Less => comparable && version < bound,
            Operator::LessOrEqual => comparable && version <= bound,
            Operator::Greater => comparable && version > bound,
            Operator::GreaterOrEqual => comparable && version >= bound,
        }
    }
}

/// Comparisons that are joined by commas or spaces.
fn parse_conjunction(text: &str) -> Option<Vec<Comparison>> {
    let mut comparisons = Vec::new();
    for part in text.split(',') {
        let mut words = part.split_whitespace().peekable();
        words.peek()?;
        while let Some(word) = words.next() {
            let mut constraint = word.to_owned();
            // `>= 1.0` is one comparison. As in Composer, a stability flag does not count behind such a space.
            if word.bytes().all(|byte| b"<>=!".contains(&byte)) {
                let version = words.next().filter(|version| !version.starts_with(['<', '>', '=', '!']))?;
                constraint.push_str(strip_stability_flag(version).0);
            }
            match words.peek().copied() {
                Some("-") => {
                    words.next();
                    comparisons.extend(parse_hyphen_range(&constraint, words.next()?)?);
                    continue;
                }
                Some("as") => {
                    words.next();
                    constraint = format!("{constraint} as {}", words.next()?);
                }
                _ => {}
            }
            comparisons.extend(parse_single(&constraint)?);
        }
    }
    Some(comparisons)
}

fn parse_single(text: &str) -> Option<Vec<Comparison>> {
    let text = strip_alias(text);
    let (text, flag) = strip_stability_flag(text);
    let text = if text.is_empty() && flag.is_some() { "*" } else { text };
    let text = strip_reference(text);
    if let Some(any) = parse_any(text) {
        return Some(vec![any]);
    }
    if let Some(rest) = text.strip_prefix('~') {
        return parse_tilde(rest);
    }
    if let Some(rest) = text.strip_prefix('^') {
        return parse_caret(rest);
    }
    parse_wildcard(text).or_else(|| parse_comparison(text, flag))
}

/// `dev-main#<commit>` is `dev-main`: the commit is Composer's business, not the constraint's.
fn strip_reference(text: &str) -> &str {
    match text.split_once('#') {
        Some((version, reference))
            if !reference.is_empty()
                && (version.to_ascii_lowercase().starts_with("dev-")
                    || version.to_ascii_lowercase().ends_with(".x-dev")) =>
        {
            version
        }
        _ => text,
    }
}

/// `*` and `x.x` hold everything; `v*` and `*.*` hold every number but no branch.
fn parse_any(text: &str) -> Option<Comparison> {
    let stars = text.strip_prefix(['v', 'V']).unwrap_or(text);
    if !stars.split('.').all(|part| matches!(part, "x" | "X" | "*")) {
        return None;
    }
    if text.len() == 1 {
        return Some(Comparison::Any);
    }
    let lowest = ComposerVersion::of_numbers([Number::ZERO, Number::ZERO, Number::ZERO, Number::ZERO]);
    Some(Comparison::To(Operator::GreaterOrEqual, lowest.with(Stability::Dev)))
}

/// The parts of a version inside a range: up to four numbers and what follows.
struct RangeVersion {
    numbers: Vec<Number>,
    modifier: Modifier,
    /// Whether it ends in `.x-dev`.
    numeric_branch: bool,
    version: ComposerVersion,
}

impl RangeVersion {
    fn parse(text: &str) -> Option<Self> {
        let version = ComposerVersion::parse(text)?;
        let core = text.split_once('+').map_or(text, |(core, _)| core);
        let core = core.strip_prefix(['v', 'V']).unwrap_or(core);
        let mut numbers = Vec::new();
        let mut rest = core;
        loop {
            let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
            numbers.push(Number::parse(&rest[..end])?);
            rest = &rest[end..];
            let followed = rest.strip_prefix('.').is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()));
            if numbers.len() == 4 || !followed {
                break;
            }
            rest = &rest[1..];
        }
        let lower = rest.to_ascii_lowercase();
        let numeric_branch = matches!(lower.as_str(), ".x-dev" | ".x.dev" | ".xdev" | ".*-dev" | ".*.dev" | ".*dev");
        let modifier = if numeric_branch { Modifier { stability: None, dev: true } } else { Modifier::parse(rest)? };
        Some(Self { numbers, modifier, numeric_branch, version })
    }

    /// The version itself when it names a stability, else its earliest pre-release.
    fn lower_bound(&self) -> Comparison {
        let version = self.version.clone();
        let version = if self.modifier.is_empty() { version.with(Stability::Dev) } else { version };
        Comparison::To(Operator::GreaterOrEqual, version)
    }

    /// Below the earliest pre-release of the version whose number at `position` (from 0) is one higher.
    fn upper_bound(&self, position: usize) -> Comparison {
        Comparison::To(Operator::Less, raised(&self.numbers, position, true))
    }
}

/// The earliest pre-release of the first `position + 1` numbers, the last of them one higher if asked for.
fn raised(numbers: &[Number], position: usize, raise: bool) -> ComposerVersion {
    let parts = [0, 1, 2, 3].map(|index| {
        let number = numbers.get(index).filter(|_| index <= position).cloned().unwrap_or(Number::ZERO);
        if raise && index == position { number.next() } else { number }
    });
    ComposerVersion::of_numbers(parts).with(Stability::Dev)
}

/// `~1.2` allows every 1.x from 1.2 on; `~1.2.3` every 1.2.x from 1.2.3 on.
fn parse_tilde(text: &str) -> Option<Vec<Comparison>> {
    let version = RangeVersion::parse(text)?;
    let given = version.numbers.len() + usize::from(version.numeric_branch);
    let position = given.saturating_sub(2);
    Some(vec![version.lower_bound(), version.upper_bound(position)])
}

/// `^1.2` keeps the first number that is not zero.
fn parse_caret(text: &str) -> Option<Vec<Comparison>> {
    let version = RangeVersion::parse(text)?;
    let zero_then_more = |position: usize| {
        version.numbers.get(position).is_some_and(Number::is_zero) && version.numbers.len() > position + 1
    };
    let position = if !zero_then_more(0) {
        0
    } else if !zero_then_more(1) {
        1
    } else {
        2
    };
    Some(vec![version.lower_bound(), version.upper_bound(position)])
}

/// `1.2.*`
fn parse_wildcard(text: &str) -> Option<Vec<Comparison>> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let parts: Vec<&str> = text.split('.').collect();
    let stars = parts.iter().rev().take_while(|part| matches!(**part, "x" | "X" | "*")).count();
    let given = parts.len() - stars;
    if stars == 0 || !(1..=3).contains(&given) {
        return None;
    }
    let numbers = parts[..given].iter().map(|part| Number::parse(part)).collect::<Option<Vec<_>>>()?;
    let position = given - 1;
    let high = Comparison::To(Operator::Less, raised(&numbers, position, true));
    if numbers.iter().all(Number::is_zero) {
        return Some(vec![high]);
    }
    Some(vec![Comparison::To(Operator::GreaterOrEqual, raised(&numbers, position, false)), high])
}

/// `1.0 - 2.0`: the upper end is included as far as it is written.
fn parse_hyphen_range(from: &str, to: &str) -> Option<Vec<Comparison>> {
    let (from, to) = (RangeVersion::parse(from)?, RangeVersion::parse(to)?);
    let high = if to.numbers.len() >= 3 || !to.modifier.is_empty() {
        Comparison::To(Operator::LessOrEqual, to.version.clone())
    } else {
        to.upper_bound(to.numbers.len() - 1)
    };
    Some(vec![from.lower_bound(), high])
}

fn parse_comparison(text: &str, flag: Option<Stability>) -> Option<Vec<Comparison>> {
    const OPERATORS: [(&str, Operator); 8] = [
        ("<>", Operator::NotEqual),
        ("!=", Operator::NotEqual),
        (">=", Operator::GreaterOrEqual),
        (">", Operator::Greater),
        ("<=", Operator::LessOrEqual),
        ("<", Operator::Less),
        ("==", Operator::Equal),
        ("=", Operator::Equal),
    ];
    let (operator, written) = OPERATORS
        .iter()
        .find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?.trim_start())))
        .unwrap_or((Operator::Equal, text));
    let version = ComposerVersion::parse(written).or_else(|| {
        // `foobar-dev` is a way to write `dev-foobar`.
        let name = written.strip_suffix("-dev")?;
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-./".contains(&byte));
        plain.then(|| ComposerVersion::parse(&format!("dev-{name}"))).flatten()
    })?;
    let flag = flag.filter(|stability| *stability != Stability::Stable);
    let version = match flag {
        Some(stability) if operator != Operator::Equal && !version.is_unstable() => version.with(stability),
        _ if matches!(operator, Operator::Less | Operator::GreaterOrEqual) && !names_stability(written) => {
            version.with(Stability::Dev)
        }
        _ => version,
    };
    Some(vec![Comparison::To(operator, version)])
}

/// Whether a modifier stands behind a hyphen. As in Composer, `1.0beta1` does not count.
fn names_stability(written: &str) -> bool {
    written.match_indices('-').any(|(position, _)| Modifier::parse(&written[position + 1..]).is_some())
}
