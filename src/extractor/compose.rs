//! Compose files: the images of services (<https://docs.docker.com/reference/compose-file/>).

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::contract::image::Image;
use super::contract::text::{read_text, read_whole};
use super::contract::unusable::Unusable;
use super::contract::variables::{Style, expand};
use super::contract::{Extractor, Noted, ParseError, SourceFile, check_package_count, typed_yaml};
use crate::model::dependency::{Dependency, Scope};
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `docker compose config`, which names what is wrong";

/// The keys that Compose knows at the top, beside those that begin with `x-`.
const TOP: [&str; 9] =
    ["configs", "include", "models", "name", "networks", "secrets", "services", "version", "volumes"];

/// More bytes of values are not kept: variables that repeat a long one take any amount of memory.
const ENVIRONMENT_LIMIT: usize = 1024 * 1024;

/// Reads compose files.
pub(super) struct Compose;

impl Extractor for Compose {
    fn id(&self) -> &'static str {
        "compose"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        let stem = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"));
        stem.is_some_and(|stem| {
            let stem = stem.strip_prefix("docker-").unwrap_or(stem);
            let stem = stem.strip_prefix("podman-").unwrap_or(stem);
            stem.strip_prefix("compose").is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('.') || (rest.starts_with(['-', '_']) && name.contains("-compose"))
            })
        })
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| Ok(read(file, text)?.0))
    }

    fn noted(&self, file: &SourceFile<'_>) -> Vec<Noted> {
        let open = read_text(file.content).ok().and_then(|text| read(file, text).ok()).map(|(_, open)| open);
        open.and_then(|open| open.noted(Image::OPEN, Image::OPEN_LACK)).into_iter().collect()
    }
}

/// A service: `image` says what runs, `build` that it is made here.
#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    image: Option<Spanned<String>>,
    #[serde(default)]
    build: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    services: Option<BTreeMap<String, Option<Service>>>,
}

/// The images, and those that only the environment decides about.
fn read(file: &SourceFile<'_>, text: &str) -> Result<(Vec<Dependency>, Unusable), ParseError> {
    let keys: BTreeMap<String, Spanned<IgnoredAny>> = typed_yaml::read(text)?;
    if let Some((key, value)) = keys.iter().find(|(key, _)| !TOP.contains(&key.as_str()) && !key.starts_with("x-")) {
        let message = format!("read it: Compose knows no `{}` at the top", key.escape_debug());
        // A value may stand on the line behind its key.
        let line = text.lines().zip(1..).find(|(line, _)| line.starts_with(key.as_str())).map(|(_, number)| number);
        return Err(ParseError::new(message).at_line(line.unwrap_or_else(|| typed_yaml::line(value))));
    }
    let document: Document = typed_yaml::read(text)?;
    let environment = environment(file);
    let value = |name: &str| environment.get(name).cloned();
    let services: Vec<&Service> = document.services.iter().flat_map(BTreeMap::values).flatten().collect();
    check_package_count(services.len())?;
    let image = |service: &&Service| {
        let image = service.image.as_ref()?;
        Some((expand(image.value.trim(), Style::Compose, &value)?, typed_yaml::line(image), image.defined.column()))
    };
    let built: HashSet<String> =
        services.iter().filter(|service| service.build.is_some()).filter_map(|it| Some(image(it)?.0)).collect();
    // Services come by name; an anchor or a merge key brings one image to several.
    let mut images: Vec<_> = services.iter().filter_map(image).filter(|(image, ..)| !built.contains(image)).collect();
    images.sort_unstable_by_key(|&(_, line, column)| (line, column));
    images.dedup();
    let mut found = Vec::with_capacity(images.len());
    for (image, line, _) in images.iter().filter(|(image, ..)| !image.is_empty()) {
        let read = Image::parse(image).ok_or_else(|| {
            ParseError::new(format!("read it: `{}` names no image", image.escape_debug())).at_line(*line)
        })?;
        found.push(read.dependency(Scope::Runtime, *line));
    }
    let mut open = Unusable::default();
    let unknown = services.iter().filter(|service| service.build.is_none()).filter_map(|it| it.image.as_ref());
    let mut unknown: Vec<&Spanned<String>> =
        unknown.filter(|it| expand(it.value.trim(), Style::Compose, &value).is_none()).collect();
    unknown.sort_by_key(|image| (image.defined.line(), image.defined.column()));
    unknown.dedup_by_key(|image| (image.defined.line(), image.defined.column()));
    for image in unknown {
        open.add(image.value.trim(), typed_yaml::line(image));
    }
    Ok((found, open))
}

/// The variables of the `.env` file beside, which Compose reads as well.
fn environment(file: &SourceFile<'_>) -> HashMap<String, String> {
    let content = file.neighbour(".env");
    let text = content.as_deref().and_then(|content| std::str::from_utf8(content).ok()).unwrap_or_default();
    let mut values: HashMap<String, String> = HashMap::new();
    let mut bytes = 0;
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
        let value = value.trim();
        let quoted = |quote| value.strip_prefix(quote).and_then(|rest: &str| rest.split(quote).next());
        let value = match (quoted('\''), quoted('"')) {
            (Some(literal), _) => Some(literal.to_owned()),
            (None, Some(inner)) => expand(inner, Style::Compose, &|name| values.get(name).cloned()),
            (None, None) => {
                let plain = value.split(" #").next().unwrap_or(value).trim_end();
                expand(plain, Style::Compose, &|name| values.get(name).cloned())
            }
        };
        bytes += value.as_ref().map_or(0, String::len);
        if let Some(value) = value.filter(|_| bytes <= ENVIRONMENT_LIMIT) {
            values.insert(name.trim().to_owned(), value);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    fn of(text: &str) -> String {
        show(&extract(&Compose, &[("compose.yaml", text.as_bytes())]).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    #[test]
    fn images_of_services_are_read_in_file_order() {
        let text = "x-base: &base\n  image: redis:7\n  restart: always\nservices:\n  web:\n    build: .\n  zeta:\n    image: nginx:${TAG:-1.2}\n    profiles: [debug]\n  cache:\n    <<: *base\n  cache-two:\n    <<: *base\n    command: x\n  own:\n    build: {context: .}\n    image: acme/own:dev\n  worker:\n    image: acme/own:dev\n  late:\n    image: ${REGISTRY}/x\n  none:\n  other:\n    extends: {file: base.yml, service: x}\n";
        insta::assert_snapshot!(of(text), @r#"
        0 redis@7 Runtime direct Image { tag: Some("7"), digest: None } [] line 2
        1 nginx@1.2 Runtime direct Image { tag: Some("1.2"), digest: None } [] line 8
        "#);
    }

    #[test]
    fn the_environment_file_beside_fills_variables() {
        let text = b"services:\n  a: {image: 'postgres:${V}'}\n  b: {image: '${R:-docker.io}/x:${W}$$'}\n  c: {image: 'x:${Q}'}\n";
        let text = String::from_utf8_lossy(text).replace("$$", "");
        let env = b"# comment\nV=16.1 # pinned\nexport W='$V'\nQ=\"${V}-x\"\nR=\n";
        let found = extract(&Compose, &[("a/compose.yml", text.as_bytes()), ("a/.env", env)]);
        let error = found.expect_err("a literal dollar is in no tag");
        assert_eq!((error.line, error.message.contains("docker.io/x:$V")), (Some(3), true), "{error}");
        let text = text.replace("${W}", "1");
        let found = extract(&Compose, &[("a/compose.yml", text.as_bytes()), ("a/.env", env)]).expect("a file");
        let names: Vec<_> = found.iter().map(|it| format!("{}@{}", it.name, it.version)).collect();
        assert_eq!(names, ["postgres@16.1", "docker.io/x@1", "x@16.1-x"]);
    }

    #[test]
    fn files_are_claimed_by_their_usual_names() {
        for (path, claimed) in [
            ("compose.yaml", true),
            ("a/compose.yml", true),
            ("compose.override.yml", true),
            ("docker-compose.yml", true),
            ("docker-compose.prod.yaml", true),
            ("docker-compose-dev.yml", true),
            ("podman-compose.yml", true),
            ("composer.yml", false),
            ("compose-file.yml", false),
            ("docker-compose.yml.j2", false),
            ("docker-composer.yml", false),
        ] {
            assert_eq!(Compose.claims(&RepoPath::new(path).expect("a plain path")), claimed, "{path}");
        }
    }

    #[test]
    fn what_compose_refuses_is_refused_with_its_line() {
        let levels = ('a'..='i')
            .zip('b'..='j')
            .map(|(previous, name)| format!("x-{name}: &{name} [{}]", vec![format!("*{previous}"); 9].join(", ")));
        let bomb = format!("x-a: &a [x]\n{}\nservices: {{}}\n", levels.collect::<Vec<_>>().join("\n"));
        for (text, line) in [
            ("", None),
            ("web:\n  image: x\n", Some(1)),
            ("services:\n  a: {image: Upper}\n", Some(2)),
            ("services:\n  a: [\n", Some(2)),
            ("services: {a: {}, a: {}}\n", Some(1)),
            ("services:\n<<<<<<< HEAD\n", Some(2)),
            ("services: 7\n", Some(1)),
        ] {
            let error = extract(&Compose, &[("compose.yaml", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.hint.is_some(), "{text}");
        }
        assert!(extract(&Compose, &[("compose.yaml", bomb.as_bytes())]).is_err(), "a bomb of aliases");
        for empty in ["services:\n", "networks: {a: {}}\n", "include: [x.yml]\nversion: '3'\n"] {
            assert_eq!(of(empty), "");
        }
    }
}
