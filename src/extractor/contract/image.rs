//! References to container images, read exactly as Docker does
//! (<https://github.com/distribution/reference/blob/main/reference.go>, the grammar at its top).

use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::ecosystem::Ecosystem;

/// A name with its host may have this many bytes (`RepositoryNameTotalLengthMax`).
const NAME_LENGTH_LIMIT: usize = 255;

/// A tag may have this many bytes.
const TAG_LENGTH_LIMIT: usize = 128;

/// A reference: `[host[:port]/]path[:tag][@digest]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::extractor) struct Image<'a> {
    /// The name as it is written, with the host.
    pub(in crate::extractor) name: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl Image<'_> {
    /// How references are counted that only a build, an environment or a run decides about.
    pub(in crate::extractor) const OPEN: (&'static str, &'static str) = ("image", "images");
    /// What holds of one, and of several.
    pub(in crate::extractor) const OPEN_LACK: (&'static str, &'static str) =
        ("is only known when it is used", "are only known when they are used");
}

impl<'a> Image<'a> {
    /// Reads a reference; `None` for what Docker refuses.
    pub(in crate::extractor) fn parse(text: &'a str) -> Option<Self> {
        // A bare image id is refused as a name: it is taken for the image in the local store.
        if text.len() == 64 && text.bytes().all(is_lower_hex) {
            return None;
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon in front of a slash belongs to a port.
        let path_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest.get(path_start..)?.split_once(':') {
            Some((last, tag)) => (rest.get(..path_start + last.len())?, Some(tag)),
            None => (rest, None),
        };
        let is_sound = is_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
        is_sound.then_some(Self { name, tag, digest })
    }

    /// The dependency on it: its version is the tag, else the digest, else `latest`, which Docker takes.
    pub(in crate::extractor) fn dependency(&self, scope: Scope, line: u32) -> Dependency {
        let version = self.tag.or(self.digest).unwrap_or("latest");
        Dependency {
            origin: Origin::Image { tag: self.tag.map(str::to_owned), digest: self.digest.map(str::to_owned) },
            scope,
            direct: true,
            ..Dependency::new(Ecosystem::Docker, self.name, version, line)
        }
    }
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_name(name: &str) -> bool {
    if name.is_empty() || name.len() > NAME_LENGTH_LIMIT {
        return false;
    }
    // As `splitDockerDomain`: what has no dot, colon or upper-case letter is a folder of Docker Hub.
    let (host, path) = match name.split_once('/') {
        Some((first, rest))
            if first == "localhost" || first.contains(['.', ':']) || first.contains(char::is_uppercase) =>
        {
            (Some(first), rest)
        }
        _ => (None, name),
    };
    host.is_none_or(is_host) && path.split('/').all(is_path_component)
}

/// A host name, an IPv4 address or an IPv6 address in brackets, with an optional port.
fn is_host(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let is_address = address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
        return is_port && !address.is_empty() && is_address;
    }
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

fn is_port(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_path_component(component: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    if !(bytes.first().copied().is_some_and(is_plain) && bytes.last().copied().is_some_and(is_plain)) {
        return false;
    }
    component
        .split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit())
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= TAG_LENGTH_LIMIT
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

/// The algorithms that Docker knows, each with its length in lower-case hexadecimal digits.
fn is_digest(digest: &str) -> bool {
    let Some((algorithm, digits)) = digest.split_once(':') else { return false };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    digits.len() == length && digits.bytes().all(is_lower_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart_as_docker_does() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, name, tag, has_digest) in [
            ("nginx".to_owned(), "nginx", None, false),
            ("nginx:1.25".to_owned(), "nginx", Some("1.25"), false),
            ("ghcr.io/acme/app:v1_2-b.3".to_owned(), "ghcr.io/acme/app", Some("v1_2-b.3"), false),
            ("localhost:5000/app".to_owned(), "localhost:5000/app", None, false),
            ("localhost:5000/app:1".to_owned(), "localhost:5000/app", Some("1"), false),
            ("host.example:80/a/b__c/d---e.f".to_owned(), "host.example:80/a/b__c/d---e.f", None, false),
            ("[2001:db8::1]:5000/app:1".to_owned(), "[2001:db8::1]:5000/app", Some("1"), false),
            ("Host/app".to_owned(), "Host/app", None, false),
            (format!("a/b@{digest}"), "a/b", None, true),
            (format!("a/b:1@{digest}"), "a/b", Some("1"), true),
        ] {
            let image = Image::parse(&text).unwrap_or_else(|| panic!("{text} is refused"));
            assert_eq!((image.name, image.tag, image.digest.is_some()), (name, tag, has_digest), "{text}");
        }
    }

    #[test]
    fn what_docker_refuses_is_refused() {
        for text in [
            "",
            "Nginx",
            "nginx:",
            "nginx:-1",
            "a//b",
            "/a",
            "a/",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a._b",
            "a@sha256:123",
            "a@md5:0123456789abcdef0123456789abcdef",
            "a b",
            "host:port/a",
            "-host.example/a",
            "http://host/a",
            "a:1:2",
            "ä",
            &"a".repeat(256),
            &"a1".repeat(32),
            &format!("a:{}", "1".repeat(129)),
            &format!("a@sha256:{}", "A".repeat(64)),
        ] {
            assert_eq!(Image::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_version_is_the_tag_else_the_digest_else_latest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, version) in
            [("a", "latest"), ("a:1", "1"), (&*format!("a@{digest}"), &*digest), (&format!("a:1@{digest}"), "1")]
        {
            let dependency = Image::parse(text).expect(text).dependency(Scope::Ci, 3);
            assert_eq!((dependency.version.as_str(), dependency.line), (version, 3));
        }
    }
}
