//! Right, or said: what pins nothing that could be looked up is counted and named, and what is named is right.

use crate::support::bot::Bot;
use crate::support::known::{audit, bot_that_knows, flaw, texts};

/// A bot that knows a flaw of some packages, fixed in 99.
fn bot() -> Bot {
    let packages = [("npm", "bad"), ("NuGet", "Newtonsoft.Json"), ("Maven", "org.acme:bad"), ("RubyGems", "bad")];
    bot_that_knows(packages.into_iter().enumerate().map(|(number, package)| flaw(number, package, "99")))
}

#[test]
fn what_nobody_can_look_up_is_counted_and_named() {
    let bot = bot();
    let spring = "<project><parent><groupId>org.boot</groupId><artifactId>parent</artifactId><version>2.5.0</version><relativePath/></parent><artifactId>o</artifactId>\n<dependencies><dependency><groupId>g</groupId><artifactId>known</artifactId><version>1.0</version></dependency>\n<dependency><groupId>org.boot</groupId><artifactId>web</artifactId></dependency></dependencies></project>";
    let list = "<project><dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>bom</artifactId><version>1</version><type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>\n<dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId></dependency></dependencies></project>";
    let gradle = "dependencies {\n  implementation 'g:a'\n  implementation \"g:b:$nobody\"\n}\n";
    let project = "<Project><ItemGroup>\n<PackageReference Include=\"A\" /></ItemGroup></Project>";
    let components = r#"{"bomFormat": "CycloneDX", "specVersion": "1.4", "components": [{"type": "library", "name": "openssl", "version": "1.1.1", "cpe": "cpe:2.3:a:openssl:openssl:1.1.1:*:*:*:*:*:*:*"}, {"type": "library", "name": "own", "version": "1", "purl": "pkg:generic/own@1"}, {"type": "file", "name": "a.txt"}]}"#;
    let packages = r#"{"spdxVersion": "SPDX-2.3", "packages": [{"SPDXID": "SPDXRef-1", "name": "openssl", "versionInfo": "1.1.1"}]}"#;
    let docker = "ARG A=node:22.1.0@sha256:0123456789012345678901234567890123456789012345678901234567890123\nARG B\nFROM ${A}\nFROM ${B}\n";
    let compose = "services:\n  a:\n    image: ${IMAGE}\n  b:\n    image: acme/b:${TAG:-1.2.3}\n";
    let workflow = "jobs:\n  a:\n    container: ${{ matrix.image }}\n";
    for (name, content, expected) in [
        ("pom.xml", spring, "pom.xml:3: 1 direct dependency has no version here: `org.boot:web`"),
        ("pom.xml", list, "pom.xml:2: 1 direct dependency has no version here: `g:a`"),
        ("build.gradle", gradle, "build.gradle:2: 2 direct dependencies have no version here: `g:a`, `g:b`"),
        ("a.csproj", project, "a.csproj:2: 1 direct dependency has no version here: `A`"),
        ("bom.json", components, "bom.json:1: 2 components name no package that advisories know: `openssl`, `own`"),
        ("a.spdx.json", packages, "a.spdx.json:1: 1 component names no package that advisories know: `openssl`"),
        ("Dockerfile", docker, "Dockerfile:4: 1 image is only known when it is used: `${B}`"),
        ("compose.yaml", compose, "compose.yaml:3: 1 image is only known when it is used: `${IMAGE}`"),
        (
            ".github/workflows/a.yml",
            workflow,
            ".github/workflows/a.yml:3: 1 reference is only known when it is used: `${{ matrix.image }}`",
        ),
    ] {
        let (_, project) = audit(&bot, &[(name, content.as_bytes())]);
        let remarks: Vec<String> = texts(&project, "remarks", "place")
            .into_iter()
            .zip(texts(&project, "remarks", "message"))
            .map(|(place, message)| format!("{place}: {message}"))
            .collect();
        assert_eq!(remarks, [expected], "{project}");
        assert_eq!(project["problems"].as_array().map(Vec::len), Some(0), "{project}");
        // A copy elsewhere is told as well, though it is read once.
        let copy = format!("copy/{name}");
        if !name.starts_with('.') {
            let (_, project) = audit(&bot, &[(name, content.as_bytes()), (&copy, content.as_bytes())]);
            assert_eq!(texts(&project, "remarks", "message").len(), 2, "{project}");
        }
    }
}

#[test]
fn manifests_that_pin_by_themselves_are_audited() {
    let bot = bot();
    let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<!-- \xe9 -->\n<project><dependencies><dependency><groupId>org.acme</groupId><artifactId>bad</artifactId><version>1</version></dependency></dependencies></project>";
    let config = b"<?xml version=\"1.0\" encoding=\"windows-1252\"?>\n<!-- \x80 -->\n<packages><package id=\"Newtonsoft.Json\" version=\"12.0.1\" /></packages>";
    let purl = br#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"type": "library", "name": "bad", "version": "1.0.0", "purl": "pkg:npm/bad"}]}"#;
    let spdx = br#"{"spdxVersion": "SPDX-2.3", "packages": [{"SPDXID": "SPDXRef-1", "name": "bad", "versionInfo": "1.0.0", "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:npm/bad"}]}]}"#;
    let parent = b"<project><parent><groupId>org.acme</groupId><artifactId>bad</artifactId><version>1</version></parent></project>";
    for (name, content) in [
        ("app/build.gradle", &b"dependencies {\n  implementation 'org.acme:bad:1.0'\n}\n"[..]),
        ("app/build.gradle.kts", b"val v = \"1.0\"\ndependencies {\n  implementation(\"org.acme:bad:$v\")\n}\n"),
        ("srv/srv.csproj", b"<Project Sdk=\"x\"><ItemGroup><PackageReference Include=\"Newtonsoft.Json\" Version=\"12.0.1\" /></ItemGroup></Project>"),
        ("srv/srv.fsproj", b"<Project Sdk=\"x\"><ItemGroup><PackageReference Include=\"newtonsoft.json\"><Version>12.0.1</Version></PackageReference></ItemGroup></Project>"),
        ("pom.xml", latin),
        ("n/packages.config", config),
        ("bom.json", purl),
        ("a.spdx.json", spdx),
        ("pom.xml", parent),
    ] {
        let (outcome, project) = audit(&bot, &[(name, content)]);
        assert_eq!(texts(&project, "findings", "kind"), ["vulnerability"], "{name}: {project}");
        outcome.expect_code(1);
    }
}

#[test]
fn a_gem_that_bundler_has_unpacked_is_not_the_project() {
    let bot = bot();
    let lock = |name: &str| {
        format!("GEM\n  remote: https://registry.example/\n  specs:\n    {name} (1.0.0)\n\nDEPENDENCIES\n  {name}\n")
    };
    let (own, other) = (lock("ok"), lock("bad"));
    let inside = "vendor/bundle/ruby/3.3.0/gems/ap-1.8.0/Gemfile.lock";
    let (outcome, project) = audit(&bot, &[("Gemfile.lock", own.as_bytes()), (inside, other.as_bytes())]);
    assert_eq!(texts(&project, "findings", "kind"), Vec::<String>::new(), "{project}");
    assert_eq!(texts(&project, "not_read", "reason"), ["installed-packages"], "{project}");
    outcome.expect_code(0);
}
