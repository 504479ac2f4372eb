//! The rollback commands of a pull request, run in a real repository.

use std::path::Path;
use std::process::Command;

use super::*;

/// A git repository of its own, untouched by the configuration of whoever runs the tests.
struct Repository(tempfile::TempDir);

impl Repository {
    fn run(&self, script: &str) -> String {
        let output = Command::new("sh")
            .args(["-c", script])
            .current_dir(self.0.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "A")
            .env("GIT_AUTHOR_EMAIL", "a@acme.example")
            .env("GIT_COMMITTER_NAME", "A")
            .env("GIT_COMMITTER_EMAIL", "a@acme.example")
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn lock(&self) -> String {
        std::fs::read_to_string(self.0.path().join("lock")).expect("a lockfile")
    }

    /// A main line with a lockfile, and the bot's branch with its commit.
    fn with_proposal(message: &str) -> Self {
        let repository = Self(tempfile::tempdir().expect("a folder"));
        std::fs::write(repository.0.path().join("message"), message).expect("write");
        repository.run(
            "git init -q -b main . && echo message > .git/info/exclude && echo 1.0.0 > lock && git add lock \
             && git commit -qm start && git checkout -qb patchparty/routine/main && echo 1.0.1 > lock \
             && git commit -qa -F message && git checkout -q main && echo x > other && git add other && git commit -qm other",
        );
        repository
    }
}

fn commands(body: &str) -> Vec<String> {
    body.split("```sh\n").skip(1).map(|rest| rest.split("\n```").next().expect("closed").to_owned()).collect()
}

#[test]
fn the_rollback_commands_really_roll_back() {
    if !Command::new("git").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: git is not installed");
        return;
    }
    let fix = Sample::new(
        vec![bump("lodash", "4.17.20", "4.17.21", &["CVE-2021-23337"])],
        vec![finding("lodash", "4.17.20", Severity::High, Some(flaw("CVE-2021-23337", Some(7.2), "", "")))],
    );
    let written = fix.write(Route::Routine);
    let [after_merge, after_squash] = <[String; 2]>::try_from(commands(&written.body)).expect("two commands");
    let merges = [
        // As GitHub words a merge.
        (
            "git merge -q --no-ff -m \"$(printf 'Merge pull request #7 from acme/patchparty/routine/main\\n\\nfix')\" patchparty/routine/main",
            &after_merge,
        ),
        // As git words one.
        ("git merge -q --no-ff --no-edit patchparty/routine/main", &after_merge),
        // A squash merge takes over the commit's message, with the number of the pull request in its first line.
        (
            "git merge -q --squash patchparty/routine/main && sed '1s/$/ (#7)/' message | git commit -q -F -",
            &after_squash,
        ),
        ("git cherry-pick patchparty/routine/main >/dev/null", &after_squash),
    ];
    for (merge, rollback) in merges {
        let repository = Repository::with_proposal(&written.commit_message);
        repository.run(merge);
        assert_eq!(repository.lock(), "1.0.1\n");
        repository.run("echo y > other && git commit -qam later");
        repository.run(rollback);
        assert_eq!(repository.lock(), "1.0.0\n", "{merge}");
        assert_eq!(std::fs::read_to_string(repository.0.path().join("other")).expect("a file"), "y\n", "{merge}");
    }
    // Where nothing was merged, nothing is undone.
    let repository = Repository::with_proposal(&written.commit_message);
    let before = repository.run("git rev-parse HEAD");
    for command in [after_merge, after_squash] {
        repository.run(&format!("! {command} 2>/dev/null"));
    }
    assert_eq!(repository.run("git rev-parse HEAD"), before);
    assert!(Path::new(repository.0.path()).exists());
}
