//! The rollback command of a pull request, run in a real repository after every way to merge, beside earlier and later pull
//! requests of the same branch.

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

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.path().join(file)).expect("a file")
    }

    /// A main line with a lockfile of three far-apart packages.
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().expect("a folder"));
        repository.run("git init -q -b main . && echo '*.message' > .git/info/exclude");
        let gap = "-\n".repeat(9);
        let lock = format!("a 1.0.0\n{gap}b 1.0.0\n{gap}c 1.0.0\n{gap}d 1.0.0\n");
        std::fs::write(repository.0.path().join("lock"), lock).expect("write");
        repository.run("git add lock && git commit -qm start");
        repository
    }

    /// The bot's branch anew from `main`, with one commit that raises one package.
    fn propose(&self, package: &str, written: &Written) {
        std::fs::write(self.0.path().join("commit.message"), &written.commit_message).expect("write");
        std::fs::write(self.0.path().join("body.message"), &written.body).expect("write");
        self.run(&format!(
            "git checkout -qB patchparty/routine/main main && sed -i 's/^{package} 1.0.0$/{package} 1.0.1/' lock \
             && git commit -qa -F commit.message && git checkout -q main && echo {package} > other && git add other \
             && git commit -qm 'other {package}'"
        ));
    }

    fn stands(&self, package: &str) -> bool {
        self.read("lock").contains(&format!("{package} 1.0.1\n"))
    }
}

fn command(body: &str) -> String {
    let mut commands = body.split("```sh\n").skip(1).map(|rest| rest.split("\n```").next().expect("closed").to_owned());
    let command = commands.next().expect("a command");
    assert_eq!(commands.next(), None, "one command is enough");
    command
}

/// As GitHub words a merge with the title, and with title and text of the pull request.
const MERGE: &str = "git merge -q --no-ff -m \"$(printf 'Merge pull request #7 from acme/patchparty/routine/main\\n\\nfix')\" patchparty/routine/main";
const MERGE_WITH_BODY: &str = "(echo 'fix (#7)'; echo; cat body.message) > merge.message && git merge -q --no-ff -F merge.message patchparty/routine/main";
/// As git words one.
const MERGE_BY_GIT: &str = "git merge -q --no-ff --no-edit patchparty/routine/main";
/// A squash merge takes over the commit's message, with the number of the pull request in its first line.
const SQUASH: &str =
    "git merge -q --squash patchparty/routine/main && sed '1s/$/ (#7)/' commit.message | git commit -q -F -";
/// The setting "pull request title and description".
const SQUASH_WITH_BODY: &str = "git merge -q --squash patchparty/routine/main && (echo 'fix (#7)'; echo; cat body.message) | git commit -q --cleanup=verbatim -F -";
const REBASE: &str = "git cherry-pick patchparty/routine/main >/dev/null";

#[test]
fn the_rollback_command_undoes_this_change_and_nothing_else() {
    if !Command::new("git").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: git is not installed");
        return;
    }
    let fix = Sample::new(
        vec![bump("lodash", "4.17.20", "4.17.21", &["CVE-2021-23337"])],
        vec![finding("lodash", "4.17.20", Severity::High, Some(flaw("CVE-2021-23337", Some(7.2), "", "")))],
    );
    let written = |change: &str| {
        let mut request = fix.request(Route::Routine);
        request.change = change;
        write(&request).expect("words")
    };
    let values = ["0a0a0a0a0a0a", "0b0b0b0b0b0b", "7f3c9a21d0b4", "0d0d0d0d0d0d"];
    let [first, second, this, later] = values.map(written);
    let rollback = command(&this.body);
    assert!(rollback.contains(values[2]), "{rollback}");
    for merge in [MERGE, MERGE_WITH_BODY, MERGE_BY_GIT, SQUASH, SQUASH_WITH_BODY, REBASE] {
        for earlier in [MERGE, SQUASH] {
            let repository = Repository::new();
            for (package, proposal, way) in
                [("a", &first, earlier), ("b", &second, REBASE), ("c", &this, merge), ("d", &later, earlier)]
            {
                repository.propose(package, proposal);
                repository.run(way);
                assert!(repository.stands(package), "{way}");
            }
            repository.run(&rollback);
            let stands: Vec<&str> = ["a", "b", "c", "d"].into_iter().filter(|it| repository.stands(it)).collect();
            assert_eq!(stands, ["a", "b", "d"], "{merge} after {earlier}");
            assert_eq!(repository.read("other"), "d\n");
            assert_eq!(repository.run("git status --porcelain"), "", "nothing is left half done");
        }
    }
    // Where it was not merged, nothing is undone.
    let repository = Repository::new();
    repository.propose("a", &first);
    repository.run(MERGE);
    let before = repository.run("git rev-parse HEAD");
    repository.run(&format!("! {rollback} 2>/dev/null"));
    assert_eq!(repository.run("git rev-parse HEAD"), before);
}
