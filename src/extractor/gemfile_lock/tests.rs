//! The forms of a Gemfile.lock.

use super::super::testing::{extract, show};
use super::*;

fn read_alone(text: &str) -> Result<Vec<Dependency>, ParseError> {
    extract(&GemfileLock, &[("Gemfile.lock", text.as_bytes())])
}

const LOCK: &str = "\
GIT
  remote: https://git.example/acme/branchy.git
  revision: 0123456789012345678901234567890123456789
  branch: main
  specs:
    branchy (1.0)
      rack (>= 1, < 3)

GIT
  remote: https://git.example/acme/loose.git
  revision: 1123456789012345678901234567890123456789
  specs:
    loose (0.1)

GIT
  remote: https://git.example/acme/tagged.git
  revision: 2123456789012345678901234567890123456789
  tag: v1.0
  submodules: true
  specs:
    tagged (1.0)

GIT
  remote: https://git.example/acme/fixed.git
  revision: 3123456789012345678901234567890123456789
  ref: 3123456
  specs:
    fixed (1.0)

GIT
  remote: https://git.example/acme/versioned.git
  revision: 4123456789012345678901234567890123456789
  ref: v2.1
  specs:
    versioned (2.1)

PATH
  remote: .
  specs:
    own (0.0.1)
      nokogiri

PLUGIN SOURCE
  remote: s3://gems
  type: aws-s3
  specs:
    plugged (1.5.0)

GEM
  remote: https://registry.example/
  remote: https://other.example/
  specs:
    mini_portile2 (2.8.5)
    nokogiri (1.16.0)
      mini_portile2 (~> 2.8.2)
      racc (~> 1.4)
    nokogiri (1.16.0-x86_64-linux)
      racc (~> 1.4)
    racc (1.7.3)
    rack (2.2.8.pre.1)

PLATFORMS
  ruby
  x86_64-linux

DEPENDENCIES
  branchy!
  own!
  rack (~> 2.0)
  tagged (= 1.0)!

CHECKSUMS
  racc (1.7.3) sha256=00

RUBY VERSION
   ruby 3.1.2p20

BUNDLED WITH
   2.3.15
";

#[test]
fn every_source_is_read() {
    insta::assert_snapshot!(show(&read_alone(LOCK).expect("a lockfile")), @r#"
    0 branchy@1.0 Runtime direct Git { url: "https://git.example/acme/branchy.git", pin: Branch("main"), commit: Some(CommitId("0123456789012345678901234567890123456789")) } [] line 6
    1 loose@0.1 Runtime Git { url: "https://git.example/acme/loose.git", pin: DefaultBranch, commit: Some(CommitId("1123456789012345678901234567890123456789")) } [] line 13
    2 tagged@1.0 Runtime direct Git { url: "https://git.example/acme/tagged.git", pin: Tag("v1.0"), commit: Some(CommitId("2123456789012345678901234567890123456789")) } [] line 21
    3 fixed@1.0 Runtime Git { url: "https://git.example/acme/fixed.git", pin: Commit, commit: Some(CommitId("3123456789012345678901234567890123456789")) } [] line 28
    4 versioned@2.1 Runtime Git { url: "https://git.example/acme/versioned.git", pin: Tag("v2.1"), commit: Some(CommitId("4123456789012345678901234567890123456789")) } [] line 35
    5 own@0.0.1 Runtime direct Path [] line 40
    6 plugged@1.5.0 Runtime Archive { url: "s3://gems" } [] line 47
    7 mini_portile2@2.8.5 Runtime Registry { url: None } [8 ~> 2.8.2] line 53
    8 nokogiri@1.16.0 Runtime Registry { url: None } [5 >= 0] line 54
    9 racc@1.7.3 Runtime Registry { url: None } [8 ~> 1.4] line 59
    10 rack@2.2.8.pre.1 Runtime direct Registry { url: None } [0 >= 1, < 3] line 60
    "#);
    assert_eq!(read_alone(&LOCK.replace('\n', "\r\n")).expect("a lockfile"), read_alone(LOCK).expect("a lockfile"));
}

#[test]
fn what_only_tests_need_is_development() {
    let lock = "GEM\n  specs:\n    a (1)\n      both (1)\n    b (1)\n      both\n      only\n    both (1)\n    only (1)\n\nDEPENDENCIES\n  a\n  b\n";
    let manifest = "gem 'a'\ngroup :test do\n  gem 'b'\nend\n";
    let files = [("x/Gemfile.lock", lock.as_bytes()), ("x/Gemfile", manifest.as_bytes())];
    let found = extract(&GemfileLock, &files).expect("a lockfile");
    let scopes: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.scope)).collect();
    let (runtime, development) = (Scope::Runtime, Scope::Development);
    assert_eq!(scopes, [("a", runtime), ("b", development), ("both", runtime), ("only", development)]);
}

#[test]
fn what_is_no_lockfile_is_refused_with_a_way_out() {
    let crowd: String = (0..2_000).map(|number| format!("    a ({number})\n")).collect();
    let asking: String = (0..2_000).map(|number| format!("    b{number} (1)\n      a\n")).collect();
    let crowd = format!("GEM\n  specs:\n{crowd}{asking}");
    for (text, line) in [
        ("", None),
        ("  a\n", Some(1)),
        ("{}", Some(1)),
        ("GEM\n  specs:\n     (1)\n", Some(3)),
        ("GEM\n  specs:\n     a (1)\n", Some(3)),
        ("GEM\n  specs:\n<<<<<<< HEAD\n    a (1)\n", Some(3)),
        ("gem 'a'\n", Some(1)),
        (crowd.as_str(), None),
    ] {
        let error = read_alone(text).expect_err("no lockfile");
        assert_eq!(error.line, line, "{error} of {text:.20}");
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("bundle lock")), "{error}");
    }
    assert!(read_alone("GEM\n  specs:\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n").expect("empty").is_empty());
}

#[test]
fn a_section_that_is_none_of_bundlers_is_a_named_problem() {
    let text = b"GEM\n  remote: https://gems.example/\n  specs:\n    a (1.0)\n\nGEMS\n  specs:\n    evil (1.0)\n";
    let tree = super::super::testing::MemoryTree::new(&[("Gemfile.lock", text)]);
    let path = RepoPath::new("Gemfile.lock").expect("a plain path");
    let problems = GemfileLock.not_followed(&SourceFile { path: &path, content: text, tree: &tree });
    assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [Some(6)]);
    assert_eq!(read_alone("GEM\n  specs:\n    a (1.0)\n\nPLATFORMS\n  ruby\n").expect("a lockfile").len(), 1);
    assert!(read_alone("HELLO\n  world\n").is_err());
}

#[test]
fn bundlers_names_for_lockfiles_are_claimed() {
    for (path, claimed) in [
        ("a/Gemfile.lock", true),
        ("gems.locked", true),
        ("gemfiles/rails_6.gemfile.lock", true),
        ("Gemfile.next.lock", true),
        ("Gemfile_next.lock", true),
        ("Gemfile", false),
        ("Gemfiles.lock", false),
        ("x.lock", false),
    ] {
        assert_eq!(GemfileLock.claims(&RepoPath::new(path).expect("a plain path")), claimed, "{path}");
    }
}

#[test]
fn a_gem_with_the_mark_of_what_is_pinned_has_its_version() {
    for (line, expected) in [
        ("rack (3.0.0)!", "rack@3.0.0"),
        ("rack (3.0.0) sha256=0123", "rack@3.0.0"),
        ("rack (3.0.0)! sha256=0123", "rack@3.0.0"),
        ("rack (3.0.0-java)!", "rack@3.0.0"),
        ("rack!", "rack@"),
    ] {
        let text = format!("GEM\n  remote: https://gems.example/\n  specs:\n    {line}\n\nDEPENDENCIES\n  rack!\n");
        let found = extract(&GemfileLock, &[("Gemfile.lock", text.as_bytes())]).expect("a lockfile");
        let found: Vec<String> = found.iter().map(|gem| format!("{}@{}", gem.name, gem.version)).collect();
        assert_eq!(found, [expected], "{line}");
    }
    for line in ["rack (3.0.0", "rack (3.0.0)x", "rack (3.0.0) a b"] {
        let text = format!("GEM\n  specs:\n    {line}\n");
        let error = extract(&GemfileLock, &[("Gemfile.lock", text.as_bytes())]).expect_err("no gem of Bundler's");
        assert_eq!(error.line, Some(3), "{line}");
    }
}
