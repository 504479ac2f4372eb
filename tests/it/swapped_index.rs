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
        "1 records are as in the sources",
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
