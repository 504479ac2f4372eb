//! Git sources of Cargo: where the policy allows them and names their host, Cargo gets them, else something stands in for
//! them; and neither a submodule nor a link in one leads to files of this machine.

use crate::support::bot::{Bot, Outcome, missing_tools};
use crate::support::fixtures;
use crate::support::git::Git;
use crate::support::github::GitHub;

/// What stands in a file, and in a repository, of this machine.
const SECRET: &str = "root-x-0-0-CANARY-GIT";

const MANIFEST: &str = "[package]\nname = \"dep\"\nversion = \"1.0.0\"\nedition = \"2021\"\n";

/// The project of the fixtures with a dependency on `acme/<name>`, which stands at a commit.
fn ledger(github: &GitHub, name: &str, commit: &str) -> Vec<(String, Vec<u8>)> {
    let address = format!("{}/acme/{name}", github.server_url());
    let mut files = fixtures::project("cargo");
    let edit = |files: &mut Vec<(String, Vec<u8>)>, path: &str, change: &dyn Fn(String) -> String| {
        let (_, content) = files.iter_mut().find(|(name, _)| name == path).expect("the fixture has it");
        *content = change(String::from_utf8(std::mem::take(content)).expect("the fixture is text")).into_bytes();
    };
    let dependency = format!("dep = {{ git = \"{address}\", rev = \"{commit}\" }}\n");
    edit(&mut files, "Cargo.toml", &|text| text.replace("regex = ", &format!("{dependency}regex = ")));
    let package = format!(
        "[[package]]\nname = \"dep\"\nversion = \"1.0.0\"\nsource = \"git+{address}?rev={commit}#{commit}\"\n\n"
    );
    edit(&mut files, "Cargo.lock", &|text| {
        let text = text.replace(" \"bytes\",\n \"regex\",", " \"bytes\",\n \"dep\",\n \"regex\",");
        text.replace("[[package]]\nname = \"ledger\"", &format!("{package}[[package]]\nname = \"ledger\""))
    });
    files
}

/// A repository of this machine that is nobody's business, and its address.
fn secret_repository(bot: &Bot) -> (String, String) {
    let folder = bot.path("secret");
    std::fs::create_dir(&folder).expect("the world is writable");
    let git = |arguments: &[&str], input: &str| Git::new(&folder, arguments).input(input).run();
    git(&["init", "--quiet", "--bare", "--initial-branch", "main", "."], "");
    let blob = git(&["hash-object", "-w", "--stdin"], SECRET);
    let tree = git(&["mktree"], &format!("100644 blob {blob}\tsecret\n"));
    let commit = git(&["-c", "user.name=a", "-c", "user.email=a@a.example", "commit-tree", &tree, "-m", "secret"], "");
    git(&["update-ref", "refs/heads/main", &commit], "");
    (format!("file://{}", folder.display()), commit)
}

/// A repository with the package that the project depends on, and something besides; gives its commit.
fn dependency(github: &GitHub, name: &str, besides: &[(&str, &str, &str, &str)]) -> String {
    github.repository("acme", name).open_to_all().file("README.md", "# Dep\n").commit();
    let disk = github.disk(&format!("acme/{name}"));
    let blob = |text: &str| disk.git(&["hash-object", "-w", "--stdin"]).input(text).run();
    let source = disk.git(&["mktree"]).input(format!("100644 blob {}\tlib.rs\n", blob(""))).run();
    let mut entries = vec![("040000", "tree", source, "src")];
    if besides.iter().all(|(.., path)| *path != "Cargo.toml") {
        entries.push(("100644", "blob", blob(MANIFEST), "Cargo.toml"));
    }
    for (mode, kind, content, path) in besides {
        let object = if *kind == "commit" { (*content).to_owned() } else { blob(content) };
        entries.push((mode, kind, object, path));
    }
    let listing: String =
        entries.iter().map(|(mode, kind, object, path)| format!("{mode} {kind} {object}\t{path}\n")).collect();
    let tree = disk.git(&["mktree", "--missing"]).input(listing).run();
    let commit =
        disk.git(&["-c", "user.name=a", "-c", "user.email=a@a.example", "commit-tree", &tree, "-m", "dep"]).run();
    disk.git(&["update-ref", "refs/heads/main", &commit]).run();
    commit
}

/// A night with a policy that allows git, and names the stand-in's host or does not.
fn night(github: &GitHub, bot: &Bot, name: &str, is_named: bool) -> Outcome {
    night_in("required", (github, bot), name, is_named)
}

/// The same with walls or without.
fn night_in(sandbox: &str, (github, bot): (&GitHub, &Bot), name: &str, is_named: bool) -> Outcome {
    let host = github.server_url().trim_start_matches("https://");
    let hosts = if is_named { format!("\"{host}\"") } else { String::new() };
    let policy =
        format!("sandbox = \"{sandbox}\"\n[updates]\nallow-sources = [\"git\"]\n[network]\nallow-hosts = [{hosts}]\n");
    let policy = bot.write("policy.toml", policy.as_bytes()).display().to_string();
    bot.run(&["run", "--repo", &format!("acme/{name}"), "--format", "json", "--config", &policy])
}

/// An entry of a tree: mode, kind, content, name.
type Entry<'a> = (&'a str, &'a str, &'a str, &'a str);

#[test]
fn a_git_source_is_fetched_only_where_the_policy_names_its_host() {
    if let Some(reason) = missing_tools(&["cargo", "git"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let bot = Bot::new(&github);
    let commit = dependency(&github, "dep", &[]);
    let databases = bot.path("home/.cache/patchparty/tools/cargo/git/db");
    for sandbox in ["required", "off"] {
        let name = format!("ledger-{sandbox}");
        github.repository("acme", &name).files(ledger(&github, "dep", &commit)).commit();
        let night = night_in(sandbox, (&github, &bot), &name, false);
        let slug = format!("acme/{name}");
        // An empty package stands in for it, and nobody asks the host.
        assert_eq!(night.actions(&slug), ["opened"], "{}", night.explanation(&slug));
        assert!(!databases.exists(), "somebody asked the host");
    }
    github.repository("acme", "ledger").files(ledger(&github, "dep", &commit)).commit();
    let allowed = night(&github, &bot, "ledger", true);
    assert_eq!(allowed.actions("acme/ledger"), ["opened"], "{}", allowed.explanation("acme/ledger"));
    assert!(databases.exists(), "nobody asked the host");
    github.finish();
}

#[test]
fn neither_a_submodule_nor_a_link_of_a_git_source_leads_to_this_machine() {
    if let Some(reason) = missing_tools(&["cargo", "git"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let bot = Bot::new(&github);
    let (address, secret) = secret_repository(&bot);
    let file = bot.write("credentials", format!("{SECRET}\n").as_bytes()).display().to_string();
    let modules = |url: &str| format!("[submodule \"sub\"]\n\tpath = sub\n\turl = {url}\n");
    let (by_address, by_path) = (modules(&address), modules(address.trim_start_matches("file://")));
    let cases: [(&str, &[Entry<'_>]); 3] = [
        ("submodule", &[("160000", "commit", &secret, "sub"), ("100644", "blob", &by_address, ".gitmodules")]),
        ("folder", &[("160000", "commit", &secret, "sub"), ("100644", "blob", &by_path, ".gitmodules")]),
        ("linked", &[("120000", "blob", &file, "Cargo.toml")]),
    ];
    for (name, besides) in cases {
        let commit = dependency(&github, &format!("{name}-dep"), besides);
        github.repository("acme", name).files(ledger(&github, &format!("{name}-dep"), &commit)).commit();
        for sandbox in ["required", "off"] {
            let night = night_in(sandbox, (&github, &bot), name, true);
            let slug = format!("acme/{name}");
            assert_eq!(night.actions(&slug), Vec::<String>::new(), "{name}: {}", night.explanation(&slug));
            for text in [&night.stdout, &night.stderr] {
                assert!(!text.contains(SECRET), "{name}: {text}");
            }
        }
    }
    // Cargo came as far as that, and no further.
    let log = std::fs::read_to_string(bot.path("home/.cache/patchparty/tools.log")).unwrap();
    assert!(log.contains("failed to update submodule `sub`") && log.contains("Cargo.toml:1:"), "{log}");
    // Nothing was cloned into the cache, and the local log has no line of the file either.
    assert_eq!(bot.files_with(SECRET), ["credentials"]);
    // Cargo may have made an empty database for what it did not get.
    let databases = std::fs::read_dir(bot.path("home/.cache/patchparty/tools/cargo/git/db")).into_iter().flatten();
    for database in databases.flatten().filter(|it| it.file_name().to_string_lossy().starts_with("secret")) {
        let objects = walkdir::WalkDir::new(database.path().join("objects")).into_iter().flatten();
        let objects: Vec<_> = objects.filter(|entry| entry.file_type().is_file()).collect();
        assert!(objects.is_empty(), "{objects:?}");
    }
    github.finish();
}

#[test]
fn a_submodule_at_a_host_that_nobody_named_is_not_asked_and_told_as_the_cause() {
    if let Some(reason) = missing_tools(&["cargo", "git"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let bot = Bot::new(&github);
    let sink = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let elsewhere = format!("127.0.0.1:{}", sink.local_addr().expect("it is bound").port());
    let modules = format!("[submodule \"sub\"]\n\tpath = sub\n\turl = https://{elsewhere}/x\n");
    let commit = "b".repeat(40);
    let besides = [("160000", "commit", commit.as_str(), "sub"), ("100644", "blob", modules.as_str(), ".gitmodules")];
    let commit = dependency(&github, "dep", &besides);
    github.repository("acme", "ledger").files(ledger(&github, "dep", &commit)).commit();
    // Without walls, Cargo's git still takes the way that it is shown.
    for sandbox in ["required", "off"] {
        let night = night_in(sandbox, (&github, &bot), "ledger", true);
        let said = night.explanation("acme/ledger");
        assert_eq!(night.actions("acme/ledger"), Vec::<String>::new(), "{said}");
        for expected in [
            format!("`cargo` wanted to reach `{elsewhere}`, which is not among the registries of cargo"),
            format!("allow `{elsewhere}` under `[network] allow-hosts` in patchparty.toml if it is yours"),
        ] {
            assert!(said.contains(&expected), "{said}");
        }
    }
    sink.set_nonblocking(true).expect("it is a socket");
    assert!(sink.accept().is_err(), "somebody asked the other server");
    github.finish();
}
