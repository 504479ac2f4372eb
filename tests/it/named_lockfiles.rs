//! Lockfiles under a name that the project configures, beside a decoy under the usual one.

use serde_json::json;

use crate::support::bot::Bot;
use crate::support::known::{audit, bot_that_knows, flaw, texts};

/// A bot that knows one flaw of `bad` in every ecosystem, fixed in 2.0.0.
fn bot() -> Bot {
    let packages = [
        ("npm", "bad"),
        ("RubyGems", "bad"),
        ("Hex", "bad"),
        ("NuGet", "bad"),
        ("Maven", "bad:bad"),
        ("SwiftURL", "github.com/bad/bad"),
    ];
    bot_that_knows(packages.into_iter().enumerate().map(|(number, package)| flaw(number, package, "2.0.0")))
}

fn gemfile_lock(version: &str) -> String {
    format!("GEM\n  remote: https://registry.example/\n  specs:\n    bad ({version})\n\nDEPENDENCIES\n  bad\n")
}

fn deno_lock(version: &str) -> String {
    format!("{{\"version\": \"5\", \"npm\": {{\"bad@{version}\": {{\"integrity\": \"sha512-x\"}}}}}}")
}

fn mix_lock(version: &str) -> String {
    format!("%{{\n  \"bad\": {{:hex, :bad, \"{version}\", \"x\", [:mix], [], \"hexpm\", \"x\"}},\n}}\n")
}

fn nuget_lock(version: &str) -> String {
    format!(
        "{{\"version\": 1, \"dependencies\": {{\"net8.0\": {{\"bad\": {{\"type\": \"Direct\", \"requested\": \"[1.0.0, )\", \"resolved\": \"{version}\", \"contentHash\": \"x\"}}}}}}}}"
    )
}

/// A project whose configuration names a flawed lockfile, beside a safe one under the usual name.
struct Project {
    /// The lockfile that nobody reads.
    decoy: &'static str,
    files: Vec<(&'static str, String)>,
}

fn project(decoy: &'static str, files: &[(&'static str, &str)]) -> Project {
    Project { decoy, files: files.iter().map(|(path, content)| (*path, (*content).to_owned())).collect() }
}

fn projects_of_deno_and_yarn() -> Vec<Project> {
    let (flawed, safe) = (deno_lock("1.0.0"), deno_lock("3.0.0"));
    let in_a_folder = "{ // x\n\"lock\": {\"path\": \"./locks/own.lock\", \"frozen\": true},}";
    vec![
        project("deno.lock", &[("deno.json", "{\"lock\": \"own.txt\"}"), ("own.txt", &flawed), ("deno.lock", &safe)]),
        project("deno.lock", &[("deno.jsonc", in_a_folder), ("locks/own.lock", &flawed), ("deno.lock", &safe)]),
        project(
            "yarn.lock",
            &[
                (".yarnrc.yml", "lockfileFilename: own.txt\n"),
                ("own.txt", "# yarn lockfile v1\n\nbad@1:\n  version \"1.0.0\"\n"),
                ("yarn.lock", "# yarn lockfile v1\n\nbad@1:\n  version \"3.0.0\"\n"),
            ],
        ),
    ]
}

fn projects_of_bundler_and_mix() -> Vec<Project> {
    let (gems, safe_gems) = (gemfile_lock("1.0.0"), gemfile_lock("3.0.0"));
    let (mix, safe_mix) = (mix_lock("1.0.0"), mix_lock("3.0.0"));
    vec![
        project(
            "Gemfile.lock",
            &[
                (".bundle/config", "---\nBUNDLE_GEMFILE: \"gemfiles/next.rb\"\n"),
                ("Gemfile", "gem 'bad'\n"),
                ("gemfiles/next.rb.lock", &gems),
                ("Gemfile.lock", &safe_gems),
            ],
        ),
        project(
            "Gemfile.lock",
            &[
                (".bundle/config", "---\nBUNDLE_LOCKFILE: own.txt\n"),
                ("Gemfile", "gem 'bad'\n"),
                ("own.txt", &gems),
                ("Gemfile.lock", &safe_gems),
            ],
        ),
        project(
            "Gemfile.lock",
            &[("Gemfile", "lockfile \"own.txt\"\ngem 'bad'\n"), ("own.txt", &gems), ("Gemfile.lock", &safe_gems)],
        ),
        project(
            "apps/a/mix.lock",
            &[
                ("apps/a/mix.exs", "def project do\n  [\n    lockfile: \"../../mix.lock\",\n  ]\n"),
                ("mix.lock", &mix),
                ("apps/a/mix.lock", &safe_mix),
            ],
        ),
        project(
            "mix.lock",
            &[("mix.exs", "# lockfile: \"x\"\n[lockfile: \"own.txt\"]"), ("own.txt", &mix), ("mix.lock", &safe_mix)],
        ),
    ]
}

fn projects_of_nuget() -> Vec<Project> {
    let (flawed, safe) = (nuget_lock("1.0.0"), nuget_lock("3.0.0"));
    let own = "<Project><PropertyGroup><NuGetLockFilePath>own.txt</NuGetLockFilePath></PropertyGroup></Project>";
    let shared = "<Project><!-- <NuGetLockFilePath>no</NuGetLockFilePath> --><PropertyGroup><NuGetLockFilePath>$(MSBuildThisFileDirectory)locks\\$(MSBuildProjectName).json</NuGetLockFilePath></PropertyGroup></Project>";
    vec![
        project(
            "a/packages.lock.json",
            &[("a/a.csproj", own), ("a/own.txt", &flawed), ("a/packages.lock.json", &safe)],
        ),
        project(
            "a/packages.lock.json",
            &[
                ("Directory.Build.props", shared),
                ("a/a.csproj", "<Project/>"),
                ("locks/a.json", &flawed),
                ("a/packages.lock.json", &safe),
            ],
        ),
    ]
}

fn projects_of_gradle() -> Vec<Project> {
    let [flawed, safe] = ["1.0.0", "3.0.0"].map(|version| format!("bad:bad:{version}=runtimeClasspath\nempty=\n"));
    vec![
        project(
            "gradle.lockfile",
            &[
                ("build.gradle", "dependencyLocking {\n  lockFile = file(\"$projectDir/gradle/own.txt\")\n}\n"),
                ("gradle/own.txt", &flawed),
                ("gradle.lockfile", &safe),
            ],
        ),
        project(
            "app/gradle.lockfile",
            &[
                ("settings.gradle.kts", ""),
                (
                    "app/build.gradle.kts",
                    "dependencyLocking {\n  lockFile.set(rootProject.file(\"locks/app.txt\"))\n}\n",
                ),
                ("locks/app.txt", &flawed),
                ("app/gradle.lockfile", &safe),
            ],
        ),
    ]
}

#[test]
fn the_lockfile_that_a_project_names_is_read_and_the_usual_one_is_told_as_a_decoy() {
    let bot = bot();
    let projects =
        [projects_of_deno_and_yarn(), projects_of_bundler_and_mix(), projects_of_nuget(), projects_of_gradle()];
    for Project { decoy, files } in projects.iter().flatten() {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, content)| (*path, content.as_str())).collect();
        let (outcome, project) = audit(&bot, &files);
        let kinds = texts(&project, "findings", "kind");
        assert!(kinds.contains(&"vulnerability".to_owned()), "{files:?}: {project}");
        let remarks = texts(&project, "remarks", "message");
        let told = format!("`{decoy}` is not the lockfile in use: this names `");
        assert!(remarks.iter().any(|remark| remark.starts_with(&told)), "{files:?}: {remarks:?}");
        assert_eq!(project["problems"].as_array().map(Vec::len), Some(0), "{project}");
        outcome.expect_code(1);
    }
}

#[test]
fn a_lockfile_whose_name_is_computed_or_that_is_not_there_is_a_problem() {
    let bot = bot();
    let (gems, mix, nuget) = (gemfile_lock("3.0.0"), mix_lock("3.0.0"), nuget_lock("3.0.0"));
    let deno = deno_lock("3.0.0");
    let computed = "is computed when the tool runs";
    let projects: [(&str, Vec<(&str, &str)>); 7] = [
        ("there is no such file", vec![("deno.json", "{\"lock\": \"own.lock\"}"), ("deno.lock", &deno)]),
        ("it is outside of the project", vec![("deno.json", "{\"lock\": \"../own.lock\"}"), ("deno.lock", &deno)]),
        (computed, vec![("Gemfile", "lockfile ENV[\"LOCK\"]\ngem 'bad'\n"), ("Gemfile.lock", &gems)]),
        (computed, vec![("mix.exs", "[lockfile: \"#{System.get_env(\"X\")}.lock\"]"), ("mix.lock", &mix)]),
        (computed, vec![("mix.exs", "[lockfile: lock_name(), deps: deps()]"), ("mix.lock", &mix)]),
        (
            computed,
            vec![
                (
                    "a.csproj",
                    "<Project><PropertyGroup><NuGetLockFilePath>$(Own)/x.json</NuGetLockFilePath></PropertyGroup></Project>",
                ),
                ("packages.lock.json", &nuget),
            ],
        ),
        (
            computed,
            vec![
                ("build.gradle", "dependencyLocking {\n  lockFile = file(\"${name}.lockfile\")\n}\n"),
                ("gradle.lockfile", "bad:bad:3.0.0=runtimeClasspath\nempty=\n"),
            ],
        ),
    ];
    for (words, files) in projects {
        let (outcome, project) = audit(&bot, &files);
        let problems = texts(&project, "problems", "message");
        assert!(problems.iter().any(|problem| problem.contains(words)), "{files:?}: {project}");
        assert_ne!(outcome.code, Some(0), "{files:?}");
    }
}

#[test]
fn a_lockfile_beside_a_configuration_that_turns_locking_off_locks_nothing() {
    let bot = bot();
    let manifest = "{\"lock\": false, \"imports\": {\"bad\": \"npm:bad@^3\"}}";
    let (outcome, project) = audit(&bot, &[("deno.json", manifest), ("deno.lock", &deno_lock("3.0.0"))]);
    assert_eq!(texts(&project, "findings", "kind"), ["unlocked"], "{project}");
    let remarks = texts(&project, "remarks", "message");
    assert_eq!(remarks, ["`deno.lock` is not the lockfile in use: this turns lockfiles off"]);
    outcome.expect_code(1);
}

#[test]
fn a_mirror_of_swift_is_matched_beside_what_it_stands_for() {
    let bot = bot();
    let lock = "{\"version\": 2, \"pins\": [{\"identity\": \"good\", \"kind\": \"remoteSourceControl\", \"location\": \"https://github.com/good/good.git\", \"state\": {\"revision\": \"0123456789012345678901234567890123456789\", \"version\": \"1.0.0\"}}]}";
    let mirrors = "{\"object\": [{\"original\": \"https://github.com/Good/good\", \"mirror\": \"https://github.com/bad/bad.git\"}], \"version\": 1}";
    let files = [("Package.resolved", lock), (".swiftpm/configuration/mirrors.json", mirrors)];
    let (outcome, project) = audit(&bot, &files);
    let kinds = texts(&project, "findings", "kind");
    assert_eq!(kinds, ["vulnerability", "unverified-source"], "{project}");
    outcome.expect_code(1);
    assert_eq!(texts(&audit(&bot, &files[..1]).1, "findings", "kind"), Vec::<String>::new());
}

#[test]
fn another_spelling_of_a_foreign_source_is_told() {
    let bot = bot();
    let npm = |address: &str| {
        json!({ "name": "x", "lockfileVersion": 3, "packages": { "": { "dependencies": { "a": "*" } },
            "node_modules/a": { "version": "1.0.0", "resolved": address, "integrity": "sha512-x" } } })
        .to_string()
    };
    let yarn = |address: &str| {
        format!("# yarn lockfile v1\n\na@1:\n  version \"1.0.0\"\n  resolved \"{address}#x\"\n  integrity sha512-x\n")
    };
    let pnpm = |resolution: &str| {
        format!(
            "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: 1.0.0\n        version: 1.0.0\npackages:\n  a@1.0.0:\n    resolution: {resolution}\n"
        )
    };
    for (name, content) in [
        ("package-lock.json", npm("http://evil.dev/a/-/a-1.0.0.tgz")),
        ("package-lock.json", npm("HTTPS://evil.dev/a/-/a-1.0.0.tgz")),
        ("package-lock.json", npm("https://registry.example@evil.dev/a/-/a-1.0.0.tgz")),
        ("yarn.lock", yarn("HTTPS://evil.dev/a/-/a-1.0.0.tgz")),
        ("yarn.lock", yarn("https://registry.example@evil.dev/a/-/a-1.0.0.tgz")),
        ("pnpm-lock.yaml", pnpm("{integrity: sha512-x, tarball: 'HTTPS://evil.dev/a/-/a-1.0.0.tgz'}")),
        ("pnpm-lock.yaml", pnpm("{integrity: sha512-x, tarball: 'https://registry.example@evil.dev/a/-/a-1.0.0.tgz'}")),
        (
            "pnpm-lock.yaml",
            pnpm(
                "{type: variations, variants: [{resolution: {type: binary, url: 'https://evil.dev/a.tgz', integrity: sha512-x}, targets: [{os: linux, cpu: x64}]}]}",
            ),
        ),
        ("requirements.txt", "--index-url https://evil.dev/simple\na==1.0\n".to_owned()),
        ("requirements.txt", "-i https://evil.dev/simple\na==1.0\n".to_owned()),
        ("requirements.txt", "a==1.0\n--extra-index-url=https://evil.dev/simple\n".to_owned()),
        ("requirements.txt", "-f https://evil.dev/links.html\na==1.0\n".to_owned()),
    ] {
        let (_, project) = audit(&bot, &[(name, &content)]);
        let told = texts(&project, "findings", "detail");
        assert!(told.iter().any(|detail| detail.contains("evil.dev")), "{name}: {content}: {project}");
        assert!(texts(&project, "findings", "kind").contains(&"unverified-source".to_owned()), "{project}");
    }
}

#[test]
fn npm_passes_a_package_lock_over_where_a_shrinkwrap_stands() {
    let bot = bot();
    let lock = |version: &str| {
        json!({ "name": "x", "lockfileVersion": 3, "packages": { "": { "dependencies": { "bad": "*" } },
            "node_modules/bad": { "version": version, "integrity": "sha512-x" } } })
        .to_string()
    };
    let (flawed, safe) = (lock("1.0.0"), lock("3.0.0"));
    let (outcome, project) = audit(&bot, &[("package-lock.json", &flawed), ("npm-shrinkwrap.json", &safe)]);
    assert_eq!(project["findings"].as_array().map(Vec::len), Some(0), "{project}");
    assert_eq!(texts(&project, "not_read", "reason"), ["not-in-use"], "{project}");
    outcome.expect_code(0);
    let (outcome, project) = audit(&bot, &[("package-lock.json", &safe), ("npm-shrinkwrap.json", &flawed)]);
    assert_eq!(texts(&project, "findings", "kind"), ["vulnerability"], "{project}");
    outcome.expect_code(1);
    // npm goes by the other one where this is empty.
    let (outcome, project) = audit(&bot, &[("package-lock.json", flawed.as_str()), ("npm-shrinkwrap.json", "")]);
    assert!(texts(&project, "findings", "kind").contains(&"vulnerability".to_owned()), "{project}");
    assert_ne!(outcome.code, Some(0));
}
