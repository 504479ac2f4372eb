//! Lockfiles that fit and such that do not. Where a comment names a tool, it wrote them; the others have its form.

use super::super::contract::testing::inspect;
use super::*;

fn stale(files: &[(&str, &str)]) -> Vec<String> {
    let findings = inspect(&StaleLockfile, files, &[]);
    findings.into_iter().map(|finding| format!("{}:{}", finding.line, finding.detail.unwrap())).collect()
}

fn assert_fits(files: &[(&str, &str)]) {
    assert_eq!(stale(files), Vec::<String>::new(), "{files:?}");
}

#[test]
fn cargo_locks_every_request() {
    let lock = "version = 4\n[[package]]\nname = \"x\"\nversion = \"0.1.0\"\n[[package]]\nname = \"serde-json\"\nversion = \"1.0.5\"\nsource = \"registry+https://registry.example\"\n";
    let manifest = |dependencies: &str| format!("[package]\nname = \"x\"\n{dependencies}");
    let of = |dependencies: &str| stale(&[("Cargo.toml", &manifest(dependencies)), ("Cargo.lock", lock)]);
    for fits in [
        "[dependencies]\nserde-json = \"1\"\n",
        "[dependencies]\nserde_json = \">=1.0.2, <2\"\n",
        "[target.'cfg(unix)'.dev-dependencies]\njson = { package = \"serde-json\", git = \"https://x\" }\n",
        "[dependencies]\nserde-json = { workspace = true }\n[workspace.dependencies]\nserde-json = \"1.0\"\n",
    ] {
        assert_eq!(of(fits), Vec::<String>::new(), "{fits}");
    }
    assert_eq!(of("[dependencies]\nserde = \"1\"\n"), ["1:`serde`, which a Cargo.toml asks for, is not in it"]);
    assert_eq!(
        of("[dependencies]\nserde-json = \"1.0.9\"\n"),
        ["6:it has `serde-json` 1.0.5, Cargo.toml asks for `1.0.9`"]
    );
    assert_eq!(
        of("[dependencies]\nserde-json = { workspace = true }\n[workspace.dependencies]\nserde-json = \"2\"\n").len(),
        1
    );
    assert_fits(&[("Cargo.lock", lock)]);
    assert_fits(&[("Cargo.lock", "<<<<"), ("Cargo.toml", &manifest("[dependencies]\na = \"1\"\n"))]);
}

#[test]
fn members_of_a_cargo_workspace_are_compared() {
    let lock = "[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n";
    let root = ("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n");
    let member = |dependencies: &str| format!("[package]\nname = \"a\"\n{dependencies}");
    let of = |text: &str, file: &str| stale(&[root, (file, text), ("Cargo.lock", lock)]).len();
    assert_eq!(of(&member("[dependencies]\nserde = \"1\"\n"), "a/Cargo.toml"), 1);
    assert_eq!(of(&member("[dependencies]\nserde = { version = \"1\", optional = true }\n"), "a/Cargo.toml"), 0);
    assert_eq!(of(&member("[dev-dependencies]\nserde = \"1\"\n"), "a/Cargo.toml"), 0);
    assert_eq!(of("[package]\nname = \"b\"\n[dependencies]\nserde = \"1\"\n", "b/Cargo.toml"), 0, "no member");
    let own = [
        root,
        ("a/Cargo.toml", &member("[dependencies]\nserde = \"1\"\n")),
        ("Cargo.lock", lock),
        ("a/Cargo.lock", "<<<"),
    ];
    assert_fits(&own);
}

/// Written by npm 11.19.1 for the first manifest of the test, without the addresses of its registry.
const PACKAGE_LOCK: &str = r#"{
  "name": "x",
  "lockfileVersion": 3,
  "requires": true,
  "packages": {
    "": {
      "name": "x",
      "dependencies": {
        "left-pad": "^1.1.0"
      },
      "devDependencies": {
        "own": "file:own"
      }
    },
    "node_modules/left-pad": {
      "version": "1.3.0",
      "integrity": "sha512-XI5MPzVNApjAyhQzphX8BkmKsKUxD4LdyK24iZeQGinBN9yTQT3bFlCBy/aVx2HrNcqQGsdot8ghrjyrvMCoEA==",
      "license": "WTFPL"
    },
    "node_modules/own": {
      "resolved": "own",
      "link": true
    },
    "own": {
      "version": "1.0.0",
      "dev": true
    }
  }
}"#;

#[test]
fn npm_locks_every_request() {
    let of = |manifest: &str| stale(&[("package.json", manifest), ("package-lock.json", PACKAGE_LOCK)]);
    let locked = r#"{"name": "x", "dependencies": {"left-pad": "^1.1.0"}, "devDependencies": {"own": "file:own"}}"#;
    assert_eq!(of(locked), Vec::<String>::new());
    let fits = r#"{"dependencies": {"left-pad": "^1.2.0"}, "devDependencies": {"own": "file:own"}}"#;
    assert_eq!(of(fits), Vec::<String>::new(), "npm takes a range that what is locked meets");
    assert_eq!(
        of(r#"{"dependencies": {"left-pad": "^2.0.0"}, "devDependencies": {"own": "file:own"}}"#),
        ["15:it has `left-pad` 1.3.0, package.json asks for `^2.0.0`"]
    );
    assert_eq!(
        of(r#"{"dependencies": {"left-pad": "1", "right-pad": "1"}, "devDependencies": {"own": "*"}}"#),
        ["1:`right-pad`, which package.json asks for, is not in it"]
    );
    assert_eq!(of(r#"{"dependencies": {"left-pad": "1"}}"#), ["1:it asks for `own`, package.json does not"]);
    let overridden = r#"{"dependencies": {"left-pad": "2", "own": "*"}, "overrides": {"left-pad": "1.3.0"}}"#;
    assert_eq!(of(overridden), Vec::<String>::new());
    let legacy = r#"{"lockfileVersion": 1, "dependencies": {"left-pad": {"version": "1.3.0"}}}"#;
    let old = |manifest: &str| stale(&[("package.json", manifest), ("npm-shrinkwrap.json", legacy)]).len();
    assert_eq!((old(r#"{"dependencies": {"left-pad": "1"}}"#), old(r#"{"dependencies": {"x": "1"}}"#)), (0, 1));
}

#[test]
fn pnpm_keeps_what_was_asked_for() {
    let lock = "lockfileVersion: '9.0'\nsettings:\n  autoInstallPeers: true\nimporters:\n  .:\n    dependencies:\n      left-pad:\n        specifier: ^1.1.0\n        version: 1.3.0\n  web:\n    devDependencies:\n      x:\n        specifier: workspace:*\n        version: link:../x\npackages:\n  left-pad@1.3.0: {}\n";
    let of = |manifest: &str| stale(&[("package.json", manifest), ("pnpm-lock.yaml", lock)]);
    assert_eq!(of(r#"{"dependencies": {"left-pad": "^1.1.0"}}"#), Vec::<String>::new());
    assert_eq!(
        of(r#"{"dependencies": {"left-pad": "^1.2.0"}}"#),
        ["8:it has `left-pad` for `^1.1.0`, package.json asks for `^1.2.0`"]
    );
    assert_eq!(of(r#"{"dependencies": {"x": "1"}}"#), ["1:`x`, which package.json asks for, is not in it"]);
    assert_eq!(of(r#"{"dependencies": {"x": "1"}, "pnpm": {"overrides": {}}}"#), Vec::<String>::new());
    let web = [("web/package.json", r#"{"dependencies": {"y": "1"}}"#), ("pnpm-lock.yaml", lock)];
    assert_eq!(stale(&web), ["1:`y`, which web/package.json asks for, is not in it"]);
    let hooked = format!("pnpmfileChecksum: abc\n{lock}");
    assert_fits(&[("package.json", r#"{"dependencies": {"x": "1"}}"#), ("pnpm-lock.yaml", &hooked)]);
    let old = "lockfileVersion: 5.4\nspecifiers:\n  left-pad: ^1.1.0\ndependencies:\n  left-pad: 1.3.0\n";
    assert_fits(&[("package.json", r#"{"dependencies": {"left-pad": "^1.1.0"}}"#), ("pnpm-lock.yaml", old)]);
    assert_eq!(stale(&[("package.json", r#"{"dependencies": {"left-pad": "1"}}"#), ("pnpm-lock.yaml", old)]).len(), 1);
}

#[test]
fn yarn_has_a_key_for_every_request() {
    let classic = "# yarn lockfile v1\n\n\"@a/b@^1.0.0\", \"@a/b@^1.1.0\":\n  version \"1.2.0\"\n\nleft-pad@^1.1.0:\n  version \"1.3.0\"\n";
    let berry = "__metadata:\n  version: 8\n\n\"left-pad@npm:^1.1.0, left-pad@npm:^1.2.0\":\n  version: 1.3.0\n";
    let of = |lock: &str, manifest: &str| stale(&[("package.json", manifest), ("yarn.lock", lock)]);
    assert!(of(classic, r#"{"dependencies": {"@a/b": "^1.1.0", "left-pad": "^1.1.0"}}"#).is_empty());
    assert!(of(berry, r#"{"dependencies": {"left-pad": "^1.2.0"}}"#).is_empty());
    let expected = ["1:`left-pad@^2.0.0`, which package.json asks for, is not in it"];
    for lock in [classic, berry] {
        assert_eq!(of(lock, r#"{"dependencies": {"left-pad": "^2.0.0"}}"#), expected);
        assert!(of(lock, r#"{"dependencies": {"left-pad": "^2.0.0"}, "resolutions": {}}"#).is_empty());
        assert!(of(lock, r#"{"dependencies": {"own": "file:own", "tagged": "latest"}}"#).is_empty());
    }
}

#[test]
fn composer_knows_its_manifest_by_a_hash() {
    // The hash is what Composer 2.5.5 wrote for this manifest, escapes and empty members included.
    let manifest = r#"{
    "name": "acme/x",
    "repositories": [{"packagist": false}, {"type": "path", "url": "pkg", "options": {"symlink": false}}],
    "require": {"acme/log": "^3.0", "php": ">=7.2.5"},
    "config": {"sort-packages": true, "platform": {"php": "8.2.0"}, "allow-plugins": {}},
    "extra": {"é": "ü/x", "empty": {}, "list": []},
    "minimum-stability": "stable"
}
"#;
    let lock = "{\n    \"content-hash\": \"261856fb58a2bfb88dd4ca76bf2208be\"\n}\n";
    assert_fits(&[("composer.json", manifest), ("composer.lock", lock)]);
    let changed = manifest.replace("^3.0", "^3.1");
    let expected = ["2:its content hash is that of another composer.json"];
    assert_eq!(stale(&[("composer.json", &changed), ("composer.lock", lock)]), expected);
    assert_fits(&[("composer.json", &changed), ("composer.lock", "{\"hash\": \"old\"}")]);
    assert_fits(&[("composer.json", &changed.replace("[]", "1.50")), ("composer.lock", lock)]);
}

#[test]
fn uv_keeps_what_was_asked_for() {
    let lock = "version = 1\n[[package]]\nname = \"x\"\nversion = \"0.1.0\"\nsource = { virtual = \".\" }\n[package.metadata]\nrequires-dist = [\n    { name = \"flask\", specifier = \">=2,<3\" },\n    { name = \"own\", editable = \"own\" },\n    { name = \"pytest\", marker = \"extra == 'dev'\" },\n]\n";
    let of = |dependencies: &str| {
        let manifest =
            format!("[project]\nname = \"x\"\n{dependencies}\n[project.optional-dependencies]\ndev = [\"pytest\"]\n");
        stale(&[("pyproject.toml", &manifest), ("uv.lock", lock)])
    };
    assert_eq!(of("dependencies = [\"Flask <3, >=2\", \"own>=1\"]"), Vec::<String>::new());
    assert_eq!(
        of("dependencies = [\"flask>=2\", \"own\"]"),
        ["7:it has `flask` for `<3,>=2`, pyproject.toml asks for `>=2`"]
    );
    assert_eq!(
        of("dependencies = [\"flask>=2,<3\", \"own\", \"django\"]"),
        ["1:`django`, which pyproject.toml asks for, is not in it"]
    );
    assert_eq!(of("dependencies = [\"flask>=2,<3\"]"), ["7:it asks for `own`, pyproject.toml does not"]);
    assert_eq!(of("dynamic = [\"dependencies\"]"), Vec::<String>::new());
}

#[test]
fn go_has_a_hash_for_every_requirement() {
    let sums = "example.org/a v1.0.0 h1:x=\nexample.org/a v1.0.0/go.mod h1:x=\nexample.org/b v1.1.0/go.mod h1:x=\n";
    let of = |manifest: &str| stale(&[("go.mod", manifest), ("go.sum", sums)]);
    let fits = "module x\ngo 1.24\nrequire example.org/a v1.0.0\nrequire (\n\texample.org/b v1.1.0 // indirect\n)\n";
    assert_eq!(of(fits), Vec::<String>::new());
    let expected = ["1:`example.org/b v1.2.0`, which go.mod requires, has no hash in it"];
    assert_eq!(of(&fits.replace("v1.1.0", "v1.2.0")), expected);
    assert!(of(&format!("{}replace example.org/b => ../b\n", fits.replace("v1.1.0", "v1.2.0"))).is_empty());
    assert!(
        of(&format!("{}replace (\n\texample.org/b v1.2.0 => ../b\n)\n", fits.replace("v1.1.0", "v1.2.0"))).is_empty()
    );
    assert!(of(&format!("{fits}exclude (\n\texample.org/z v1.0.0\n)\n")).is_empty());
}

#[test]
fn bundler_lists_what_was_asked_for() {
    let lock = "GEM\n  specs:\n    rails (7.0.0)\n\nDEPENDENCIES\n  own!\n  rails (~> 7.0)\n\nBUNDLED WITH\n   2.4.0\n";
    let of = |manifest: &str| stale(&[("Gemfile", manifest), ("Gemfile.lock", lock)]);
    assert!(of("gem 'rails', '~> 7.0'\ngem 'own', path: 'own'\n").is_empty());
    assert_eq!(of("gem \"rake\"\n"), ["5:`rake`, which the Gemfile asks for, is not in it"]);
    for unsure in ["if x\ngem 'rake'\nend\n", "gem 'rake' if x\n", "gem \"#{x}\"\n", "group :x do\n  gem 'rake'\nend\n"]
    {
        assert!(of(unsure).is_empty(), "{unsure}");
    }
}

#[test]
fn pipenv_knows_its_manifest_by_a_hash() {
    // The hash is that of pipenv 2026.10.3.
    let manifest = r#"[[source]]
url = "https://registry.example/simple"
verify_ssl = true
name = "main"

[packages]
requests = {version = ">=2.0", extras = ["socks", "b"]}
flask = "*"

[dev-packages]
pytest = {markers = "python_version > '3'", version = "*"}

[requires]
python_version = "3.11"

[scripts]
x = "echo"

[pipenv]
allow_prereleases = true
"#;
    let lock = r#"{"_meta": {"hash": {
"sha256": "7c5ee08502e8b5e41bc8098f7abee09229b5518fde611356b001d0adb8d5c5d6"}}}"#;
    assert_fits(&[("Pipfile", manifest), ("Pipfile.lock", lock)]);
    let changed = manifest.replace("flask = \"*\"", "flask = \"==2\"");
    assert_eq!(stale(&[("Pipfile", &changed), ("Pipfile.lock", lock)]), ["2:its hash is that of another Pipfile"]);
    // The hash is that of plette 2.4.0, which pipenv uses.
    let escaped = r#"[[source]]
url = "https://registry.example/simple"
verify_ssl = true
name = "größe😀"

[packages]
flask = {version = "*", markers = "platform_version != 'ü'"}
"#;
    let lock_of_escaped = r#"{"_meta": {"hash": {
"sha256": "c709a0d249b0feb60459524df0eaccb36df57dfdf172047f123b3b929efab77e"}}}"#;
    assert_fits(&[("Pipfile", escaped), ("Pipfile.lock", lock_of_escaped)]);
    assert_eq!(stale(&[("Pipfile", &escaped.replace('ü', "u")), ("Pipfile.lock", lock_of_escaped)]).len(), 1);
    for unsure in [format!("[docs]\nx = \"1\"\n{changed}"), changed.replace("flask", "${X}")] {
        assert_fits(&[("Pipfile", &unsure), ("Pipfile.lock", lock)]);
    }
}

#[test]
fn what_the_tools_write_fits() {
    let npm = r#"{"name": "x", "dependencies": {"left-pad": "^1.1.0", "once": "latest", "al": "npm:ms@^2.0.0"},
"devDependencies": {"ini": ">=4 <6"}, "optionalDependencies": {"fsevents": "^2.3.0"}, "peerDependencies": {"wrappy": "*"}}"#;
    // npm 9 for this manifest, without addresses and hashes.
    let npm_lock = r#"{"lockfileVersion": 3, "packages": {
"": {"dependencies": {"al": "npm:ms@^2.0.0", "left-pad": "^1.1.0", "once": "latest"}, "devDependencies": {"ini": ">=4 <6"},
"optionalDependencies": {"fsevents": "^2.3.0"}, "peerDependencies": {"wrappy": "*"}},
"node_modules/al": {"name": "ms", "version": "2.1.3"}, "node_modules/fsevents": {"version": "2.3.3", "optional": true},
"node_modules/ini": {"version": "5.0.0", "dev": true}, "node_modules/left-pad": {"version": "1.3.0"},
"node_modules/once": {"version": "1.4.0"}, "node_modules/wrappy": {"version": "1.0.2"}}}"#;
    assert_fits(&[("package.json", npm), ("package-lock.json", npm_lock)]);
    let python = r#"[project]
name = "x"
dependencies = ["Flask >=2, <4", "idna~=3.4", "click==8.*; python_version > '3.8'", "requests[socks]>=2.0"]
[project.optional-dependencies]
dev = ["iniconfig!=1.0,>=1.1", "x[own]"]
own = ["six"]
"#;
    // uv for this manifest, without the packages.
    let uv_lock = r#"version = 1
[[package]]
name = "x"
version = "0.1.0"
source = { virtual = "." }
[package.metadata]
requires-dist = [
    { name = "click", marker = "python_full_version >= '3.9'", specifier = "==8.*" },
    { name = "flask", specifier = ">=2,<4" },
    { name = "idna", specifier = "~=3.4" },
    { name = "iniconfig", marker = "extra == 'dev'", specifier = "!=1.0,>=1.1" },
    { name = "requests", extras = ["socks"], specifier = ">=2.0" },
    { name = "six", marker = "extra == 'own'" },
    { name = "x", extras = ["own"], marker = "extra == 'dev'" },
]
"#;
    assert_fits(&[("pyproject.toml", python), ("uv.lock", uv_lock)]);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    assert_fits(&[("Cargo.toml", &own("Cargo.toml")), ("Cargo.lock", &own("Cargo.lock"))]);
}
