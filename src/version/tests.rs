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

/// Antisymmetry, transitivity, and that equal versions stand in the same place.
fn assert_total(ecosystem: Ecosystem, texts: &[String]) {
    let Ok(versions) = texts.iter().map(|text| parse(ecosystem, text)).collect::<Result<Vec<_>, _>>() else { return };
    let [a, b, c] = versions.as_slice() else { panic!("three versions, not {texts:?}") };
    assert_eq!(a.cmp(a), Ordering::Equal, "{ecosystem}: {texts:?}");
    assert_eq!(a.cmp(b), b.cmp(a).reverse(), "{ecosystem}: {texts:?}");
    assert_eq!(a == b, a.cmp(b).is_eq(), "{ecosystem}: {texts:?}");
    assert_eq!(a.compare(b), b.compare(a).reverse(), "{ecosystem}: {texts:?}");
    assert!(a > b || b > c || a <= c, "{ecosystem}: {texts:?}");
    assert!(a != b || a.cmp(c) == b.cmp(c), "{ecosystem}: {texts:?}");
}

/// Three versions of a grammar.
fn three(grammar: &'static str) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(grammar, 3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn every_order_is_total(texts in proptest::collection::vec(version_text(), 3)) {
        for ecosystem in Ecosystem::ALL {
            assert_total(ecosystem, &texts);
        }
    }

    #[test]
    fn semantic_orders_are_total(texts in three("[01](\\.[01]){0,3}(-(0|1|01|-5|99999999999|a|A|a-)(\\.(0|1|a))?)?(\\+(0|1|-5|a|A)(\\.(0|a))?)?")) {
        for ecosystem in [Ecosystem::Npm, Ecosystem::Go, Ecosystem::NuGet, Ecosystem::Pub, Ecosystem::Julia, Ecosystem::Docker] {
            assert_total(ecosystem, &texts);
        }
    }

    #[test]
    fn pythons_order_is_total(texts in three("(v|[01]!)?[01](\\.[01]){0,2}([-._]?(a|b|rc|pre)[-._]?[01]?)?(-[01]|\\.post[01]?)?(\\.?dev[01]?)?(\\+[01a](\\.[a1])?)?|[-a0-1.]{1,5}")) {
        assert_total(Ecosystem::PyPi, &texts);
    }

    #[test]
    fn the_order_of_gems_is_total(texts in three("[01](\\.(0|1|a|b|rc1|0a)){0,4}(-[a1])?")) {
        assert_total(Ecosystem::RubyGems, &texts);
        assert_total(Ecosystem::CocoaPods, &texts);
    }

    #[test]
    fn mavens_order_is_total(texts in three("([01]|a|sp|ga|x|alpha|\\.|-){1,7}")) {
        assert_total(Ecosystem::Maven, &texts);
    }

    #[test]
    fn mavens_total_order_is_mavens_own_for_versions_as_people_write_them(
        texts in three("[12](\\.(0|1|10)){0,3}(-(alpha|beta|RC|cr|M|sp|SNAPSHOT|foo|jre)(-?[12])?|[-.](Beta|RC|SP|jre)[12]?|[-.](Final|GA)|-[1-3])?"),
    ) {
        let versions = texts.iter().map(|text| parse(Ecosystem::Maven, text).expect("any text")).collect::<Vec<_>>();
        for left in &versions {
            for right in &versions {
                prop_assert_eq!(left.compare(right), left.cmp(right));
            }
        }
    }

    #[test]
    fn the_orders_of_distributions_are_total(texts in three("([01]:|a:)?([01]|00|a|Z|~|\\^|\\+|\\.|_){0,5}(-[01~a.]{0,3})?")) {
        for ecosystem in [Ecosystem::Debian, Ecosystem::RedHat, Ecosystem::Opam, Ecosystem::Alpine] {
            assert_total(ecosystem, &texts);
        }
    }

    #[test]
    fn alpines_order_is_total(texts in three("([01]|00|\\.|a|_|_alpha|_rc|_p|_git|-r|~|-|B){1,7}")) {
        assert_total(Ecosystem::Alpine, &texts);
    }

    #[test]
    fn conans_order_is_total(texts in three("(0|1|2|10|1w|10a|a|b)(\\.(0|1|10|1w|10a|a)){0,2}(-(0|1|a|10a))?(\\+(0|1|a))?")) {
        assert_total(Ecosystem::ConanCenter, &texts);
    }

    #[test]
    fn the_orders_of_numbers_are_total(texts in three("[01]([.-](0|1|01)){0,4}")) {
        assert_total(Ecosystem::Cran, &texts);
        assert_total(Ecosystem::Hackage, &texts);
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
            // What Composer cannot normalise has an order, too, but no constraint holds it.
            "compare" if [left, right].iter().any(|text| ComposerVersion::parse(text).is_none()) => "invalid",
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

/// Every line of a table whose answers come from the ecosystem's own tool; `?` is text that is no version.
fn assert_table(ecosystem: Ecosystem, table: &str) {
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let [left, expected, right] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        let parsed = parse(ecosystem, left).and_then(|left| Ok((left, parse(ecosystem, right)?)));
        let answer = match parsed.map(|(left, right)| left.compare(&right)) {
            Ok(Ordering::Less) => "<",
            Ok(Ordering::Equal) => "=",
            Ok(Ordering::Greater) => ">",
            Err(_) => "?",
        };
        if answer != expected {
            wrong.push(format!("{line} but we say {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} lines differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn orders_agree_with_the_ecosystems_own_tools() {
    for (ecosystem, table) in [
        (Ecosystem::Npm, include_str!("../../tests/fixtures/version/semver.tsv")),
        (Ecosystem::Go, include_str!("../../tests/fixtures/version/go.tsv")),
        (Ecosystem::Hex, include_str!("../../tests/fixtures/version/hex.tsv")),
        (Ecosystem::PyPi, include_str!("../../tests/fixtures/version/python.tsv")),
        (Ecosystem::RubyGems, include_str!("../../tests/fixtures/version/gem.tsv")),
        (Ecosystem::Maven, include_str!("../../tests/fixtures/version/maven.tsv")),
        (Ecosystem::Debian, include_str!("../../tests/fixtures/version/debian.tsv")),
        (Ecosystem::Ubuntu, include_str!("../../tests/fixtures/version/debian.tsv")),
        (Ecosystem::RedHat, include_str!("../../tests/fixtures/version/rpm.tsv")),
        (Ecosystem::Suse, include_str!("../../tests/fixtures/version/rpm.tsv")),
        (Ecosystem::ConanCenter, include_str!("../../tests/fixtures/version/conan.tsv")),
        (Ecosystem::Cran, include_str!("../../tests/fixtures/version/r.tsv")),
        (Ecosystem::Alpine, include_str!("../../tests/fixtures/version/apk.tsv")),
        (Ecosystem::Wolfi, include_str!("../../tests/fixtures/version/apk.tsv")),
    ] {
        assert_table(ecosystem, table);
    }
}

/// Where no tool of the ecosystem is at hand: what its documentation and its sources say.
#[test]
fn orders_without_a_tool_follow_their_published_rules() {
    for (ecosystem, sorted) in [
        (
            Ecosystem::NuGet,
            &[
                "1.0.0-1",
                "1.0.0-9",
                "1.0.0-Alpha",
                "1.0.0-beta.2",
                "1.0.0-BETA.10",
                "1.0.0-beta2",
                "1",
                "1.0.0.1-a",
                "1.0.0.1",
                "1.0.1",
            ][..],
        ),
        // `99999999999` does not fit in .NET's `int`, which makes it a word.
        (Ecosystem::NuGet, &["1.0.0-2147483647", "1.0.0-99999999999", "1.0.0-a"]),
        (
            Ecosystem::Pub,
            &["1.0.0-a", "1.0.0-a+1", "1.0.0", "1.0.0+1", "1.0.0+2", "1.0.0+10", "1.0.0+a", "1.0.0+a.1", "1.0.1"],
        ),
        (Ecosystem::Julia, &["1.0.0-rc1", "1.0.0", "1.0.0+0", "1.0.0+1", "1.0.0+10", "1.0.1"]),
        (Ecosystem::Opam, &["v0.9", "v0.16", "v0.16.1"]),
        (Ecosystem::Opam, &["0.9", "1.0~beta", "1.0", "1.0-1", "1.0a", "1.0+b", "1.0.1", "1.10"]),
        (Ecosystem::Hackage, &["0.9", "0.10", "0.10.0", "0.10.1", "1"]),
        (Ecosystem::Bioconductor, &["1.9-1", "1.10.0", "1.10.0.0"]),
        (Ecosystem::CocoaPods, &["1.0-alpha", "1.0-beta.1", "1.0-beta.2", "1.0", "1.0.1-rc", "1.0.1"]),
        (
            Ecosystem::Go,
            &[
                "go1.20.9",
                "1.21beta1",
                "go1.21rc2",
                "1.21.0-rc.3",
                "1.21",
                "v1.21.1-0.20230101000000-abcdefabcdef",
                "v1.21.1",
            ],
        ),
        (Ecosystem::SwiftUrl, &["1.0.0-alpha", "1.0.0", "v1.0.1", "1.1"]),
        (Ecosystem::Terraform, &["0.9.0", "1.0.0-beta1", "1.0.0", "1.0.0.1"]),
        (Ecosystem::Docker, &["3.12-rc", "3.12-slim", "3.12"]),
    ] {
        for (position, left) in sorted.iter().enumerate() {
            for (other, right) in sorted.iter().enumerate() {
                assert_eq!(ordering(ecosystem, left, right), position.cmp(&other), "{ecosystem}: {left} and {right}");
            }
        }
    }
}

#[test]
fn versions_are_equal_where_the_ecosystem_says_so() {
    for (ecosystem, left, right) in [
        (Ecosystem::NuGet, "1.0.0-BETA+a", "1.0-beta+b"),
        (Ecosystem::NuGet, "1.0.01", "1.0.1.0"),
        (Ecosystem::Go, "v2.0.0+incompatible", "2.0.0"),
        (Ecosystem::Go, "go1.21rc2", "1.21.0-rc.2"),
        (Ecosystem::SwiftUrl, "1.0.0+a", "v1.0.0"),
        (Ecosystem::CocoaPods, "1.0", "1.0.0+build"),
        (Ecosystem::Bitnami, "1.2.3-0", "1.2.3-0+b"),
        (Ecosystem::Echo, "0:1.0-0", "1.0"),
        (Ecosystem::Opam, "1.0", "1.00-0"),
    ] {
        assert_eq!(ordering(ecosystem, left, right), Ordering::Equal, "{ecosystem}: {left} and {right}");
    }
}

#[test]
fn what_composer_cannot_normalise_is_compared_as_php_does() {
    let sorted = [
        "7.x-3.0",
        "8.x-1.0-foo1",
        "8.x-1.0-alpha2",
        "8.x-1.0-beta3",
        "8.x-1.0-rc1",
        "8.x-1.0",
        "8.x-1.0-pl1",
        "8.x-1.10",
        "8.0.0",
    ];
    for (position, left) in sorted.iter().enumerate() {
        for (other, right) in sorted.iter().enumerate() {
            // PHP 8.2's `version_compare` puts them in this order.
            assert_eq!(ordering(Ecosystem::Packagist, left, right), position.cmp(&other), "{left} and {right}");
        }
    }
    assert!(parse(Ecosystem::Packagist, "feature/x").is_err());
}

#[test]
fn circles_of_maven_are_compared_as_maven_does_and_sorted_all_the_same() {
    let version = |text: &str| parse(Ecosystem::Maven, text).expect("any text is a version");
    let [plain, service_pack, alpha] = ["1", "1.sp.1", "1-alpha"].map(version);
    assert!(
        plain.compare(&service_pack).is_lt() && service_pack.compare(&alpha).is_lt() && alpha.compare(&plain).is_lt()
    );
    assert!(alpha < plain && plain < service_pack && alpha < service_pack);
}

#[test]
fn pre_releases_are_known_by_the_ecosystems_own_rule() {
    for (ecosystem, prerelease, release) in [
        (Ecosystem::PyPi, "1.0.post1.dev2", "1.0.post1"),
        (Ecosystem::RubyGems, "1.0.a", "1.0.0"),
        (Ecosystem::Maven, "1.0-SNAPSHOT", "1.0-jre"),
        (Ecosystem::NuGet, "1.0-a", "1.0+a"),
        (Ecosystem::Pub, "1.0.0-a", "1.0.0+a"),
        (Ecosystem::Docker, "3.13-rc-slim", "3.13-slim"),
        (Ecosystem::Debian, "1.0~rc1-1", "1.0-1~bpo"),
        (Ecosystem::Alpine, "1.0_rc1", "1.0_p1"),
        (Ecosystem::RedHat, "1.0~rc1-1", "1.0-1~x"),
        (Ecosystem::Opam, "1.0~rc1", "1.0+rc1"),
    ] {
        assert!(is_prerelease(ecosystem, prerelease), "{ecosystem}: {prerelease}");
        assert!(!is_prerelease(ecosystem, release), "{ecosystem}: {release}");
    }
}

#[test]
fn steps_follow_the_numbers_and_the_epoch() {
    for (ecosystem, from, to, expected) in [
        (Ecosystem::PyPi, "1.2.3", "1.2.4.post1", Step::Patch),
        (Ecosystem::PyPi, "1.2.3", "1!1.2.4", Step::Major),
        (Ecosystem::RubyGems, "1.2.rc1", "1.3", Step::Minor),
        (Ecosystem::Maven, "1.2.Final", "2.0.Final", Step::Major),
        (Ecosystem::NuGet, "1.2.3.4", "1.2.3.5", Step::Patch),
        (Ecosystem::Debian, "1:1.2.3-1", "1:1.2.3-2", Step::Patch),
        (Ecosystem::Debian, "1.2.3-1", "1:1.2.3-1", Step::Major),
        (Ecosystem::RedHat, "1.2.3-1.el9", "1.3.0-1.el9", Step::Minor),
        (Ecosystem::Alpine, "1.02.3-r0", "1.03-r0", Step::Minor),
        (Ecosystem::Opam, "v0.16.1", "v0.17.0", Step::Major),
        (Ecosystem::Cran, "1.2-3", "1.2-4", Step::Patch),
        (Ecosystem::Packagist, "1.2", "dev-main", Step::Major),
    ] {
        assert_eq!(step(ecosystem, from, to).expect("versions"), expected, "{ecosystem}: {from} → {to}");
    }
}

#[test]
fn python_specifiers_are_those_of_pep_440() {
    for (requirement, version, expected) in [
        (">=1.0,<2", "1.5", Some(true)),
        ("~=1.4.2", "1.4.9", Some(true)),
        ("~=1.4.2", "1.5", Some(false)),
        ("==1.*", "1.9", Some(true)),
        ("!=1.5", "1.5.0", Some(false)),
        (">=x", "1", None),
        (">=1", "main", None),
    ] {
        assert_eq!(satisfies(Ecosystem::PyPi, requirement, version), expected, "{requirement} and {version}");
    }
}
