//! Flaws that a bot is told of, and small projects that it audits.

use serde_json::{Value, json};

use super::bot::{Bot, Outcome};

/// A record of OSV: a flaw of a package in every version below `fixed`.
pub(crate) fn flaw(number: usize, (ecosystem, name): (&str, &str), fixed: &str) -> Value {
    json!({
        "schema_version": "1.6.0",
        "id": format!("GHSA-0000-0000-000{number}"),
        "modified": "2026-01-01T00:00:00Z",
        "published": "2026-01-01T00:00:00Z",
        "summary": "It is bad",
        "affected": [{
            "package": { "ecosystem": ecosystem, "name": name },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }],
    })
}

/// A bot that knows these records and no other.
pub(crate) fn bot_that_knows(records: impl IntoIterator<Item = Value>) -> Bot {
    let mut bot = Bot::without_forge();
    for record in records {
        let id = record["id"].as_str().expect("a record has an id");
        bot.write(&format!("known/{id}.json"), record.to_string().as_bytes());
    }
    bot.learn(bot.path("known"));
    bot
}

/// Audits a project of these files, and gives its part of the report as well.
pub(crate) fn audit<C: AsRef<[u8]>>(bot: &Bot, files: &[(&str, C)]) -> (Outcome, Value) {
    for (name, content) in files {
        bot.write(&format!("work/project/{name}"), content.as_ref());
    }
    let folder = bot.path("work/project");
    let outcome = bot.run(&["audit", folder.to_str().expect("UTF-8"), "--offline", "--format", "json"]);
    std::fs::remove_dir_all(folder).expect("it was just written");
    let project = outcome.json()["projects"][0].clone();
    (outcome, project)
}

/// One text of every item of a list of the report.
pub(crate) fn texts(project: &Value, list: &str, key: &str) -> Vec<String> {
    let items = project[list].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item[key].as_str().unwrap_or_default().to_owned()).collect()
}
