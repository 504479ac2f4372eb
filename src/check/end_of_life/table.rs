//! The table of release lines with the days on which they end.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use crate::model::ecosystem::Ecosystem;

/// Reviewed and released with the program: a table that was fetched would decide what fails a build.
const TABLE: &str = include_str!("table.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    product: Vec<RawProduct>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawProduct {
    id: String,
    name: String,
    ecosystem: Ecosystem,
    #[expect(dead_code, reason = "for those who keep the table")]
    source: String,
    #[expect(dead_code, reason = "for those who keep the table")]
    taken: toml::value::Datetime,
    #[expect(dead_code, reason = "for those who keep the table")]
    checked: String,
    #[serde(default)]
    grace_days: i64,
    cycles: Vec<RawCycle>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCycle {
    cycle: String,
    ended: toml::value::Datetime,
    codename: Option<String>,
}

/// A runtime or a base system.
pub(super) struct Product {
    /// Its name for people.
    pub(super) name: String,
    /// What it belongs to.
    pub(super) ecosystem: Ecosystem,
    /// How long after its end a line is not reported, in days.
    pub(super) grace_days: i64,
    /// From the oldest.
    cycles: Vec<Cycle>,
}

/// A release line.
pub(super) struct Cycle {
    /// Its name, for example `3.9`.
    pub(super) name: String,
    /// The last day with fixes.
    pub(super) ended: Date,
    numbers: Vec<u32>,
    codename: Option<String>,
}

static PRODUCTS: LazyLock<BTreeMap<String, Product>> = LazyLock::new(|| {
    let document: Document = toml::from_str(TABLE).expect("the table is part of the program and tested");
    document.product.into_iter().map(|raw| (raw.id.clone(), product(raw))).collect()
});

fn product(raw: RawProduct) -> Product {
    let cycles = raw.cycles.into_iter().map(|cycle| Cycle {
        numbers: leading_numbers(&cycle.cycle),
        ended: cycle.ended.to_string().parse().expect("a day of the table, tested"),
        name: cycle.cycle,
        codename: cycle.codename,
    });
    Product { name: raw.name, ecosystem: raw.ecosystem, grace_days: raw.grace_days, cycles: cycles.collect() }
}

/// The product with this id of the table.
pub(super) fn product_of(id: &str) -> Option<&'static Product> {
    PRODUCTS.get(id)
}

impl Product {
    /// The line that a version, or the codename of one, belongs to; `None` when the table has none for it.
    pub(super) fn cycle(&self, version: &str) -> Option<&Cycle> {
        let version = version.trim();
        let by_name =
            |cycle: &&Cycle| cycle.codename.as_deref().is_some_and(|codename| codename.eq_ignore_ascii_case(version));
        if let Some(cycle) = self.cycles.iter().find(by_name) {
            return Some(cycle);
        }
        let numbers = leading_numbers(version.strip_prefix('v').unwrap_or(version));
        self.cycles.iter().find(|cycle| !cycle.numbers.is_empty() && numbers.starts_with(&cycle.numbers))
    }
}

/// The numbers that a version begins with: 3 and 9 of `3.9-slim`; of `1.21rc2`, 1 and 21.
fn leading_numbers(version: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for part in version.split('.').take(4) {
        let digits = part.find(|character: char| !character.is_ascii_digit()).unwrap_or(part.len());
        let Some(Ok(number)) = part.get(..digits).map(str::parse) else { break };
        numbers.push(number);
        if digits < part.len() {
            break;
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_valid_and_sorted() {
        let expected = ["alpine", "debian", "go", "node", "php", "python", "ruby", "rust", "ubuntu"];
        assert_eq!(PRODUCTS.keys().map(String::as_str).collect::<Vec<_>>(), expected);
        for (id, product) in PRODUCTS.iter() {
            assert!(!product.name.is_empty() && product.cycles.len() > 5, "{id}");
            for pair in product.cycles.windows(2) {
                assert!(pair[0].numbers < pair[1].numbers, "{id} {}", pair[1].name);
            }
            assert!(product.cycles.iter().all(|cycle| !cycle.numbers.is_empty()), "{id}");
        }
    }

    #[test]
    fn versions_belong_to_the_line_they_begin_with() {
        let line = |id: &str, version: &str| product_of(id).unwrap().cycle(version).map(|cycle| cycle.name.as_str());
        for (id, version, expected) in [
            ("python", "3.1", Some("3.1")),
            ("python", "3.10.4", Some("3.10")),
            ("python", "3", None),
            ("node", "v18.19.1", Some("18")),
            ("node", "0.10.48", Some("0.10")),
            ("node", "hydrogen", Some("18")),
            ("node", "99", None),
            ("node", "", None),
            ("go", "1.21rc2", Some("1.21")),
            ("debian", "Buster", Some("10")),
            ("ubuntu", "18.04", Some("18.04")),
            ("alpine", "3.15", Some("3.15")),
            ("rust", "nightly", None),
        ] {
            assert_eq!(line(id, version), expected, "{id} {version}");
        }
    }

    #[test]
    fn days_are_those_of_the_last_fixes() {
        let ended =
            |id: &str, version: &str| product_of(id).unwrap().cycle(version).map(|cycle| cycle.ended.to_string());
        for (id, version, expected) in [
            ("php", "5.4.45", Some("2015-09-14")),
            ("ruby", "2.5.9", Some("2021-04-05")),
            ("ruby", "3.4", None),
            ("go", "1.19", Some("2023-09-06")),
            ("ubuntu", "focal", Some("2025-05-29")),
            ("ubuntu", "26.04", Some("2031-05-29")),
        ] {
            assert_eq!(ended(id, version).as_deref(), expected, "{id} {version}");
        }
    }

    #[test]
    fn rust_releases_every_six_weeks() {
        let ended = |version: &str| product_of("rust").unwrap().cycle(version).unwrap().ended;
        assert_eq!(ended("1.69"), jiff::civil::date(2023, 6, 1), "the day of 1.70.0");
        assert_eq!(ended("1.84.1"), jiff::civil::date(2025, 2, 20), "the day of 1.85.0");
    }
}
