//! Untrusted text becomes inert Markdown: whatever an advisory or a repository says, it cannot act on a forge.

use std::fmt::Write as _;
use std::ops::Range;

use url::Url;

use crate::model::text::is_invisible;

/// Breaks what a forge would recognise (`@name`, `#1`, `https://`) without changing how it looks.
const ZERO_WIDTH_SPACE: char = '\u{200B}';

/// The longest inline code: longer names, versions and requirements are cut.
const CODE_LIMIT: usize = 200;

/// The longest line of prose.
const TEXT_LIMIT: usize = 600;

/// The longest block: the rest of an advisory is behind its link.
const BLOCK_LIMIT: usize = 4_000;

/// The longest address; browsers and GitHub stop at about the same length.
const ADDRESS_LIMIT: usize = 2_000;

/// An inline code span that nothing in `text` can leave, also in the cell of a table.
///
/// Not for a line of HTML, such as `<summary>…`: Markdown is not parsed there, use [`text`].
pub(crate) fn code(text: &str) -> String {
    // Normalise first: what disappears here would otherwise make the fence too short.
    let text = one_line(text, CODE_LIMIT);
    if text.is_empty() {
        return "`-`".to_owned();
    }
    let fence = "`".repeat(longest_backtick_run(&text) + 1);
    let padding = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    // GitHub splits the cells of a table before it looks for code spans.
    format!("{fence}{padding}{}{padding}{fence}", text.replace('|', "\\|"))
}

/// A block of preformatted text that nothing in `text` can leave. Starts and ends with a blank line.
pub(crate) fn fence(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\t', "    ");
    let text: String = text.chars().filter(|&character| character == '\n' || !is_invisible(character)).collect();
    let mut text = cut(text.trim_matches('\n').trim_end(), BLOCK_LIMIT);
    // Nothing here may look like the bot's own markers, which are found in the source, not in what is rendered.
    text = text.replace("<!--", &format!("<!{ZERO_WIDTH_SPACE}--"));
    let fence = "`".repeat(longest_backtick_run(&text).max(2) + 1);
    format!("\n\n{fence}text\n{text}\n{fence}\n\n")
}

/// One line of text: it looks as it is written, and can never mention, refer, link, format, or embed anything.
///
/// Safe in every place: paragraph, heading, list, table, a line of HTML, and an attribute in double quotes. An apostrophe
/// stays one, because texts are read as they are written, too: in mails, and as messages of squash merges.
pub(crate) fn text(text: &str) -> String {
    let line: Vec<char> = one_line(text, TEXT_LIMIT).chars().collect();
    inert(&line, 0..line.len())
}

/// One line of our own prose with names in it: what stands between two single backticks becomes a code span as of
/// [`code`], all else is as inert as [`text`]. A backtick without a partner, and two or more in a row, stay what they are.
///
/// Not for a line of HTML, for the reason of [`code`].
pub(crate) fn prose(text: &str) -> String {
    let line: Vec<char> = one_line(text, TEXT_LIMIT).chars().collect();
    let backticks = single_backticks(&line);
    let mut prose = String::with_capacity(line.len() + 16);
    let mut end = 0;
    for pair in backticks.chunks_exact(2) {
        let inside: String = line[pair[0] + 1..pair[1]].iter().collect();
        prose.push_str(&inert(&line, end..pair[0]));
        prose.push_str(&code(&inside));
        end = pair[1] + 1;
    }
    prose.push_str(&inert(&line, end..line.len()));
    prose
}

/// Where a backtick stands alone.
pub(super) fn single_backticks(line: &[char]) -> Vec<usize> {
    let is_backtick = |position: Option<usize>| position.and_then(|at| line.get(at)) == Some(&'`');
    let alone = |at: &usize| is_backtick(Some(*at)) && !is_backtick(at.checked_sub(1)) && !is_backtick(Some(at + 1));
    (0..line.len()).filter(alone).collect()
}

/// A part of a line, which is looked at in its place: what stands before and after decides what a character means.
fn inert(line: &[char], part: Range<usize>) -> String {
    let mut inert = String::with_capacity(part.len() + 16);
    for position in part {
        let (before, character, after) = (&line[..position], line[position], line.get(position + 1).copied());
        if is_active(before, character, after) {
            inert.push_str("&#");
            inert.push_str(&u32::from(character).to_string());
            inert.push(';');
        } else {
            inert.push(character);
        }
        if is_recognised(before, character, after) {
            inert.push(ZERO_WIDTH_SPACE);
        }
    }
    inert
}

/// A link with an inert label; only the label when the address is not a plain `https` one.
///
/// GitHub's own addresses go through its redirector, so that a pull request leaves no trace in foreign issues (as
/// Dependabot and Renovate do).
pub(crate) fn link(label: &str, address: &str) -> String {
    let label = text(label);
    match safe_address(address) {
        Some(address) if !label.is_empty() => format!("[{label}]({address})"),
        Some(_) | None => label,
    }
}

/// The address as it may stand between the parentheses of a link.
fn safe_address(address: &str) -> Option<String> {
    let mut url = Url::parse(address).ok().filter(|_| address.len() <= ADDRESS_LIMIT)?;
    let host = url.domain()?.to_owned();
    if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    if matches!(host.as_str(), "github.com" | "www.github.com") {
        url.set_host(Some("redirect.github.com")).ok()?;
    }
    Some(url.as_str().chars().fold(String::new(), |mut safe, character| {
        match character {
            '&' => safe.push_str("&amp;"),
            '-' | '.' | '_' | '~' | ':' | '/' | '?' | '#' | '@' | '+' | ',' | ';' | '=' | '%' => safe.push(character),
            _ if character.is_ascii_alphanumeric() => safe.push(character),
            _ => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    write!(safe, "%{byte:02X}").expect("a string takes every write");
                }
            }
        }
        safe
    }))
}

/// Characters with a meaning of their own in Markdown or HTML are written as entities, which have none.
fn is_active(before: &[char], character: char, after: Option<char>) -> bool {
    match character {
        '`' | '*' | '_' | '~' | '<' | '>' | '&' | '[' | ']' | '!' | '|' | '\\' | '#' | '@' | '$' | '{' | '}' | '"'
        | '^' => true,
        // A number at the start of a line begins a list.
        '.' | ')' if after.is_none_or(char::is_whitespace) => before.iter().all(char::is_ascii_digit),
        // At the start of a line also `-`, `+`, `=`, `:` and a slash command mean something.
        _ => before.is_empty() && character.is_ascii_punctuation(),
    }
}

/// What forges recognise in rendered text is broken after this character.
fn is_recognised(before: &[char], character: char, after: Option<char>) -> bool {
    let ends_with = |word: &str| {
        let tail = before.len().checked_sub(word.len()).map(|start| before[start..].iter().collect::<String>());
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(word))
    };
    match character {
        '@' | '#' => true,
        // `https://`, `mailto:`, `:tada:`, but not a time of day.
        ':' => {
            let of_time =
                before.last().is_some_and(char::is_ascii_digit) && after.is_some_and(|next| next.is_ascii_digit());
            after.is_some() && after != Some(' ') && !of_time
        }
        'w' | 'W' => ends_with("ww") && after == Some('.'),
        // `GH-1` refers to an issue.
        'h' | 'H' => ends_with("g") && after == Some('-'),
        _ => false,
    }
}

/// The text on one line, without anything invisible, and not longer than `limit` characters.
fn one_line(text: &str, limit: usize) -> String {
    let visible: String = text.chars().map(|character| if is_invisible(character) { ' ' } else { character }).collect();
    cut(&visible.split_whitespace().collect::<Vec<_>>().join(" "), limit)
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

fn longest_backtick_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use comrak::{Options, markdown_to_html};
    use proptest::prelude::*;

    use super::*;

    /// What hostile advisories are made of (from `design/evidence/md_escape_fuzz.rs`, with later additions).
    const ALPHABET: &[&str] = &[
        "`",
        "``",
        "|",
        "\\",
        "@octocat",
        "#1",
        "fixes #1",
        "\n",
        "\r",
        "<!--",
        "-->",
        "</details>",
        "<img src=x>",
        "![a](http://e/)",
        "[x](http://e)",
        "*",
        "_",
        "~",
        "~~~",
        "```",
        "- [ ] ",
        "> ",
        "# ",
        "GH-1",
        "https://github.com/o/r/issues/1",
        "&#64;octocat",
        "&lt;",
        "\u{202e}",
        "\0",
        "$x$",
        "| a",
        "a",
        "  ",
        "\t",
        "{{x}}",
        "/merge",
        "@dependabot merge",
        "%0A::set-output name=x::y",
        "1. ",
        "1) ",
        "===",
        "---",
        "|---|",
        "www.example.com",
        "a@b.example",
        "mailto:a@b.example",
        "xmpp:a@b.example",
        "ftp://e.example",
        "</code>",
        "</summary>",
        "o/r#1",
        "o/r@0123456789",
        "\u{200b}",
        "\u{feff}",
        "&",
        ";",
        ":",
        "h",
        "ww",
        "g",
        "G",
        "H",
        "-1",
        "</pre>",
        "<script>",
        "]",
        "(",
        ")",
        "- [x] <!-- patchparty:check backup -->",
        "<!-- patchparty:state v1 e30= -->",
        "é",
        "日本",
        "\"",
        "'",
    ];

    fn options() -> Options<'static> {
        let mut options = Options::default();
        options.extension.table = true;
        options.extension.strikethrough = true;
        options.extension.autolink = true;
        options.extension.tasklist = true;
        options.extension.alerts = true;
        options.extension.footnotes = true;
        options.render.r#unsafe = true;
        options
    }

    /// A generator that needs no state but a number: the same strings in every run.
    struct Hostile(u64);

    impl Hostile {
        fn number(&mut self, below: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % u64::try_from(below).unwrap()).unwrap()
        }

        fn string(&mut self) -> String {
            (0..=self.number(8)).map(|_| ALPHABET[self.number(ALPHABET.len())]).collect()
        }
    }

    /// How many strings each fuzz test takes, ten to a document: rendering is what takes the time.
    const STRINGS: usize = 100_000;

    fn documents(seed: u64) -> impl Iterator<Item = Vec<String>> {
        let mut hostile = Hostile(seed);
        (0..STRINGS / 10).map(move |_| (0..10).map(|_| hostile.string()).collect())
    }

    fn without_code(html: &str) -> String {
        let mut outside = String::with_capacity(html.len());
        let mut rest = html;
        while let Some((before, inside)) = rest.split_once("<code") {
            outside.push_str(before);
            outside.push_str("CODE");
            rest = inside.split_once("</code>").unwrap().1;
        }
        outside + rest
    }

    #[test]
    fn nothing_leaves_code_spans_and_blocks() {
        for strings in documents(12_345) {
            let (mut document, mut expected) = (String::new(), String::new());
            for string in &strings {
                let (span, block) = (code(string), fence(string));
                document.extend([format!(
                    "Advisory {span} end\n\n| a | b |\n|---|---|\n| x | {span} |\n{block}tail\n\n- {span}\n\n"
                )]);
                expected.push_str("<p>Advisory CODE end</p>\n<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>x</td>\n<td>CODE</td>\n</tr>\n</tbody>\n</table>\n<pre>CODE</pre>\n<p>tail</p>\n<ul>\n<li>CODE</li>\n</ul>\n");
            }
            assert_eq!(without_code(&markdown_to_html(&document, &options())), expected, "{strings:?}");
        }
    }

    /// What GitHub's own filters look for in rendered text.
    fn refers(rendered: &str) -> bool {
        let after = |position: usize| rendered.as_bytes().get(position + 1).copied().unwrap_or_default();
        rendered.bytes().enumerate().any(|(position, byte)| match byte {
            b'@' => after(position).is_ascii_alphanumeric(),
            b'#' => after(position).is_ascii_digit(),
            b':' => rendered[position..].starts_with("://"),
            b'-' => position > 1 && rendered.as_bytes()[position - 2..position].eq_ignore_ascii_case(b"gh"),
            _ => false,
        })
    }

    /// Fails on every tag that the documents of the tests below do not have of themselves, and on what refers.
    fn assert_inert(html: &str, strings: &[String]) {
        const TAGS: [&str; 11] =
            ["p>", "ul>", "li>", "table>", "thead>", "tbody>", "tr>", "th>", "td>", "details>", "summary>"];
        let ours = |tag: &str| TAGS.contains(&tag.strip_prefix('/').unwrap_or(tag));
        for piece in html.split('<').skip(1) {
            let end = piece.find('>').map_or(piece.len(), |end| end + 1);
            assert!(ours(&piece[..end]), "{strings:?}\n{html}");
        }
        assert_eq!(html.matches("<td>").count(), 20, "{strings:?}");
        assert_eq!(html.matches("<li>").count(), 10, "{strings:?}");
        assert!(!refers(&html.replace("&#", "")), "{strings:?}\n{html}");
    }

    #[test]
    fn text_is_shown_and_does_nothing() {
        for strings in documents(54_321) {
            let mut document = String::new();
            for string in &strings {
                let line = text(string);
                document.extend([format!("{line}\n\nx {line} y\n\n- {line}\n\n| a | b |\n|---|---|\n| x | {line} |\n\nz\n{line}\n\n<details>\n<summary>{line}</summary>\n</details>\n\n")]);
            }
            assert_inert(&markdown_to_html(&document, &options()), &strings);
        }
    }

    #[test]
    fn prose_has_code_spans_and_does_nothing_else() {
        for strings in documents(98_765) {
            let mut document = String::new();
            for string in &strings {
                let line = prose(string);
                document.extend([format!(
                    "{line}\n\nx {line} y\n\n- {line}\n\n| a | b |\n|---|---|\n| x | {line} |\n\nz\n{line}\n\n"
                )]);
            }
            assert_inert(&without_code(&markdown_to_html(&document, &options())), &strings);
        }
    }

    #[test]
    fn prose_shows_names_as_code() {
        for (written, expected) in [
            ("within the range `^1` that is asked for", "within the range `^1` that is asked for"),
            ("`a` `b`, and `c|d`", "`a` `b`, and `c\\|d`"),
            ("the lockfile's `@acme/x` and @acme", "the lockfile's `@acme/x` and &#64;\u{200b}acme"),
            ("one ` alone", "one &#96; alone"),
            ("`a` and ` alone", "`a` and &#96; alone"),
            ("``a`` is none", "&#96;&#96;a&#96;&#96; is none"),
            ("`a``b`", "```a``b```"),
            ("` `", "`-`"),
            ("", ""),
        ] {
            assert_eq!(prose(written), expected, "{written}");
        }
        let html = markdown_to_html(&prose("`a``b` x `c` `` d `e`"), &options());
        assert_eq!(html, "<p><code>a``b</code> x <code>c</code> `` d <code>e</code></p>\n");
    }

    #[test]
    fn text_stays_readable() {
        assert_eq!(
            text("Prototype pollution in lodash (before 4.17.21)"),
            "Prototype pollution in lodash (before 4.17.21)"
        );
        assert_eq!(text("due 2026-11-22 14:00 UTC"), "due 2026-11-22 14:00 UTC");
        assert_eq!(text("thanks @octocat"), "thanks &#64;\u{200b}octocat");
        assert_eq!(text("1. first"), "1&#46; first");
        assert_eq!(text(""), "");
        assert_eq!(code("@acme/shop"), "`@acme/shop`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("\u{202e}\n"), "`-`");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(code(&"a".repeat(5_000)).chars().count(), CODE_LIMIT + 3);
        assert!(fence(&"é".repeat(50_000)).chars().count() < BLOCK_LIMIT + 30);
        assert!(text(&"x ".repeat(5_000)).ends_with('…'));
    }

    #[test]
    fn only_plain_https_addresses_become_links() {
        assert_eq!(
            link("CVE-2024-1", "https://nvd.example/detail?a=1&b=2"),
            "[CVE-2024-1](https://nvd.example/detail?a=1&amp;b=2)"
        );
        assert_eq!(link("x", "https://github.com/o/r/issues/1"), "[x](https://redirect.github.com/o/r/issues/1)");
        assert_eq!(link("x", "https://WWW.GitHub.com/o"), "[x](https://redirect.github.com/o)");
        assert_eq!(link("x", "https://e.example/a)b(c|d'e`f"), "[x](https://e.example/a%29b%28c%7Cd%27e%60f)");
        for bad in [
            "javascript:alert(1)",
            "http://e.example/",
            "https://user:pw@e.example/",
            "//e",
            "",
            "https://[::1]/",
            "data:x",
        ] {
            assert_eq!(link("x", bad), "x", "{bad}");
        }
        assert_eq!(link("a](http://e/)", "https://e.example/"), "[a&#93;(http:\u{200b}//e/)](https://e.example/)");
    }

    proptest! {
        #[test]
        fn links_hold_exactly_one_address(label in "\\PC{1,20}", address in "https://e\\.example/\\PC{0,40}") {
            let html = markdown_to_html(&link(&label, &address), &options());
            prop_assert!(html.matches("<a ").count() <= 1);
            prop_assert!(!html.replace("<p>", "").replace("</p>", "").replace("</a>", "").replacen("<a ", "", 1).contains('<'), "{html}");
        }

        #[test]
        fn nothing_panics(any in "\\PC*") {
            let _ = (code(&any), fence(&any), text(&any), prose(&any), link(&any, &any));
        }
    }
}
