//! The forms of a pom.xml.

use super::super::testing::{extract, show};
use super::*;

const PARENT: &str = r"<project>
  <groupId>com.acme</groupId><artifactId>parent</artifactId><version>2.0</version><packaging>pom</packaging>
  <properties><guava.version>31.0-jre</guava.version><slf4j>1.7.0</slf4j></properties>
  <dependencyManagement><dependencies>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-api</artifactId><version>${slf4j}</version></dependency>
    <dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.13</version><scope>test</scope></dependency>
  </dependencies></dependencyManagement>
</project>
";

const CHILD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>com.acme</groupId><artifactId>parent</artifactId><version>2.0</version></parent>
  <artifactId>web</artifactId>
  <properties><slf4j>1.7.36</slf4j></properties>
  <dependencies>
    <dependency>
      <groupId>com.google.guava</groupId>
      <artifactId>guava</artifactId> <!-- a comment -->
      <version>${guava.version}</version>
    </dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-api</artifactId></dependency>
    <dependency><groupId>junit</groupId><artifactId>junit</artifactId></dependency>
    <dependency><groupId>${project.groupId}</groupId><artifactId>core</artifactId><version>${project.version}</version></dependency>
    <dependency><groupId>a</groupId><artifactId>provided</artifactId><version>[1.0]</version><scope>provided</scope></dependency>
    <dependency><groupId>a</groupId><artifactId>system</artifactId><version>1</version><scope>system</scope></dependency>
    <dependency><groupId>a</groupId><artifactId>range</artifactId><version>[1.0,2.0)</version></dependency>
    <dependency><groupId>a</groupId><artifactId>unknown</artifactId><version>${nobody}</version></dependency>
    <dependency><groupId>a</groupId><artifactId>latest</artifactId><version>LATEST</version></dependency>
    <dependency><groupId>a</groupId><artifactId>elsewhere</artifactId></dependency>
  </dependencies>
  <dependencyManagement><dependencies>
    <dependency><groupId>b</groupId><artifactId>managed</artifactId><version>3&#46;1</version></dependency>
    <dependency><groupId>b</groupId><artifactId>list</artifactId><version>1</version><type>pom</type><scope>import</scope></dependency>
  </dependencies></dependencyManagement>
  <build><plugins><plugin>
    <artifactId>maven-compiler-plugin</artifactId><version>3.8.1</version>
    <configuration><deep><deeper/></deep></configuration>
    <dependencies><dependency><groupId>c</groupId><artifactId>of-plugin</artifactId><version>1</version></dependency></dependencies>
  </plugin></plugins></build>
  <profiles><profile><id>x</id>
    <properties><guava.version>32.0-jre</guava.version></properties>
    <dependencies><dependency><groupId>com.google.guava</groupId><artifactId>guava</artifactId><version>${guava.version}</version></dependency></dependencies>
  </profile></profiles>
</project>
"#;

#[test]
fn versions_come_from_the_project_and_its_parents() {
    let files = [("web/pom.xml", CHILD.as_bytes()), ("pom.xml", PARENT.as_bytes())];
    insta::assert_snapshot!(show(&extract(&Pom, &files).expect("a pom.xml")), @r#"
    0 com.google.guava:guava@31.0-jre Runtime direct Registry { url: None } [] line 9
    1 org.slf4j:slf4j-api@1.7.36 Runtime direct Registry { url: None } [] line 12
    2 junit:junit@4.13 Development direct Registry { url: None } [] line 13
    3 com.acme:core@2.0 Runtime direct Registry { url: None } [] line 14
    4 a:provided@1.0 Development direct Registry { url: None } [] line 15
    5 a:system@1 Runtime direct Path [] line 16
    6 b:managed@3.1 Runtime Registry { url: None } [] line 23
    7 org.apache.maven.plugins:maven-compiler-plugin@3.8.1 Development direct Registry { url: None } [] line 27
    8 c:of-plugin@1 Development Registry { url: None } [] line 29
    9 com.google.guava:guava@32.0-jre Runtime direct Registry { url: None } [] line 33
    "#);
    let alone = extract(&Pom, &files[..1]).expect("a pom.xml");
    assert!(alone.iter().all(|it| !it.name.contains("slf4j") && !it.name.contains("junit")));
    // A parent from a repository is pinned itself.
    assert_eq!((alone[0].name.as_str(), alone[0].version.as_str()), ("com.acme:parent", "2.0"));
    let module = "<project><parent><artifactId>parent</artifactId></parent><artifactId>core</artifactId></project>";
    let with_module = [files[0], files[1], ("core/pom.xml", module.as_bytes())];
    let core = extract(&Pom, &with_module).expect("a pom.xml").into_iter().find(|it| it.name == "com.acme:core");
    assert_eq!(core.expect("the module").origin, Origin::Path);
}

/// What is noted about the first of several files, and the names and versions in it.
fn noted(files: &[(&str, &[u8])]) -> (Vec<String>, Vec<String>) {
    let tree = super::super::testing::MemoryTree::new(files);
    let path = RepoPath::new(files[0].0).expect("a plain path");
    let file = SourceFile { path: &path, content: files[0].1, tree: &tree };
    let found = Pom.extract(&file).expect("a pom.xml");
    let said = Pom.noted(&file).into_iter().map(|it| format!("{}: {}", it.line, it.message));
    (said.collect(), found.iter().map(|it| format!("{}@{}", it.name, it.version)).collect())
}

#[test]
fn what_has_no_version_here_is_counted_and_named() {
    let (said, _) = noted(&[("web/pom.xml", CHILD.as_bytes()), ("pom.xml", PARENT.as_bytes())]);
    assert_eq!(said, ["17: 4 direct dependencies have no version here: `a:range`, `a:unknown`, `a:latest` and 1 more"]);
    let text = "<project><dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>${x}</version></dependency></dependencies></dependencyManagement><dependencies><dependency><groupId>${g}</groupId><artifactId>b</artifactId><version>1</version></dependency></dependencies></project>";
    let (said, _) = noted(&[("pom.xml", text.as_bytes())]);
    let expected =
        ["1: 1 direct dependency has no version here: `${g}:b`", "1: 1 managed dependency has no version here: `g:a`"];
    assert_eq!(said, expected);
}

#[test]
fn properties_come_from_profiles_and_from_what_maven_is_started_with() {
    let text = "<project><properties><a>1</a><b>1</b></properties><dependencies>\
        <dependency><groupId>g</groupId><artifactId>a</artifactId><version>${a}</version></dependency>\
        <dependency><groupId>g</groupId><artifactId>b</artifactId><version>${b}</version></dependency>\
        <dependency><groupId>g</groupId><artifactId>c</artifactId><version>${c}</version></dependency>\
        <dependency><groupId>g</groupId><artifactId>d</artifactId><version>${d}</version></dependency>\
        </dependencies><profiles><profile><properties><a>2</a><d>4</d></properties></profile></profiles></project>";
    let files: [(&str, &[u8]); 3] = [
        ("m/pom.xml", text.as_bytes()),
        (".mvn/maven.config", b"-Db=7\n"),
        (".mvn/jvm.config", b"-Xmx1g -Db=8 -Dc=9\n"),
    ];
    let (said, found) = noted(&files);
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(found, ["g:a@1", "g:b@7", "g:c@9", "g:a@2", "g:d@4"]);
}

#[test]
fn a_version_that_is_managed_and_hidden_by_a_direct_one_is_not_read() {
    let text = "<project><dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>1</version></dependency></dependencies></dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>2</version></dependency></dependencies></project>";
    assert_eq!(noted(&[("pom.xml", text.as_bytes())]).1, ["g:a@2"]);
}

#[test]
fn parents_that_lead_in_a_circle_end() {
    let pom = |name: &str, path: &str| {
        format!(
            "<project><parent><artifactId>{name}</artifactId><relativePath>{path}</relativePath></parent><artifactId>{name}</artifactId></project>"
        )
    };
    let (first, second) = (pom("a", "../b"), pom("a", "../a"));
    let files = [("a/pom.xml", first.as_bytes()), ("b/pom.xml", second.as_bytes())];
    assert!(extract(&Pom, &files).expect("a pom.xml").is_empty());
}

#[test]
fn what_is_no_pom_is_refused_with_a_way_out() {
    let deep = format!("<project>{}", "<a>".repeat(100_000));
    for (text, line) in [
        ("", None),
        ("{}", Some(1)),
        ("<settings/>", Some(1)),
        ("<project>\n</projekt>", Some(2)),
        ("<project>\n", Some(2)),
        ("<project/>\n<project/>", Some(2)),
        ("<!DOCTYPE p [<!ENTITY x \"y\">]>\n<project><version>&x;</version></project>", Some(2)),
        ("<project>\n<<<<<<< HEAD\n</project>", Some(2)),
        (deep.as_str(), Some(1)),
    ] {
        let error = extract(&Pom, &[("pom.xml", text.as_bytes())]).expect_err("no pom.xml");
        assert_eq!(error.line, line, "{error} of {text:.40}");
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("effective-pom")), "{error}");
    }
}

#[test]
fn a_parent_that_is_no_parents_size_is_not_read() {
    let child = "<project><parent><artifactId>p</artifactId></parent><dependencies><dependency><groupId>a</groupId><artifactId>b</artifactId><version>${v}</version></dependency></dependencies></project>";
    let parent = |spare: usize| {
        format!(
            "<project><artifactId>p</artifactId><properties><v>1</v></properties><!--{}--></project>",
            " ".repeat(spare)
        )
    };
    for (spare, found) in [(100_000, 1), (5_000_000, 0)] {
        let parent = parent(spare);
        let files = [("a/pom.xml", child.as_bytes()), ("pom.xml", parent.as_bytes())];
        assert_eq!(extract(&Pom, &files).expect("a pom.xml").len(), found, "{spare}");
    }
}

#[test]
fn what_would_take_many_times_its_size_is_refused() {
    for unit in ["<a/>", "<a></a>"] {
        let text = format!("<project>{}</project>", unit.repeat(2 * 1024 * 1024 / unit.len()));
        let error = extract(&Pom, &[("pom.xml", text.as_bytes())]).expect_err(unit);
        assert!(error.message.contains("more elements"), "{error}");
    }
}
