//! go.mod line by line (<https://go.dev/ref/mod#go-mod-file-grammar>), for its own extractor and for that of go.sum.

use std::borrow::Cow;

use super::ParseError;

/// Older Go needs modules that go.mod does not list: since 1.17 it lists all that the build needs
/// (<https://go.dev/ref/mod#graph-pruning>).
const FIRST_COMPLETE: (u32, u32) = (1, 17);

/// The directives of go.mod and go.work; a newer Go may have more.
const DIRECTIVES: [&str; 11] =
    ["module", "go", "toolchain", "godebug", "require", "exclude", "replace", "retract", "tool", "ignore", "use"];

/// What a go.mod says.
#[derive(Debug, Default)]
pub(in crate::extractor) struct GoModule<'a> {
    /// The version of the language, and the line that says so.
    pub(in crate::extractor) go: Option<(&'a str, u32)>,
    /// The toolchain, and the line that names it.
    pub(in crate::extractor) toolchain: Option<(&'a str, u32)>,
    /// What is required, in file order.
    pub(in crate::extractor) requirements: Vec<Requirement<'a>>,
    /// What is replaced.
    pub(in crate::extractor) replacements: Vec<Replacement<'a>>,
    /// The packages that are run as tools.
    pub(in crate::extractor) tools: Vec<&'a str>,
    /// The folders of the modules of a workspace (go.work).
    pub(in crate::extractor) uses: Vec<&'a str>,
    /// Whether there is a directive that Go knows.
    is_known: bool,
}

/// A module that is required.
#[derive(Debug)]
pub(in crate::extractor) struct Requirement<'a> {
    /// Its path.
    pub(in crate::extractor) path: &'a str,
    /// Its version, with the `v`.
    pub(in crate::extractor) version: &'a str,
    /// Whether only other modules need it.
    pub(in crate::extractor) indirect: bool,
    /// The line, from 1.
    pub(in crate::extractor) line: u32,
}

/// A module that stands in for another.
#[derive(Debug)]
pub(in crate::extractor) struct Replacement<'a> {
    /// The path of the module that is replaced.
    pub(in crate::extractor) old_path: &'a str,
    /// The only version that is replaced; all of them without one.
    pub(in crate::extractor) old_version: Option<&'a str>,
    /// The path of the other module, or of a folder.
    pub(in crate::extractor) path: &'a str,
    /// The version of the other module; a folder has none.
    pub(in crate::extractor) version: Option<&'a str>,
    /// The line, from 1.
    pub(in crate::extractor) line: u32,
}

impl<'a> GoModule<'a> {
    /// Reads a go.mod. A directive of a newer Go is passed over, as Go itself does with the go.mod of a dependency.
    pub(in crate::extractor) fn read(text: &'a str) -> Result<Self, ParseError> {
        let mut module = Self::default();
        let (mut block, mut has_directive, mut tokens) = (None, false, Vec::new());
        for (position, line) in text.split('\n').enumerate() {
            let number = u32::try_from(position + 1).unwrap_or(u32::MAX);
            let indirect = tokenise(line, &mut tokens).map_err(|error| error.at_line(number))?;
            let (verb, arguments) = match (block, tokens.as_slice()) {
                (_, []) | (None, [_, "(", ")"]) => continue,
                (Some(_), [")"]) => {
                    block = None;
                    continue;
                }
                (Some(verb), arguments) => (verb, arguments),
                (None, [verb, "("]) => {
                    block = Some(*verb);
                    has_directive = true;
                    module.is_known |= DIRECTIVES.contains(verb);
                    continue;
                }
                (None, [verb, arguments @ ..]) => (*verb, arguments),
            };
            if !verb.bytes().all(|byte| byte.is_ascii_lowercase()) {
                return Err(ParseError::new("find a directive").at_line(number));
            }
            has_directive = true;
            module.take(verb, arguments, indirect, number).map_err(|error| error.at_line(number))?;
        }
        match block {
            Some(verb) => Err(ParseError::new(format!("find the end of the block `{verb}`"))),
            None if !has_directive || !module.is_known => Err(ParseError::new("find a directive in it")),
            None => Ok(module),
        }
    }

    fn take(&mut self, verb: &str, arguments: &[&'a str], indirect: bool, line: u32) -> Result<(), ParseError> {
        self.is_known |= DIRECTIVES.contains(&verb);
        let usage = |usage: &str| Err(ParseError::new(format!("read a `{verb}`: expected `{usage}`")));
        match (verb, arguments) {
            ("go", [version]) => self.go = Some((version, line)),
            ("toolchain", [name]) => self.toolchain = Some((name, line)),
            ("require", &[path, version]) => {
                self.requirements.push(Requirement { path, version, indirect, line });
            }
            ("replace", _) => match replacement(arguments, line) {
                Some(replacement) => self.replacements.push(replacement),
                None => return usage("replace module/path [v1.2.3] => other/module v1.4"),
            },
            ("tool", [path]) => self.tools.push(path),
            ("use", [folder]) => self.uses.push(folder),
            ("go", _) => return usage("go 1.23"),
            ("toolchain", _) => return usage("toolchain go1.23.0"),
            ("require", _) => return usage("require module/path v1.2.3"),
            ("tool", _) => return usage("tool package/path"),
            // `module`, `exclude`, `retract`, `godebug`, `ignore`: they pin nothing.
            _ => {}
        }
        Ok(())
    }

    /// Whether every module of the build is listed.
    pub(in crate::extractor) fn is_complete(&self) -> bool {
        let version = self.go.and_then(|(version, _)| {
            let mut numbers = version.split(|character: char| !character.is_ascii_digit());
            Some((numbers.next()?.parse::<u32>().ok()?, numbers.next()?.parse::<u32>().ok()?))
        });
        // Without a version Go takes 1.16.
        version.is_some_and(|version| version >= FIRST_COMPLETE)
    }
}

/// `old [version] => new [version]`; only a folder has no version.
fn replacement<'a>(arguments: &[&'a str], line: u32) -> Option<Replacement<'a>> {
    let arrow = arguments.iter().position(|argument| *argument == "=>")?;
    let (old, new) = (arguments.get(..arrow)?, arguments.get(arrow + 1..)?);
    let (old_path, old_version) = match *old {
        [path] => (path, None),
        [path, version] => (path, Some(version)),
        _ => return None,
    };
    let (path, version) = match *new {
        [path] if is_folder(path) => (path, None),
        [path, version] => (path, Some(version)),
        _ => return None,
    };
    Some(Replacement { old_path, old_version, path, version, line })
}

/// Whether a replacement is a folder: rooted, or beginning with `./` or `../` (also as Windows writes them).
fn is_folder(path: &str) -> bool {
    matches!(path, "." | "..")
        || ["./", "../", ".\\", "..\\", "/", "\\"].iter().any(|prefix| path.starts_with(prefix))
        || path.as_bytes().get(1) == Some(&b':')
}

/// A text in which no string has an escape: `golang.org/x/mod` takes strings as Go does (`parseString` of its `modfile`).
pub(in crate::extractor) fn unescaped(text: &str) -> Result<Cow<'_, str>, ParseError> {
    let is_escaped = |line: &&str| line.contains('"') && line.contains('\\');
    if !text.lines().any(|line| is_escaped(&line)) {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    for (number, line) in (1..).zip(text.split('\n')) {
        if number > 1 {
            plain.push('\n');
        }
        // A comment has no strings.
        let mut rest = line;
        while let Some(start) = rest.find('"').filter(|&start| rest.find("//").is_none_or(|comment| start < comment)) {
            let (before, literal) = rest.split_at(start);
            let found = unquote(literal).ok_or_else(|| ParseError::new("read a string as Go does").at_line(number))?;
            plain.push_str(before);
            plain.push('"');
            plain.push_str(&found.0);
            plain.push('"');
            rest = found.1;
        }
        plain.push_str(rest);
    }
    Ok(Cow::Owned(plain))
}

/// What a string of Go at the start of a text says, and what follows it; `None` for what is none, or says what no path,
/// version or folder has: a quote or a control character.
fn unquote(literal: &str) -> Option<(String, &str)> {
    let mut bytes = Vec::new();
    let mut rest = literal.strip_prefix('"')?;
    loop {
        let next = rest.chars().next()?;
        rest = rest.get(next.len_utf8()..)?;
        match next {
            '"' => break,
            '\\' => {
                let kind = rest.chars().next()?;
                let (radix, start, end) = match kind {
                    '0'..='7' => (8, 0, 3),
                    'x' => (16, 1, 3),
                    'u' => (16, 1, 5),
                    'U' => (16, 1, 9),
                    '\\' => {
                        bytes.push(b'\\');
                        rest = rest.get(1..)?;
                        continue;
                    }
                    _ => return None,
                };
                let digits = rest.get(start..end).filter(|digits| digits.bytes().all(|it| it.is_ascii_hexdigit()))?;
                let value = u32::from_str_radix(digits, radix).ok()?;
                rest = rest.get(end..)?;
                if matches!(kind, 'u' | 'U') {
                    bytes.extend_from_slice(char::from_u32(value)?.encode_utf8(&mut [0; 4]).as_bytes());
                } else {
                    bytes.push(u8::try_from(value).ok()?);
                }
            }
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains(|character: char| character == '"' || character.is_control())).then_some((text, rest))
}

/// Cuts a line into words, strings without their quotes, and parentheses; answers whether its comment says `indirect`.
fn tokenise<'a>(line: &'a str, tokens: &mut Vec<&'a str>) -> Result<bool, ParseError> {
    tokens.clear();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("//") {
            let comment = comment.trim();
            return Ok(comment == "indirect" || comment.starts_with("indirect;"));
        }
        let end = match first {
            '(' | ')' => 1,
            // Go reserves these, and refuses the file.
            '`' => return Err(ParseError::new("read a string in backquotes, which Go refuses")),
            '"' => {
                let inside = rest.get(1..).and_then(|inside| inside.split_once(first));
                let (text, after) = inside.ok_or_else(|| ParseError::new("find the end of a string"))?;
                tokens.push(text);
                rest = after.trim_start();
                continue;
            }
            _ => {
                let end = rest.find(|character: char| character.is_whitespace() || matches!(character, '(' | ')'));
                let end = end.unwrap_or(rest.len());
                rest.find("//").map_or(end, |comment| comment.min(end))
            }
        };
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_strings_and_comments_are_told_apart() {
        for (line, expected, indirect) in [
            ("require a.example/b v1.0.0 // indirect", vec!["require", "a.example/b", "v1.0.0"], true),
            ("\ta.example/b v1.0.0//indirect; kept\r", vec!["a.example/b", "v1.0.0"], true),
            ("a v1 // not indirect", vec!["a", "v1"], false),
            ("require(", vec!["require", "("], false),
            ("replace \"a b\" => \"./c d\"", vec!["replace", "a b", "=>", "./c d"], false),
            ("retract [v1.0.0, v1.9.9]", vec!["retract", "[v1.0.0,", "v1.9.9]"], false),
            ("// only", vec![], false),
        ] {
            let mut tokens = Vec::new();
            assert_eq!(tokenise(line, &mut tokens).expect("a line"), indirect, "{line}");
            assert_eq!(tokens, expected, "{line}");
        }
        assert!(tokenise("a \"b", &mut Vec::new()).is_err());
        assert!(tokenise("require `a.example/b` v1.0.0", &mut Vec::new()).is_err());
    }

    #[test]
    fn strings_say_what_go_reads_in_them() {
        for (written, expected) in [
            (r#"require "a.example/\x62" "v1.\x30.0" // "\q""#, Some(r#"require "a.example/b" "v1.0.0" // "\q""#)),
            (r#"replace a => "..\\b""#, Some(r#"replace a => "..\b""#)),
            (r#"require "\u0061\142\U00000063" v1.0.0"#, Some(r#"require "abc" v1.0.0"#)),
            ("require a v1 // \\", Some("require a v1 // \\")),
            (r#"require "a\q" v1"#, None),
            (r#"require "a\"b" v1"#, None),
            (r#"require "a\x0ab" v1"#, None),
            (r#"require "a\"#, None),
        ] {
            assert_eq!(unescaped(written).ok().as_deref(), expected, "{written}");
        }
        assert_eq!(unescaped("go 1.22\nrequire \"\\q\" v1").expect_err("no string").line, Some(2));
    }

    #[test]
    fn go_lists_everything_since_its_version_1_17() {
        for (text, complete) in [
            ("module a\n", false),
            ("go 1.16\n", false),
            ("go 1.17\n", true),
            ("go 1.21rc2\n", true),
            ("go 1.22.3\n", true),
            ("go 2.0\n", true),
            ("go x\n", false),
        ] {
            assert_eq!(GoModule::read(text).expect("a module").is_complete(), complete, "{text}");
        }
    }
}
