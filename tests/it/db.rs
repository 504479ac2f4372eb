//! `db`: an index is imported, described, verified and used without the network, by many at once; a damaged one is an error.

use std::path::PathBuf;

use crate::support::bot::{Bot, Outcome};
use crate::support::fixtures;

const LOCK: &str = r#"{
  "name": "shop", "version": "1.0.0", "lockfileVersion": 3,
  "packages": {
    "": { "name": "shop", "version": "1.0.0", "dependencies": { "lodash": "4.17.20" } },
    "node_modules/lodash": { "version": "4.17.20", "resolved": "https://registry.example/lodash/-/lodash-4.17.20.tgz" }
  }
}"#;

struct Desk {
    bot: Bot,
    project: PathBuf,
    cache: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let bot = Bot::without_forge();
        let lock = bot.write("shop/package-lock.json", LOCK.as_bytes());
        bot.write("shop/package.json", br#"{"name": "shop", "dependencies": {"lodash": "4.17.20"}}"#);
        let (project, cache) = (lock.parent().expect("a folder").to_owned(), bot.path("shelf"));
        Self { bot, project, cache }
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut all: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        all.extend(["--cache".to_owned(), self.cache.display().to_string()]);
        self.bot.run_bare(&all)
    }

    fn audit(&self) -> Outcome {
        self.run(&["audit", &self.project.display().to_string(), "--offline"])
    }

    fn import(&self) -> Outcome {
        self.run(&["db", "import", &fixtures::advisories("known").display().to_string()])
    }

    fn index(&self) -> PathBuf {
        self.cache.join("advisories/imported.ppdb")
    }
}

#[test]
fn what_was_imported_is_what_an_offline_run_knows() {
    let desk = Desk::new();
    let audit = desk.audit();
    audit.expect_code(4);
    desk.run(&["db", "status"]).expect_code(4);
    desk.run(&["db", "verify"]).expect_code(4);

    let import = desk.import();
    import.expect_code(0);
    assert!(import.stdout.contains("imported, format 4") && import.stderr.is_empty(), "{import:?}");
    let audit = desk.audit();
    audit.expect_code(1);
    assert!(audit.stdout.contains("CVE-2021-23337"), "{}", audit.stdout);

    let status = desk.run(&["db", "status", "--format", "json"]);
    status.expect_code(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
    assert_eq!((status["version"].as_u64(), status["imported"].as_bool()), (Some(1), Some(true)));
    assert!(status["sources"][0]["advisories"].as_u64() > Some(0), "{status}");
    let verify = desk.run(&["db", "verify"]);
    verify.expect_code(0);
    assert!(verify.stdout.contains("whole, "), "{}", verify.stdout);

    // The same file under its own name, and never beside others.
    let index = desk.index().display().to_string();
    let audit = desk.run(&["audit", &desk.project.display().to_string(), "--advisories", &index]);
    audit.expect_code(1);
    let known = fixtures::advisories("known").display().to_string();
    let mixed = desk.run(&["audit", "--advisories", &index, "--advisories", &known]);
    mixed.expect_code(2);
    assert!(mixed.stderr.contains("a compiled index stands alone"), "{}", mixed.stderr);
}

#[test]
fn an_import_that_fails_changes_nothing_and_names_the_way_out() {
    let desk = Desk::new();
    desk.import().expect_code(0);
    let before = std::fs::read(desk.index()).expect("the index");
    let empty = desk.bot.write("empty/readme.txt", b"nothing");
    let garbage = desk.bot.write("garbage.ppdb", b"nothing");
    for (path, code, word) in [
        (empty.parent().expect("a folder").display().to_string(), 2, "tell the format"),
        ("https://example.org/all.zip".to_owned(), 2, "it is an address"),
        ("absent".to_owned(), 2, "find the advisories"),
        (garbage.display().to_string(), 4, "it is not a compiled advisory index"),
    ] {
        let outcome = desk.run(&["db", "import", &path]);
        outcome.expect_code(code);
        assert!(outcome.stderr.contains(word) && outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    }
    assert_eq!(std::fs::read(desk.index()).expect("the index"), before);
    desk.run(&["db", "import"]).expect_code(2);
    desk.run(&["db"]).expect_code(2);
}

#[test]
fn a_folder_of_several_sources_gives_all_of_them() {
    let desk = Desk::new();
    let record = br#"{"id": "GHSA-aaaa-bbbb-cccc", "modified": "2026-01-01T00:00:00Z", "affected": [{
        "package": {"ecosystem": "npm", "name": "lodash"}, "versions": ["4.17.20"]}]}"#;
    desk.bot.write("sources/osv/GHSA-aaaa-bbbb-cccc.json", record);
    let rust = b"```toml\n[advisory]\nid = \"RUSTSEC-2026-0001\"\npackage = \"demo\"\ndate = \"2026-01-01\"\n\n[versions]\npatched = []\n```\n\n# Title\n\nText.\n";
    desk.bot.write("sources/rust/crates/demo/RUSTSEC-2026-0001.md", rust);
    desk.bot.write("sources/notes/readme.txt", b"nothing");
    let folder = desk.bot.path("sources").display().to_string();
    let import = desk.run(&["db", "import", &folder]);
    import.expect_code(0);
    assert!(import.stdout.contains("2 advisories"), "{}", import.stdout);
    assert!(import.stdout.contains("osv ") && import.stdout.contains("rustsec "), "{}", import.stdout);
    assert!(import.stderr.contains("notes` has no advisories"), "{}", import.stderr);
    desk.audit().expect_code(1);
}

#[test]
fn what_is_no_index_is_named_with_the_way_out() {
    let desk = Desk::new();
    let garbage = desk.bot.write("garbage.ppdb", b"nothing");
    let folder = garbage.parent().expect("a folder");
    for (arguments, code, word) in [
        (&["status"][..], 4, "find a compiled index in"),
        (&["verify"], 4, "find a compiled index in"),
        (&["verify", "absent.ppdb"], 2, "`absent.ppdb`: it does not exist"),
        (&["verify", &folder.display().to_string()], 2, "it is no file"),
        (&["verify", &garbage.display().to_string()], 4, "garbage.ppdb`"),
    ] {
        let outcome = desk.run(&[&["db"], arguments].concat());
        outcome.expect_code(code);
        assert!(outcome.stderr.contains(word) && outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    }
    let audit = desk.audit();
    audit.expect_code(4);
    assert!(audit.stderr.contains("db import"), "{}", audit.stderr);
}

#[test]
fn a_damaged_index_is_never_a_clean_report() {
    let desk = Desk::new();
    desk.import().expect_code(0);
    let whole = std::fs::read(desk.index()).expect("the index");
    let mut incomplete = 0;
    for position in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        std::fs::write(desk.index(), &damaged).expect("the cache is writable");
        let audit = desk.audit();
        assert!(matches!(audit.code, Some(1 | 4)), "byte {position}: {audit:?}");
        incomplete += usize::from(audit.stdout.contains("is damaged at byte"));
        let verify = desk.run(&["db", "verify"]);
        verify.expect_code(4);
        assert!(verify.stderr.contains("the index"), "{}", verify.stderr);
    }
    assert!(incomplete > 0, "some damage is found by a look-up");
    std::fs::write(desk.index(), &whole[..whole.len() / 2]).expect("the cache is writable");
    let audit = desk.audit();
    audit.expect_code(4);
    assert!(audit.stderr.contains("cut off") && audit.stderr.contains("db import"), "{}", audit.stderr);
    desk.import().expect_code(0);
    desk.audit().expect_code(1);
}

#[test]
fn many_processes_import_and_audit_at_once() {
    let desk = Desk::new();
    desk.import().expect_code(0);
    let expected = std::fs::read(desk.index()).expect("the index");
    std::thread::scope(|scope| {
        for number in 0..4 {
            let desk = &desk;
            scope.spawn(move || {
                for _ in 0..3 {
                    if number % 2 == 0 {
                        desk.import().expect_code(0);
                    } else {
                        desk.audit().expect_code(1);
                    }
                }
            });
        }
    });
    assert_eq!(std::fs::read(desk.index()).expect("the index"), expected);
    let left = std::fs::read_dir(desk.cache.join("advisories")).expect("the cache").count();
    assert_eq!(left, 1, "no half-written file is left");
}
