//! Outgoing requests: what a repository names is not asked where nobody on the internet is, and the report says so.

use std::io::Write as _;

use serde_json::Value;

use crate::support::bot::{Bot, Outcome};
use crate::support::git::Git;
use crate::support::github::GitHub;
use crate::support::sink::Sink;

const COMMIT: &str = "1f2e3d4c5b6a79880716253443526170f0e1d2c3";

/// What is said of a host that is refused, that fails, or that is not there: the same.
const NO_ANSWER: &str = "the host may not be asked, or gives no answer";

fn cargo_lock(sources: &[String]) -> String {
    let packages = sources.iter().enumerate().map(|(number, source)| {
        format!("[[package]]\nname = \"p{number}\"\nversion = \"1.0.0\"\nsource = \"{source}#{COMMIT}\"\n")
    });
    format!("version = 4\n\n{}", packages.collect::<Vec<_>>().join("\n"))
}

/// A file of each kind that names repositories, each leading to `port` of this machine by another name.
fn write_project(bot: &Bot, port: u16) -> String {
    let sources: Vec<String> = [
        format!("git+https://127.0.0.1:{port}/a?branch=main"),
        format!("git+http://127.0.0.1:{port}/a"),
        format!("git+https://[::ffff:127.0.0.1]:{port}/a"),
        format!("git+https://0x7f.1:{port}/a?rev=1f2e3d4"),
        "git+https://169.254.169.254/latest/meta-data".to_owned(),
    ]
    .into();
    bot.write("shop/Cargo.lock", cargo_lock(&sources).as_bytes());
    let npm = format!(
        r#"{{"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {{
            "": {{"name": "shop", "version": "1.0.0", "dependencies": {{"b": "git+https://localhost:{port}/b.git"}}}},
            "node_modules/b": {{"version": "1.0.0", "resolved": "git+https://localhost:{port}/b.git#{COMMIT}"}}}}}}"#
    );
    bot.write("shop/web/package-lock.json", npm.as_bytes());
    let composer = format!(
        r#"{{"packages": [{{"name": "acme/c", "version": "dev-main",
            "source": {{"type": "git", "url": "https://[::1]:{port}/c.git", "reference": "{COMMIT}"}}}}]}}"#
    );
    let python = format!("d @ git+https://127.0.0.1:{port}/d@{COMMIT}\n");
    bot.write("shop/report/requirements.txt", python.as_bytes());
    let lock = bot.write("shop/back/composer.lock", composer.as_bytes());
    lock.parent().and_then(|folder| folder.parent()).expect("a folder").display().to_string()
}

fn report(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"))
}

#[test]
fn what_leads_to_this_machine_is_not_asked_and_the_audit_goes_on() {
    let (github, sink) = (GitHub::start(), Sink::silent());
    let bot = Bot::new(&github);
    let project = write_project(&bot, sink.port());
    let audit = bot.run(&["audit", &project, "--format", "json"]);
    assert_eq!(sink.log(), Vec::<String>::new());
    let report = report(&audit);
    let project = &report["projects"][0];
    assert_eq!(project["files"].as_array().map(Vec::len), Some(4), "{audit:?}");
    let said = report.to_string();
    assert_eq!(said.matches(NO_ANSWER).count(), 1, "once for all of them: {said}");
    assert!(said.contains("169.254.169.254") && said.contains("8 dependencies at commits are not checked"), "{said}");
    github.finish();
}

#[test]
fn a_submodule_leads_to_this_machine_neither() {
    let (github, sink) = (GitHub::start(), Sink::silent());
    let bot = Bot::new(&github);
    let modules = format!("[submodule \"a\"]\n\tpath = libs/a\n\turl = https://localhost:{}/a.git\n", sink.port());
    let path = bot.write("modules/.gitmodules", modules.as_bytes());
    let folder = path.parent().expect("a folder");
    let git = |arguments: &[&str]| Git::new(folder, arguments).run();
    git(&["init", "--quiet", "."]);
    git(&["add", ".gitmodules"]);
    git(&["update-index", "--add", "--cacheinfo", &format!("160000,{COMMIT},libs/a")]);
    git(&["commit", "--quiet", "-m", "a submodule"]);
    git(&["clone", "--quiet", "--bare", ".", "../modules.git"]);
    let audit = bot.run(&["audit", &bot.path("modules.git").display().to_string(), "--format", "json"]);
    assert!(audit.stdout.contains(NO_ANSWER) && audit.stdout.contains("1 dependency at a commit"), "{audit:?}");
    assert_eq!(sink.log(), Vec::<String>::new());
    github.finish();
}

#[test]
fn a_host_that_answers_is_told_from_none_by_nothing() {
    let (github, sink) = (GitHub::start(), Sink::silent());
    let bot = Bot::new(&github);
    let said = |host: String| {
        let lock = cargo_lock(&[format!("git+https://{host}/a")]);
        let path = bot.write("one/Cargo.lock", lock.as_bytes());
        let folder = path.parent().expect("a folder").display().to_string();
        bot.run(&["audit", &folder, "--format", "json"]).stdout.replace(&host, "HOST")
    };
    // Somebody listens at the first only; the last two do not exist at all.
    let there = said(format!("127.0.0.1:{}", sink.port()));
    assert!(there.contains(NO_ANSWER), "{there}");
    for host in ["127.0.0.1:1", "10.0.0.1", "vault", "nobody.invalid", "169.254.169.254"] {
        assert_eq!(said(host.to_owned()), there, "{host}");
    }
    assert_eq!(sink.log(), Vec::<String>::new());
    github.finish();
}

#[test]
fn a_host_that_the_policy_names_is_asked() {
    let (github, sink) = (GitHub::start(), Sink::silent());
    let bot = Bot::new(&github);
    let project = write_project(&bot, sink.port());
    let policy = format!("[network]\nallow-hosts = [\"127.0.0.1:{}\"]\n", sink.port());
    let policy = bot.write("patchparty.toml", policy.as_bytes()).display().to_string();
    let audit = bot.run(&["audit", &project, "--config", &policy]);
    let log = sink.log();
    assert!(log.iter().any(|line| line.starts_with("GET /a/info/refs?service=git-upload-pack")), "{log:?} {audit:?}");
    // Under its other names, the machine is still nobody's business.
    assert!(log.iter().all(|line| !line.contains("/b.git") && !line.contains("/c.git")), "{log:?}");
    github.finish();
}

#[test]
fn a_redirect_from_the_forge_leads_nowhere_else() {
    let sink = Sink::silent();
    let port = sink.port();
    let forge = Sink::start(move |request, stream| {
        let path = request.split(' ').nth(1).unwrap_or("/");
        let to = format!("http://127.0.0.1:{port}{path}");
        stream.write_all(format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\nconnection: close\r\n\r\n").as_bytes())
    });
    let server = format!("http://127.0.0.1:{}", forge.port());
    let bot = Bot::without_forge().variable("GITHUB_SERVER_URL", &server).variable("GITHUB_API_URL", &server);
    let workflow = format!(
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: acme/tools@main\n      - uses: acme/other@{COMMIT}\n"
    );
    let path = bot.write("site/.github/workflows/ci.yml", workflow.as_bytes());
    let site = path.ancestors().nth(3).expect("a folder").display().to_string();
    let audit = bot.run(&["audit", &site, &format!("{server}/acme/shop"), "--format", "json"]);
    assert!(forge.log().len() >= 3, "all three were asked: {:?} {audit:?}", forge.log());
    assert_eq!(sink.log(), Vec::<String>::new());
    assert_eq!(report(&audit)["projects"].as_array().map(Vec::len), Some(2), "{audit:?}");
}

#[test]
fn a_project_leads_to_so_many_hosts_only() {
    let github = GitHub::start();
    let bot = Bot::new(&github);
    let sources: Vec<String> = (0..25).map(|number| format!("git+https://h{number:02}.invalid/a")).collect();
    let path = bot.write("many/Cargo.lock", cargo_lock(&sources).as_bytes());
    let folder = path.parent().expect("a folder").display().to_string();
    let audit = bot.run(&["audit", &folder, "--format", "json"]);
    let report = report(&audit);
    let problems = report["projects"][0]["problems"].to_string();
    assert_eq!(problems.matches("a project may name 20").count(), 1, "{problems}");
    assert!(problems.contains("ask 25 hosts") && problems.contains("hosts-per-project"), "{problems}");
    let policy = bot.write("patchparty.toml", b"[network]\nhosts-per-project = 25\n").display().to_string();
    let audit = bot.run(&["audit", &folder, "--format", "json", "--config", &policy]);
    assert!(!audit.stdout.contains("a project may name"), "{audit:?}");
    github.finish();
}

#[test]
fn a_project_cannot_name_hosts_for_itself() {
    let (github, sink) = (GitHub::start(), Sink::silent());
    let lock = cargo_lock(&[format!("git+http://127.0.0.1:{}/a", sink.port())]);
    let policy = format!("[network]\nallow-hosts = [\"127.0.0.1:{}\"]\n", sink.port());
    github.repository("acme", "shop").file("Cargo.lock", lock).file(".github/patchparty.toml", policy).commit();
    let bot = Bot::new(&github);
    let night = bot.run(&["run", "--repo", "acme/shop", "--format", "json"]);
    assert!(night.stdout.contains("only the organisation's policy may set it"), "{night:?}");
    assert_eq!(sink.log(), Vec::<String>::new());
    github.finish();
}
