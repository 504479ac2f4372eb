//! Fixtures: projects with locks that really are vulnerable, and advisories in our own words about them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::bot::Bot;
use super::github::GitHub;

/// The folder of a set of advisories below `tests/fixtures/advisories`.
pub(crate) fn advisories(set: &str) -> PathBuf {
    root().join("advisories").join(set)
}

/// What a bot knows at first: the flaws of the fixtures' packages, and something about every ecosystem.
pub(crate) fn sources() -> Vec<PathBuf> {
    vec![advisories("known"), advisories("elsewhere")]
}

/// The files of a project below `tests/fixtures/run`.
pub(crate) fn project(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = root().join("run").join(name);
    let mut files = Vec::new();
    collect(&folder, &folder, &mut files);
    assert!(!files.is_empty(), "there is no fixture {}", folder.display());
    files.sort();
    files
}

/// One file of a project below `tests/fixtures/run`.
pub(crate) fn file(project_name: &str, path: &str) -> Vec<u8> {
    let found = project(project_name).into_iter().find(|(name, _)| name == path);
    found.unwrap_or_else(|| panic!("the fixture {project_name} has no {path}")).1
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
            continue;
        }
        let name = path.strip_prefix(root).expect("it was listed below the root").display().to_string();
        files.push((name, std::fs::read(&path).expect("the fixture is readable")));
    }
}

/// The Composer project of the fixtures with a lock that the real composer makes while only the old releases exist;
/// the fixed ones appear in the registry afterwards. The lock holds the port of the stand-in, so it cannot be a file.
pub(crate) fn composer_project(github: &GitHub, bot: &Bot) -> Vec<(String, Vec<u8>)> {
    let psr7 = [("php", ">=5.4.0"), ("psr/http-message", "~1.0")];
    github.composer_package("psr/http-message", "1.0.1", &[("php", ">=5.3.0")]);
    github.composer_package("guzzlehttp/psr7", "1.8.3", &psr7);
    let manifest = String::from_utf8(file("composer", "composer.json")).expect("the fixture is text");
    let manifest = manifest.replace("@@COMPOSER@@", &github.composer_url());
    bot.write("composer-project/composer.json", manifest.as_bytes());
    let folder = bot.path("composer-project");
    let flags = ["update", "--no-install", "--no-scripts", "--no-plugins", "--no-audit", "--no-interaction"];
    let output = Command::new("composer")
        .args(flags)
        .current_dir(&folder)
        .env("COMPOSER_HOME", bot.path("composer-home"))
        .env("COMPOSER_ALLOW_SUPERUSER", "1")
        .env("SSL_CERT_FILE", bot.path("authorities.pem"))
        .output()
        .expect("composer is installed: the test asked before");
    assert!(output.status.success(), "composer: {}", String::from_utf8_lossy(&output.stderr));
    // The project's registry is on loopback: the operator has to name it.
    let host = github.composer_url().trim_start_matches("https://").split('/').next().unwrap_or_default().to_owned();
    bot.write("work/patchparty.toml", format!("[network]\nallow-hosts = [\"{host}\"]\n").as_bytes());
    let lock = std::fs::read(folder.join("composer.lock")).expect("composer wrote the lock");
    github.composer_package("guzzlehttp/psr7", "1.8.4", &psr7);
    github.composer_package("guzzlehttp/psr7", "1.8.5", &psr7);
    vec![("composer.json".to_owned(), manifest.into_bytes()), ("composer.lock".to_owned(), lock)]
}
