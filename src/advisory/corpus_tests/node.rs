//! The Node security working group's records, converted to OSV and compared with npm's own range grammar on every package
//! that the real package locks name.

use std::collections::BTreeSet;
use std::path::Path;

use nodejs_semver::{Range, Version};
use serde_json::{Value, json};

use super::{shared, source};
use crate::advisory::bounds::bounded;
use crate::advisory::contract::RecordFile;
use crate::advisory::database::AdvisoryDatabase;
use crate::model::ecosystem::Ecosystem;

/// A record as the working group wrote it, and as OSV writes it; `None` for a range that has no plain meaning.
fn osv_of(record: &Value) -> Option<Value> {
    let name = record["module_name"].as_str()?;
    let ranges = record["vulnerable_versions"].as_str()?.split("||").map(events).collect::<Option<Vec<_>>>()?;
    let ranges: Vec<_> = ranges.into_iter().map(|events| json!({"type": "SEMVER", "events": events})).collect();
    let severity = record["cvss_vector"].as_str().map(|vector| json!([{"type": "CVSS_V3", "score": vector}]));
    Some(json!({
        "id": format!("NSWG-ECO-{}", record["id"]),
        "modified": format!("{}T00:00:00Z", record["updated_at"].as_str().unwrap_or("2018-01-01")),
        "aliases": record["cves"],
        "summary": record["title"],
        "details": record["overview"],
        "severity": severity,
        "affected": [{"package": {"ecosystem": "npm", "name": name}, "ranges": ranges}],
    }))
}

/// The events of comparisons that must all hold.
fn events(comparisons: &str) -> Option<Vec<Value>> {
    let mut introduced = "0".to_owned();
    let mut end = None;
    let mut rest = comparisons.trim();
    while !rest.is_empty() && rest != "*" {
        let (operator, after) = rest.split_at(rest.find(|character: char| !"<>=~".contains(character))?);
        let after = after.trim_start();
        let length = after.find([' ', '<', '>', '=', '~']).unwrap_or(after.len());
        let (version, following) = after.split_at(length);
        rest = following.trim_start();
        let version: Version = version.parse().ok()?;
        let next = |major: u64, minor: u64, patch: u64| format!("{major}.{minor}.{patch}-0");
        match operator {
            ">=" => introduced = version.to_string(),
            ">" => introduced = next(version.major(), version.minor(), version.patch() + 1),
            "<" => end = Some(json!({"fixed": version.to_string()})),
            "<=" => end = Some(json!({"last_affected": version.to_string()})),
            "~" => {
                introduced = version.to_string();
                end = Some(json!({"fixed": next(version.major(), version.minor() + 1, 0)}));
            }
            "" | "=" => {
                introduced = version.to_string();
                end = Some(json!({"last_affected": version.to_string()}));
            }
            _ => return None,
        }
    }
    Some(std::iter::once(json!({"introduced": introduced})).chain(end).collect())
}

fn records(folder: &Path) -> Vec<Value> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten();
    let files = files.filter(|entry| entry.path().extension().is_some_and(|end| end == "json"));
    files.filter_map(|entry| serde_json::from_slice(&std::fs::read(entry.path()).unwrap()).ok()).collect()
}

/// Every package with its version, of all package locks of any version.
fn locked(folder: &Path) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        let Ok(lock) = serde_json::from_slice::<Value>(&std::fs::read(entry.path()).unwrap()) else { continue };
        for (path, package) in lock["packages"].as_object().into_iter().flatten() {
            if let (Some((_, name)), Some(version)) = (path.rsplit_once("node_modules/"), package["version"].as_str()) {
                all.insert((name.to_owned(), version.to_owned()));
            }
        }
        let mut trees = vec![&lock["dependencies"]];
        while let Some(tree) = trees.pop() {
            for (name, package) in tree.as_object().into_iter().flatten() {
                all.extend(package["version"].as_str().map(|version| (name.clone(), version.to_owned())));
                trees.push(&package["dependencies"]);
            }
        }
    }
    all
}

#[test]
fn what_the_working_group_wrote_matches_real_package_locks() {
    let (Some(advisories), Some(corpus)) = (shared("advisories"), shared("corpus")) else { return };
    let records = records(&advisories.join("npm-security-wg"));
    let converted: Vec<(&Value, Value)> = records.iter().filter_map(|record| Some((record, osv_of(record)?))).collect();
    println!("{} of {} records have ranges with a plain meaning", converted.len(), records.len());
    assert!(converted.len() * 100 >= records.len() * 95);

    let list = serde_json::to_vec(&converted.iter().map(|(_, osv)| osv).collect::<Vec<_>>()).unwrap();
    let reading = source("osv").read(&RecordFile { path: "all.json", content: &list }).unwrap();
    assert_eq!((reading.advisories.len(), reading.skipped, reading.foreign), (converted.len(), 0, 0));
    let database =
        AdvisoryDatabase::new(reading.advisories.into_iter().filter_map(|it| bounded(it).advisory).collect());

    for (package, version, record, is_affected) in [
        ("lodash", "4.17.4", "CVE-2018-3721", true),
        ("lodash", "4.17.5", "CVE-2018-3721", false),
        ("lodash", "4.17.10", "CVE-2018-16487", true),
        ("lodash", "4.17.11", "CVE-2018-16487", false),
        ("lodash", "4.17.14", "NSWG-ECO-516", false),
        ("lodash", "4.17.15", "NSWG-ECO-516", true),
        ("lodash", "4.17.19", "NSWG-ECO-516", false),
        ("marked", "0.3.3", "CVE-2015-8854", true),
        ("marked", "0.3.4", "CVE-2015-8854", false),
        ("tough-cookie", "0.9.6", "CVE-2016-1000232", false),
        ("tough-cookie", "2.2.2", "CVE-2016-1000232", true),
        ("tough-cookie", "2.3.0", "CVE-2016-1000232", false),
        ("ms", "0.7.0", "CVE-2015-8315", true),
        ("ms", "0.7.1", "CVE-2015-8315", false),
    ] {
        let found = database.affecting(Ecosystem::Npm, package, version);
        assert_eq!(found.iter().any(|found| found.flaw.id.as_str() == record), is_affected, "{record} at {version}");
    }

    let (mut asked, mut affected) = (0, 0);
    let sets = ["real", "history", "fixtures"].map(|set| locked(&corpus.join(set).join("npm-package-lock")));
    for (package, version) in sets.into_iter().flatten().collect::<BTreeSet<_>>() {
        // npm's ranges leave pre-releases out, advisories do not.
        let Ok(parsed) = version.parse::<Version>() else { continue };
        if parsed.is_prerelease() {
            continue;
        }
        let about = converted.iter().filter(|(record, _)| record["module_name"] == package.as_str());
        let expected: BTreeSet<String> = about
            .filter(|(record, _)| {
                let range = record["vulnerable_versions"].as_str().and_then(|range| range.parse::<Range>().ok());
                range.is_some_and(|range| range.satisfies(&parsed))
            })
            .map(|(_, osv)| osv["id"].as_str().unwrap().to_owned())
            .collect();
        let found = database.affecting(Ecosystem::Npm, &package, &version);
        let found: BTreeSet<String> =
            found.iter().flat_map(|found| &found.flaw.records).map(|record| record.id.to_string()).collect();
        assert_eq!(found, expected, "{package} {version}");
        asked += 1;
        affected += usize::from(!found.is_empty());
    }
    println!("{asked} locked versions asked, {affected} of them affected");
    assert!(asked > 1_000 && affected > 0);
}
