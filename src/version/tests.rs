//! Real comparisons per ecosystem, and the laws that every order keeps.

use super::*;
use proptest::prelude::*;

fn ordering(ecosystem: Ecosystem, left: &str, right: &str) -> Ordering {
    compare(ecosystem, left, right).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn composer_orders_by_stability() {
    let sorted = [
        "dev-feature",
        "dev-main",
        "1.0.0-dev",
        "1.0.0-alpha",
        "1.0.0-alpha1",
        "1.0.0-alpha.2",
        "1.0.0-beta1-dev",
        "1.0.0-beta1",
        "1.0.0-beta10",
        "v1.0.0-RC1",
        "1.0",
        "1.0.0-patch1",
        "1.0.1",
        "1.10",
        "1.x-dev",
        "2.0.0-dev",
        "2.0",
        "2010-01-02",
        "20100102",
    ];
    for (position, left) in sorted.iter().enumerate() {
        for (other, right) in sorted.iter().enumerate() {
            assert_eq!(ordering(Ecosystem::Packagist, left, right), position.cmp(&other), "{left} and {right}");
        }
    }
}

proptest! {
    #[test]
    fn every_order_is_total(texts in proptest::collection::vec(version_text(), 3)) {
        for ecosystem in Ecosystem::ALL {
            let Ok(versions) = texts.iter().map(|text| parse(ecosystem, text)).collect::<Result<Vec<_>, _>>() else { continue };
            let [a, b, c] = versions.as_slice() else { unreachable!() };
            prop_assert_eq!(a.cmp(a), Ordering::Equal);
            prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
            if a <= b && b <= c { prop_assert!(a <= c); }
            if a == b { prop_assert_eq!(a.cmp(c), b.cmp(c)); }
        }
    }

    #[test]
    fn no_text_makes_anything_panic(left in ".{0,40}", right in "[-0-9.xXv*^~<>=|, @#+adevrc]{0,30}") {
        for ecosystem in Ecosystem::ALL {
            let _ = (parse(ecosystem, &left).is_ok(), parse(ecosystem, &right).is_ok());
            let _ = (satisfies(ecosystem, &left, &right), satisfies(ecosystem, &right, "1.2.3"), step(ecosystem, &left, &right).is_ok());
        }
    }
}

fn version_text() -> impl Strategy<Value = String> {
    "v?[0-2](\\.(0|1|10|99999999999999999999)){0,4}([-.]?(alpha|beta|b|RC|rc|patch|p|dev|x)([.-]?[0-2]){0,2}(-dev)?)?|dev-[ab]|[12]\\.x-dev|2010-?01-?0[12]"
}

/// `tests/fixtures/version/composer.tsv` holds what composer/semver (as packaged with Composer 2.5.5) and PHP 8.2 answered.
#[test]
fn composer_agrees_with_composer() {
    let table = include_str!("../../tests/fixtures/version/composer.tsv");
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let [question, left, right, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        let answer = match question {
            "compare" => match compare(Ecosystem::Packagist, left, right) {
                Ok(Ordering::Less) => "less",
                Ok(Ordering::Equal) => "equal",
                Ok(Ordering::Greater) => "greater",
                Err(_) => "invalid",
            },
            "satisfies" => match satisfies(Ecosystem::Packagist, left, right) {
                Some(true) => "yes",
                Some(false) => "no",
                None => "invalid",
            },
            other => panic!("unknown question {other:?}"),
        };
        if answer != expected {
            wrong.push(format!("{line} but we say {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} lines differ:\n{}", wrong.len(), wrong.join("\n"));
}
