//! An index that is valid and not the right one: it names its sources, and is compared with them.

use serde_json::{Value, json};

use crate::support::bot::{Bot, Outcome};

fn osv(id: &str, package: &str) -> String {
    json!({
        "schema_version": "1.6.0", "id": id, "modified": "2026-11-20T00:00:00Z", "summary": "It is broken",
        "affected": [{ "package": { "ecosystem": "npm", "name": package }, "versions": ["1.0.0"] }],
    })
    .to_string()
}

fn run(bot: &Bot, arguments: &[&str]) -> Outcome {
    let cache = bot.path("shelf").display().to_string();
    let all = arguments.iter().map(|&it| it.to_owned()).chain(["--cache".to_owned(), cache]);
    bot.run_bare(&all.collect::<Vec<_>>())
}

#[test]
fn an_index_is_compared_with_its_sources_record_by_record() {
    let bot = Bot::without_forge();
    for (name, package) in [("a", "a"), ("b", "b"), ("c", "c")] {
        bot.write(&format!("right/{name}.json"), osv(&format!("GHSA-aaaa-aaaa-000{name}"), package).as_bytes());
    }
    // One record is gone, one is about another package, one is new.
    for (name, package) in [("b", "b"), ("c", "harmless"), ("d", "d")] {
        bot.write(&format!("swapped/{name}.json"), osv(&format!("GHSA-aaaa-aaaa-000{name}"), package).as_bytes());
    }
    let (right, swapped) = (bot.path("right").display().to_string(), bot.path("swapped").display().to_string());
    run(&bot, &["db", "import", &right]).expect_code(0);
    let same = run(&bot, &["db", "verify", "--against", &right]);
    assert!(same.expect_code(0).stdout.contains("3 records are as in the sources"), "{}", same.stdout);

    run(&bot, &["db", "import", &swapped]).expect_code(0);
    run(&bot, &["db", "verify"]).expect_code(0);
    let other = run(&bot, &["db", "verify", "--against", &right]);
    other.expect_code(1);
    for line in [
        "1 record is as in the sources",
        "1 missing in the index: osv GHSA-aaaa-aaaa-000a",
        "1 only in the index: osv GHSA-aaaa-aaaa-000d",
        "1 changed in the index: osv GHSA-aaaa-aaaa-000c",
    ] {
        assert!(other.stdout.contains(line), "{line}\n{}", other.stdout);
    }
    // Against another index, which stands for its sources.
    let index = bot.path("shelf/advisories/imported.ppdb").display().to_string();
    run(&bot, &["db", "verify", "--against", &index]).expect_code(0);
    run(&bot, &["db", "verify", "--against", "absent"]).expect_code(2);
}

#[test]
fn one_of_several_sources_is_compared_by_what_it_says_itself() {
    let bot = Bot::without_forge();
    let mut flaw: Value = serde_json::from_str(&osv("GHSA-aaaa-aaaa-aaaa", "demo")).expect("JSON");
    flaw["aliases"] = json!(["CVE-2026-1000"]);
    bot.write("osv/a.json", flaw.to_string().as_bytes());
    // It calls the same flaw by one more name, which a merged flaw then has.
    let record = "```toml\n[advisory]\nid = \"RUSTSEC-2026-0001\"\npackage = \"demo\"\ndate = \"2026-11-20\"\n\
        aliases = [\"CVE-2026-1000\", \"CVE-2026-2000\"]\n[versions]\npatched = [\">= 1.2.0\"]\n```\n\n# It is broken\n\nText.\n";
    bot.write("rustsec/crates/demo/RUSTSEC-2026-0001.md", record.as_bytes());
    let exploited = |id: &str| json!({"title": "x", "vulnerabilities": [{"cveID": id}]}).to_string();
    bot.write("known_exploited_vulnerabilities.json", exploited("CVE-2026-2000").as_bytes());
    let place = |name: &str| bot.path(name).display().to_string();
    let (osv, rustsec, kev) = (place("osv"), place("rustsec"), place("known_exploited_vulnerabilities.json"));
    run(&bot, &["db", "import", &osv, &rustsec, &kev]).expect_code(0);
    for (against, told, code) in [
        (&[&osv][..], "not compared: 1 record of `rustsec`", 4),
        (&[&rustsec, &kev], "not compared: 1 record of `osv`", 4),
        (&[&osv, &rustsec], "not compared: ratings of `kev`", 4),
        (&[&osv, &rustsec, &kev], "2 records are as in the sources", 0),
    ] {
        let arguments = ["db", "verify", "--against"].into_iter().chain(against.iter().map(|it| it.as_str()));
        let same = run(&bot, &arguments.collect::<Vec<_>>());
        assert!(same.expect_code(code).stdout.contains(told), "{against:?}\n{}", same.stdout);
        assert!(same.stdout.lines().all(|line| line.chars().count() <= 80), "{}", same.stdout);
    }
    // An alias that one source no longer has, and a flaw that is no longer known to be exploited, are still seen.
    flaw["aliases"] = json!(["CVE-2026-2000"]);
    bot.write("osv/a.json", flaw.to_string().as_bytes());
    let changed = run(&bot, &["db", "verify", "--against", &osv]);
    assert!(
        changed.expect_code(1).stdout.contains("changed in the index: osv GHSA-aaaa-aaaa-aaaa"),
        "{}",
        changed.stdout
    );
    bot.write("known_exploited_vulnerabilities.json", exploited("CVE-2026-9999").as_bytes());
    let rated = run(&bot, &["db", "verify", "--against", &rustsec, &kev]);
    assert!(rated.expect_code(1).stdout.contains("1 only in the index: kev "), "{}", rated.stdout);
}

#[test]
fn a_call_that_compares_nothing_says_what_to_write_instead() {
    let bot = Bot::without_forge();
    bot.write("adv/a.json", osv("GHSA-aaaa-aaaa-aaaa", "a").as_bytes());
    let adv = bot.path("adv").display().to_string();
    run(&bot, &["db", "import", &adv]).expect_code(0);
    let index = bot.path("shelf/advisories/imported.ppdb").display().to_string();
    let address = run(&bot, &["db", "verify", "--against", "https://user:secret@a.example/all.zip"]);
    let said = &address.expect_code(2).stderr;
    assert!(said.contains("it is an address") && said.contains("name files and folders"), "{said}");
    assert!(!said.contains("--offline") && !said.contains("secret"), "{said}");
    let turned = run(&bot, &["db", "verify", "--against", &adv, &index]);
    assert!(turned.expect_code(2).stderr.contains("`patchparty db verify INDEX --against PATH…`"), "{}", turned.stderr);
    run(&bot, &["db", "verify", &index, "--against", &adv]).expect_code(0);
}

#[test]
fn an_imported_index_names_its_sources_and_says_when_they_are_not_the_policys() {
    let bot = Bot::without_forge();
    bot.write("adv/a.json", osv("GHSA-aaaa-aaaa-aaaa", "a").as_bytes());
    bot.write("shop/package-lock.json", br#"{"lockfileVersion": 3, "packages": {}}"#);
    let source =
        |kind: &str| format!("[[advisories.source]]\nkind = \"{kind}\"\nlocation = \"https://a.example/{kind}.zip\"\n");
    let fitting = bot.write("fitting.toml", source("osv").as_bytes()).display().to_string();
    let more = bot.write("more.toml", (source("osv") + &source("rustsec")).as_bytes()).display().to_string();
    let (adv, shop) = (bot.path("adv").display().to_string(), bot.path("shop").display().to_string());
    run(&bot, &["db", "import", &adv]).expect_code(0);
    let sources = |policy: &str| -> Value {
        let audit = run(&bot, &["audit", &shop, "--offline", "--config", policy, "--format", "json"]);
        audit.json()["sources"].clone()
    };
    let named = sources(&fitting);
    assert_eq!(
        (&named[0]["id"], &named[0]["location"], &named[0]["warning"]),
        (&json!("osv"), &json!(adv), &Value::Null)
    );
    assert!(named[0]["digest"].as_str().is_some_and(|digest| digest.len() == 64), "{named}");
    let warning = sources(&more)[0]["warning"].as_str().unwrap_or_default().to_owned();
    assert!(
        warning.contains("it has no `rustsec`, which the policy names") && warning.contains("osv (1 from"),
        "{warning}"
    );
    let status = run(&bot, &["db", "status", "--config", &more]);
    assert!(status.expect_code(0).stdout.contains("rustsec"), "{}", status.stdout);
}
