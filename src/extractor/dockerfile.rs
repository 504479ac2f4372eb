//! Dockerfiles: the images that a build starts from, copies from and mounts, and the repositories it adds
//! (<https://docs.docker.com/reference/dockerfile/>).

mod instructions;
mod scope;

use std::collections::HashSet;

use super::contract::git_pin::judge;
use super::contract::image::Image;
use super::contract::text::{read_text, read_whole};
use super::contract::unusable::Unusable;
use super::contract::variables::Style;
use super::contract::{Extractor, Noted, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, GitPin, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use instructions::{Instruction, Instructions};
use scope::Values;

const WAY_OUT: &str = "run `docker build --check`, which names what is wrong";

/// Endings of files that are about a Dockerfile, or become one.
const NO_DOCKERFILES: [&str; 42] = [
    "adoc",
    "bak",
    "diff",
    "dist",
    "dockerignore",
    "ejs",
    "erb",
    "go",
    "gotmpl",
    "hbs",
    "html",
    "in",
    "j2",
    "jinja",
    "jinja2",
    "js",
    "json",
    "lock",
    "md",
    "mustache",
    "orig",
    "patch",
    "php",
    "py",
    "rej",
    "rs",
    "rst",
    "sample",
    "sh",
    "sha256",
    "swp",
    "template",
    "tmLanguage",
    "tmpl",
    "toml",
    "tpl",
    "ts",
    "txt",
    "vim",
    "xml",
    "yaml",
    "yml",
];

/// Every instruction that Docker knows.
const KNOWN: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Reads Dockerfiles.
pub(super) struct Dockerfile;

impl Extractor for Dockerfile {
    fn id(&self) -> &'static str {
        "dockerfile"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        if matches!(name, "Dockerfile" | "Containerfile" | "dockerfile" | "containerfile") {
            return true;
        }
        let Some((stem, ending)) = name.rsplit_once('.') else { return false };
        let is_start = name.starts_with("Dockerfile.") || name.starts_with("Containerfile.");
        let is_end = matches!(ending, "Dockerfile" | "dockerfile" | "Containerfile" | "containerfile");
        (is_end && !stem.is_empty()) || (is_start && !NO_DOCKERFILES.contains(&ending))
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| Ok(read(text)?.found))
    }

    fn noted(&self, file: &SourceFile<'_>) -> Vec<Noted> {
        let build = read_text(file.content).ok().and_then(|text| read(text).ok());
        build.and_then(|build| build.open.noted(Image::OPEN, Image::OPEN_LACK)).into_iter().collect()
    }
}

fn read(text: &str) -> Result<Build, ParseError> {
    let file = instructions::read(text)?;
    let mut build = Build::of(&file);
    if let Some((image, line)) = &file.syntax {
        // It reads the file at build time, and is nothing of what is built.
        build.found.extend(Image::parse(image).map(|image| image.dependency(Scope::Development, *line)));
    }
    for instruction in &file.list {
        build.step(instruction)?;
    }
    if !build.has_stage {
        return Err(ParseError::new("read it: it has no `FROM`"));
    }
    check_package_count(build.found.len())?;
    Ok(build)
}

/// What is known at a point of the build.
struct Build {
    style: Style,
    /// Another reader than Docker's own may know more instructions.
    has_own_syntax: bool,
    /// The names of all stages of the file, in lower case: `COPY --from` finds each of them.
    names: HashSet<String>,
    /// Whether a stage has begun.
    has_stage: bool,
    /// The names of the stages so far.
    stages: HashSet<String>,
    global: Values,
    values: Values,
    found: Vec<Dependency>,
    /// The images that only the build decides about.
    open: Unusable,
}

impl Build {
    fn of(file: &Instructions) -> Self {
        let froms = file.list.iter().filter(|instruction| instruction.name == "FROM");
        let own = file
            .syntax
            .as_ref()
            .is_some_and(|(image, _)| !image.trim_start_matches("docker.io/").starts_with("docker/dockerfile"));
        Self {
            style: Style::Shell { escape: file.escape },
            has_own_syntax: own,
            names: froms.filter_map(|from| stage_name(&from.words())).collect(),
            has_stage: false,
            stages: HashSet::new(),
            global: Values::default(),
            values: Values::default(),
            found: Vec::new(),
            open: Unusable::default(),
        }
    }

    fn step(&mut self, instruction: &Instruction) -> Result<(), ParseError> {
        if !self.has_stage && !matches!(instruction.name.as_str(), "FROM" | "ARG") && !self.has_own_syntax {
            let known = KNOWN.contains(&instruction.name.as_str());
            let message = if known { "read it: a build starts with `FROM`".to_owned() } else { unknown(instruction) };
            return Err(ParseError::new(message).at_line(instruction.line));
        }
        match instruction.name.as_str() {
            "FROM" => return self.from(instruction),
            "ARG" if !self.has_stage => self.global.declare(instruction, self.style, None),
            "ARG" => self.values.declare(instruction, self.style, Some(&self.global)),
            "ENV" => self.values.set(instruction, self.style),
            "ONBUILD" => {
                // It takes effect in the builds that start from this image.
                let words = instruction.words();
                if let Some((first, rest)) = words.split_first() {
                    self.uses(&first.1.to_ascii_uppercase(), rest, instruction);
                }
            }
            name @ ("COPY" | "ADD" | "RUN") => self.uses(name, &instruction.words(), instruction),
            name if KNOWN.contains(&name) || self.has_own_syntax => {}
            _ => return Err(ParseError::new(unknown(instruction)).at_line(instruction.line)),
        }
        Ok(())
    }

    /// `FROM [--platform=…] image [AS name]`.
    fn from(&mut self, instruction: &Instruction) -> Result<(), ParseError> {
        let words = instruction.words();
        let fault = |message: String| ParseError::new(message).at_line(instruction.line);
        let Some(&(offset, written)) = words.iter().find(|(_, word)| !word.starts_with("--")) else {
            return Err(fault("read it: a `FROM` names no image".to_owned()));
        };
        let line = instruction.line_at(offset);
        // What is only known when it is built is named; a default that is empty is filled in by whoever builds.
        match self.global.expand(written, self.style).filter(|image| !image.is_empty()) {
            None => self.open.add(written, line),
            Some(image) if image == "scratch" || self.stages.contains(&image.to_ascii_lowercase()) => {}
            Some(image) => {
                let read = Image::parse(&image);
                let read = read.ok_or_else(|| fault(format!("read it: `{}` names no image", image.escape_debug())))?;
                self.found.push(read.dependency(Scope::Runtime, line));
            }
        }
        self.has_stage = true;
        self.stages.extend(stage_name(&words));
        self.values = Values::default();
        Ok(())
    }

    /// What `COPY --from=`, `RUN --mount=from=` and `ADD` take from elsewhere.
    fn uses(&mut self, name: &str, words: &[(usize, &str)], instruction: &Instruction) {
        let flags = words.iter().take_while(|(_, word)| word.starts_with("--"));
        for &(offset, flag) in flags.clone() {
            let line = instruction.line_at(offset);
            match (name, flag.split_once('=')) {
                ("COPY", Some(("--from", image))) => self.image(image, Scope::Runtime, line),
                // A mount is there while the command runs, and not in what is built.
                ("RUN", Some(("--mount", options))) => {
                    let options = options.trim_matches(['"', '\'']).split(',');
                    for image in options.filter_map(|option| option.trim().strip_prefix("from=")) {
                        self.image(image, Scope::Development, line);
                    }
                }
                _ => {}
            }
        }
        if name == "ADD" {
            let sources = words.get(flags.count()..).unwrap_or_default();
            for &(offset, source) in sources.split_last().map_or(&[][..], |(_, sources)| sources) {
                // The form of a list: `["source", "target"]`.
                let plain = source.trim_start_matches('[').trim_end_matches([',', ']']);
                let source = self.values.expand(plain, self.style);
                self.found.extend(source.and_then(|source| repository(&source, instruction.line_at(offset))));
            }
        }
    }

    /// An image that is no stage of this file; variables are not known here to Docker, either.
    fn image(&mut self, written: &str, scope: Scope, line: u32) {
        let image = written.trim_matches(['"', '\'']);
        let is_stage = image.parse::<usize>().is_ok() || self.names.contains(&image.to_ascii_lowercase());
        if !is_stage && image != "scratch" {
            match Image::parse(image) {
                Some(image) => self.found.push(image.dependency(scope, line)),
                None => self.open.add(image, line),
            }
        }
    }
}

fn unknown(instruction: &Instruction) -> String {
    format!("read it: `{}` is no instruction", instruction.name.escape_debug())
}

/// The name behind `AS`, in lower case.
fn stage_name(words: &[(usize, &str)]) -> Option<String> {
    let mut words = words.iter().map(|(_, word)| *word).filter(|word| !word.starts_with("--")).skip(1);
    let name = words.next().filter(|word| word.eq_ignore_ascii_case("as")).and_then(|_| words.next());
    name.map(str::to_ascii_lowercase)
}

/// The repository that `ADD` clones, judged as `BuildKit`'s `ParseGitRef` does: by the scheme, or by `.git` at the end.
fn repository(source: &str, line: u32) -> Option<Dependency> {
    let (address, fragment) = source.split_once('#').map_or((source, None), |(address, rest)| (address, Some(rest)));
    let (address, query) = address.split_once('?').map_or((address, None), |(address, rest)| (address, Some(rest)));
    let over_http = address.starts_with("https://") || address.starts_with("http://");
    let by_scheme = ["git://", "ssh://", "git@"].iter().any(|scheme| address.starts_with(scheme));
    let named_so = over_http && address.strip_suffix(".git").is_some();
    if !by_scheme && !named_so {
        return None;
    }
    // `#reference:folder`, or the same as parameters.
    let named = |key: &str| {
        let parameters = query?.split('&').filter_map(|parameter| parameter.split_once('='));
        parameters.filter(|(name, value)| *name == key && !value.is_empty()).map(|(_, value)| value).next()
    };
    let fragment = fragment.map(|rest| rest.split(':').next().unwrap_or_default()).filter(|rest| !rest.is_empty());
    let (pin, commit) = match fragment.or_else(|| named("commit")).or_else(|| named("ref")) {
        Some(reference) => judge(reference),
        None => match (named("tag"), named("branch")) {
            (Some(tag), _) => (GitPin::Tag(tag.to_owned()), None),
            (None, Some(branch)) => (GitPin::Branch(branch.to_owned()), None),
            (None, None) => (GitPin::DefaultBranch, None),
        },
    };
    let version = match &pin {
        GitPin::Commit => commit.as_ref().map_or("HEAD", |commit| commit.as_str()).to_owned(),
        GitPin::Tag(name) | GitPin::Branch(name) => name.clone(),
        GitPin::DefaultBranch => "HEAD".to_owned(),
    };
    Some(Dependency {
        origin: Origin::Git { url: address.to_owned(), pin, commit },
        direct: true,
        ..Dependency::new(Ecosystem::Git, address, version, line)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    fn of(text: &str) -> String {
        show(
            &extract(&Dockerfile, &[("Dockerfile", text.as_bytes())]).unwrap_or_else(|error| panic!("{error}: {text}")),
        )
    }

    fn names(text: &str) -> Vec<String> {
        let found =
            extract(&Dockerfile, &[("Dockerfile", text.as_bytes())]).unwrap_or_else(|error| panic!("{error}: {text}"));
        found.iter().map(|it| format!("{}@{}", it.name, it.version)).collect()
    }

    #[test]
    fn stages_are_told_from_images() {
        let text = "ARG BASE=Build\nFROM --platform=$BUILDPLATFORM golang:1.22 AS Build\nFROM scratch AS empty\nFROM $BASE AS test\nfrom alpine\nCOPY --from=build /a /a\nCOPY --from=0 / /\nCOPY --from=late / /\nCOPY --chown=1 --from=busybox:1.36 / /\nFROM debian AS late\n";
        insta::assert_snapshot!(of(text), @r#"
        0 golang@1.22 Runtime direct Image { tag: Some("1.22"), digest: None } [] line 2
        1 alpine@latest Runtime direct Image { tag: None, digest: None } [] line 5
        2 busybox@1.36 Runtime direct Image { tag: Some("1.36"), digest: None } [] line 9
        3 debian@latest Runtime direct Image { tag: None, digest: None } [] line 10
        "#);
    }

    #[test]
    fn arguments_above_the_first_stage_are_put_in() {
        for (text, expected) in [
            ("ARG V=1.2\nFROM a:$V", &["a@1.2"][..]),
            ("ARG V=1.2 W=${V}-slim\nFROM a:${W}", &["a@1.2-slim"]),
            ("ARG V\nFROM a:${V:-3}", &["a@3"]),
            ("ARG V\nFROM a:$V", &[]),
            ("ARG V=\"7\"\nFROM 'a':${V}", &["a@7"]),
            ("ARG V\nFROM a${V:+:x}", &["a@latest"]),
            ("FROM a:${TARGETARCH}", &[]),
            ("FROM a\nARG V=1\nFROM b:$V", &["a@latest"]),
            (
                "ARG R=host.example:5000\nFROM $R/a/b:1@sha256:0123456789012345678901234567890123456789012345678901234567890123",
                &["host.example:5000/a/b@1"],
            ),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn mounts_triggers_and_the_syntax_are_read() {
        let text = "# syntax=docker/dockerfile:1.7\nFROM a:1\nRUN --mount=type=cache,target=/c --mount=type=bind,from=tool:2,target=/t x\nONBUILD COPY --from=hook:3 / /\nRUN <<EOF\nFROM no:1\nEOF\nRUN --mount=from=$X y\n";
        insta::assert_snapshot!(of(text), @r#"
        0 docker/dockerfile@1.7 Development direct Image { tag: Some("1.7"), digest: None } [] line 1
        1 a@1 Runtime direct Image { tag: Some("1"), digest: None } [] line 2
        2 tool@2 Development direct Image { tag: Some("2"), digest: None } [] line 3
        3 hook@3 Runtime direct Image { tag: Some("3"), digest: None } [] line 4
        "#);
    }

    #[test]
    fn repositories_that_are_added_are_read() {
        let text = "ARG G=v2\nFROM a\nARG G\nENV H=main\nADD --keep-git-dir=true https://github.com/a/b.git#v1.2:docs /b\nADD https://github.com/a/c.git git@github.com:a/d.git#${H} /x/\nADD [\"https://github.com/a/e.git?tag=stable\", \"/e\"]\nADD https://example.org/x.tar.gz local /y\nADD https://github.com/a/f.git#$G /f\nADD https://github.com/a/g.git#0123456789012345678901234567890123456789 /g\nADD https://github.com/a/h.git#$UNSET /h\n";
        insta::assert_snapshot!(of(text), @r#"
        0 a@latest Runtime direct Image { tag: None, digest: None } [] line 2
        1 https://github.com/a/b.git@v1.2 Runtime direct Git { url: "https://github.com/a/b.git", pin: Tag("v1.2"), commit: None } [] line 5
        2 https://github.com/a/c.git@HEAD Runtime direct Git { url: "https://github.com/a/c.git", pin: DefaultBranch, commit: None } [] line 6
        3 git@github.com:a/d.git@main Runtime direct Git { url: "git@github.com:a/d.git", pin: Branch("main"), commit: None } [] line 6
        4 https://github.com/a/e.git@stable Runtime direct Git { url: "https://github.com/a/e.git", pin: Tag("stable"), commit: None } [] line 7
        5 https://github.com/a/f.git@v2 Runtime direct Git { url: "https://github.com/a/f.git", pin: Tag("v2"), commit: None } [] line 9
        6 https://github.com/a/g.git@0123456789012345678901234567890123456789 Runtime direct Git { url: "https://github.com/a/g.git", pin: Commit, commit: Some(CommitId("0123456789012345678901234567890123456789")) } [] line 10
        "#);
    }

    #[test]
    fn files_are_claimed_by_their_usual_names() {
        for (path, claimed) in [
            ("Dockerfile", true),
            ("a/Containerfile", true),
            ("Dockerfile.prod", true),
            ("web.Dockerfile", true),
            ("web.dockerfile", true),
            ("dockerfile", true),
            ("Dockerfile.dockerignore", false),
            ("Dockerfile.j2", false),
            ("dockerfile.rs", false),
            ("Dockerfiles", false),
            (".dockerfile", false),
            ("docs/Dockerfile.md", false),
            ("docs/Dockerfile.yaml", false),
            ("syntaxes/Dockerfile.tmLanguage", false),
            ("src/Dockerfile.ts", false),
        ] {
            assert_eq!(Dockerfile.claims(&RepoPath::new(path).expect("a plain path")), claimed, "{path}");
        }
    }

    #[test]
    fn a_large_file_is_read_in_linear_time_and_memory() {
        let started = std::time::Instant::now();
        let stages: String = (0..30_000).map(|number| format!("FROM a AS s{number}\nCOPY --from=t /a /a\n")).collect();
        let error = extract(&Dockerfile, &[("Dockerfile", stages.as_bytes())]).expect_err("more than any project has");
        assert!(error.message.contains("60000 packages"), "{error}");
        // 6 GB if every value was kept.
        let wide: String = (0..100_000).map(|number| format!("ARG a{number}=$w\n")).collect();
        let text = format!("ARG w={}\n{wide}FROM a:$a1\n", "x".repeat(60_000));
        assert!(extract(&Dockerfile, &[("Dockerfile", text.as_bytes())]).is_err(), "no tag is as long");
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }

    #[test]
    fn what_docker_refuses_is_refused_with_its_line() {
        for (text, line) in [
            ("", None),
            ("# nothing\n", None),
            ("ARG A=1\n", None),
            ("RUN x\nFROM a\n", Some(1)),
            ("FROM a\nRUNN x\n", Some(2)),
            ("FROM\n", Some(1)),
            ("FROM a\nFROM Upper\n", Some(2)),
            ("FROM a\nRUN <<EOF\n", Some(2)),
            ("FROM a\n<<<<<<< HEAD\n", Some(2)),
        ] {
            let error = extract(&Dockerfile, &[("Dockerfile", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.hint.is_some(), "{text}");
        }
        assert_eq!(names("# syntax=example/own:1\nFROM a\nINVOKABLE x\n"), ["example/own@1", "a@latest"]);
    }
}
