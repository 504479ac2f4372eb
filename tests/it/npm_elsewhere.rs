//! npm projects that take packages from elsewhere than the registry: nobody asks there, and everything else is updated.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::GitHub;

/// What stands in a folder outside of every repository.
const SECRET: &str = "root-x-0-0-CANARY-ELSEWHERE";
/// A checksum in the right form.
const SUM: &str =
    "sha512-MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA==";

/// A project: its name, what is laid over the manifest, and what over the lockfile's packages.
type Case = (&'static str, Value, Value);

/// Lays values over others: objects are merged, everything else is replaced.
fn lay_over(value: &mut Value, over: &Value) {
    match (value, over) {
        (Value::Object(fields), Value::Object(added)) => {
            for (name, added) in added {
                lay_over(fields.entry(name.clone()).or_insert(Value::Null), added);
            }
        }
        (value, over) => *value = over.clone(),
    }
}

/// Everything that can lead elsewhere and is locked, each in a project of its own. `x` needs `ms`, which has a copy in its
/// folder where there is another one above.
fn cases(sink: &str, outside: &str) -> Vec<Case> {
    let commit = "0a".repeat(20);
    let (git, archive) = (format!("git+http://{sink}/x.git#{commit}"), format!("http://{sink}/x.tgz"));
    let resolved = git.clone();
    let ms = json!({"version": "2.1.2", "integrity": SUM});
    let of_git = json!({"version": "1.2.3", "resolved": resolved, "license": "MIT", "dependencies": {"ms": "^2"}, "bin": {"x": "x.js"}});
    let of_archive = json!({"version": "1.2.3", "resolved": archive, "integrity": SUM, "hasInstallScript": true});
    let root = |section: &str, written: &str| {
        let manifest = json!({section: {"x": written}});
        (manifest.clone(), json!({"": manifest}))
    };
    let case = |name, (manifest, mut packages): (Value, Value), over: Value| -> Case {
        lay_over(&mut packages, &over);
        (name, manifest, packages)
    };
    let registry = json!({"version": "1.2.3", "resolved": format!("http://{sink}/x/-/x-1.2.3.tgz"), "integrity": SUM});
    let holder =
        |written: &str| json!({"version": "1.0.0", "integrity": SUM, "dependencies": {"x": written, "ms": "1"}});
    vec![
        case("git", root("dependencies", &git), json!({"node_modules/ms": ms, "node_modules/x": of_git})),
        case(
            "hosted",
            root("dependencies", &format!("owner/x#{commit}")),
            json!({"node_modules/ms": ms, "node_modules/x": of_git}),
        ),
        case("archive", root("optionalDependencies", &archive), {
            let mut entry = of_archive.clone();
            entry["optional"] = json!(true);
            json!({"node_modules/x": entry})
        }),
        case("file", root("devDependencies", "file:x.tgz"), {
            json!({"node_modules/x": {"version": "1.2.3", "resolved": "file:x.tgz", "integrity": SUM, "dev": true}})
        }),
        case("host", root("dependencies", "^1.0.0"), json!({"node_modules/x": registry})),
        case("alias", root("dependencies", "npm:@corp/x@^1.0.0"), {
            let mut entry = registry.clone();
            entry["name"] = json!("@corp/x");
            json!({"node_modules/x": entry})
        }),
        case("below", (json!({"dependencies": {"y": "1.0.0"}}), json!({"": {"dependencies": {"y": "1.0.0"}}})), {
            json!({
                "node_modules/ms": {"version": "1.0.0", "integrity": SUM}, "node_modules/x": of_git,
                "node_modules/x/node_modules/ms": ms, "node_modules/y": holder("github:owner/x"),
            })
        }),
        case("override", root("dependencies", "$x"), json!({"node_modules/ms": ms, "node_modules/x": of_git})),
        case("unversioned", root("dependencies", &git), json!({"node_modules/x": {"resolved": resolved}})),
        case("outside", root("dependencies", &format!("file:{outside}")), {
            json!({
                (outside): {"name": "x", "version": "1.2.3"}, "node_modules/x": {"resolved": outside, "link": true},
            })
        }),
    ]
}

/// The project of the fixtures with what a case lays over it, as JSON: manifest and lockfile.
fn project(case: &Case, git: &str) -> (Value, Value) {
    let read = |name: &str| -> Value { serde_json::from_slice(&fixtures::file("npm", name)).expect("it is JSON") };
    let (mut manifest, mut lock) = (read("package.json"), read("package-lock.json"));
    let (name, over_manifest, over_packages) = case;
    lay_over(&mut manifest, over_manifest);
    lay_over(&mut lock["packages"], over_packages);
    if *name == "override" {
        manifest["overrides"] = json!({"x": git});
        manifest["dependencies"]["x"] = json!(git);
        lock["packages"][""]["dependencies"]["x"] = json!(git);
    }
    lock["packages"].as_object_mut().expect("it is an object").sort_keys();
    (manifest, lock)
}

/// The packages of a lockfile that are not the one with the flaw.
fn others(lock: &Value) -> Value {
    let mut lock = lock.clone();
    for list in ["packages", "dependencies"] {
        if let Some(packages) = lock.get_mut(list).and_then(Value::as_object_mut) {
            packages.retain(|path, _| !path.ends_with("lodash"));
        }
    }
    lock
}

fn sink() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.set_nonblocking(true).expect("a listener can be asked");
    let address = format!("127.0.0.1:{}", listener.local_addr().expect("it is bound").port());
    (listener, address)
}

#[test]
fn what_comes_from_elsewhere_and_is_not_touched_keeps_no_fix_from_landing() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, (listener, sink)) = (GitHub::start(), sink());
    let bot = Bot::new(&github);
    let manifest = json!({"name": "x", "version": "9.9.9", "license": SECRET, "dependencies": {SECRET: "1"}});
    bot.write("outside/package.json", manifest.to_string().as_bytes());
    let git = format!("git+http://{sink}/x.git#{}", "0a".repeat(20));
    let cases = cases(&sink, "../../outside");
    for case in &cases {
        let (manifest, lock) = project(case, &git);
        let write = |value: &Value| serde_json::to_vec_pretty(value).expect("it is JSON");
        let repository = github.repository("acme", case.0).file("package.json", write(&manifest));
        repository.file("package-lock.json", write(&lock)).commit();
    }
    let night = bot.run(&["run", "--org", "acme", "--format", "json"]);
    for case in &cases {
        let (slug, (manifest, before)) = (format!("acme/{}", case.0), project(case, &git));
        assert_eq!(night.actions(&slug), ["opened"], "{slug}: {}", night.explanation(&slug));
        let branch = github.only_pull(&slug).head;
        let read =
            |path: &str| -> Value { serde_json::from_str(&github.text(&slug, &branch, path)).expect("it is JSON") };
        let after = read("package-lock.json");
        assert_eq!(after["packages"]["node_modules/lodash"]["version"], "4.17.21", "{slug}");
        assert_eq!(others(&after), others(&before), "{slug}");
        assert_eq!(read("package.json"), manifest, "{slug}");
    }
    assert!(listener.accept().is_err(), "somebody has asked elsewhere");
    for text in [&night.stdout, &night.stderr] {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert_eq!(bot.files_with(SECRET), ["outside/package.json"]);
    github.finish();
}

/// The same in the older versions of the format.
#[test]
fn older_lockfiles_with_packages_from_elsewhere_keep_their_form() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, (listener, sink)) = (GitHub::start(), sink());
    let bot = Bot::new(&github);
    let git = format!("git+http://{sink}/x.git#{}", "0a".repeat(20));
    let manifest = json!({"name": "shop", "version": "1.0.0", "dependencies": {"lodash": "^4.17.15", "x": git}});
    let lodash = json!({"version": "4.17.20", "integrity": fixture_sum()});
    let nested = json!({
        "lodash": lodash,
        "ms": {"version": "1.0.0", "integrity": SUM},
        "x": {
            "version": git, "from": git, "requires": {"ms": "^2"},
            "dependencies": {"ms": {"version": "2.1.2", "integrity": SUM}}
        },
        "y": {"version": "1.0.0", "integrity": SUM, "requires": {"ms": "1", "x": "owner/x"}},
    });
    let manifest_with_y = {
        let mut manifest = manifest.clone();
        manifest["dependencies"]["y"] = json!("1.0.0");
        manifest
    };
    let head = |version: u64| json!({"name": "shop", "version": "1.0.0", "lockfileVersion": version, "requires": true});
    let mut first = head(1);
    first["dependencies"] = nested.clone();
    let mut second = head(2);
    second["packages"] = json!({
        "": manifest_with_y,
        "node_modules/lodash": lodash,
        "node_modules/ms": {"version": "1.0.0", "integrity": SUM},
        "node_modules/x": {"version": "1.2.3", "resolved": git, "dependencies": {"ms": "^2"}},
        "node_modules/x/node_modules/ms": {"version": "2.1.2", "integrity": SUM},
        "node_modules/y": {"version": "1.0.0", "integrity": SUM, "dependencies": {"ms": "1", "x": "owner/x"}},
    });
    second["dependencies"] = nested;
    for (name, lock) in [("first", &first), ("second", &second)] {
        let repository = github.repository("acme", name).file("package.json", manifest_with_y.to_string());
        repository.file("package-lock.json", serde_json::to_vec_pretty(lock).expect("it is JSON")).commit();
    }
    let night = bot.run(&["run", "--org", "acme", "--format", "json"]);
    for (name, before) in [("first", &first), ("second", &second)] {
        let slug = format!("acme/{name}");
        assert_eq!(night.actions(&slug), ["opened"], "{slug}: {}", night.explanation(&slug));
        let after = github.text(&slug, &github.only_pull(&slug).head, "package-lock.json");
        let after: Value = serde_json::from_str(&after).expect("it is JSON");
        assert_eq!(after["dependencies"]["lodash"]["version"], "4.17.21", "{slug}");
        assert_eq!(others(&after), others(before), "{slug}");
    }
    assert!(listener.accept().is_err(), "somebody has asked elsewhere");
    github.finish();
}

/// The checksum of the release with the flaw.
fn fixture_sum() -> Value {
    let lock: Value = serde_json::from_slice(&fixtures::file("npm", "package-lock.json")).expect("it is JSON");
    lock["packages"]["node_modules/lodash"]["integrity"].clone()
}
