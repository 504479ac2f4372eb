//! HTML: values as text of a page, and the body of a pull request as a forge would show it.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};

use super::markdown::single_backticks;
use crate::model::text::is_invisible;

/// The tags that our own templates write into Markdown. Everything else that looks like a tag is shown as text.
const TAGS: [&str; 10] = [
    "<details>",
    "</details>",
    "<summary>",
    "</summary>",
    "<br>",
    "<sub>",
    "</sub>",
    "<sup>",
    "</sup>",
    "<details open>",
];

/// One line as it stands in HTML, also in a quoted attribute.
pub(super) fn text(text: &str) -> String {
    let visible = |character: char| match character {
        _ if character.is_control() => ' ',
        _ if is_invisible(character) => char::REPLACEMENT_CHARACTER,
        _ => character,
    };
    handlebars::html_escape(&text.chars().map(visible).collect::<String>())
}

/// The same with what stands between single backticks as code.
pub(super) fn marked(line: &str) -> String {
    let line: Vec<char> = line.chars().collect();
    let mut marked = String::with_capacity(line.len() + 16);
    let part = |range: std::ops::Range<usize>| text(&line[range].iter().collect::<String>());
    let mut end = 0;
    for pair in single_backticks(&line).chunks_exact(2) {
        marked.push_str(&part(end..pair[0]));
        marked.extend(["<code>", &part(pair[0] + 1..pair[1]), "</code>"]);
        end = pair[1] + 1;
    }
    marked.push_str(&part(end..line.len()));
    marked
}

/// A body in GitHub's Markdown as HTML: what is not ours stays text, and links lead to `http` and `https` only.
pub(crate) fn body(markdown: &str) -> String {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.tasklist = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    // The zero-width space is ours: it keeps a name from mentioning anyone.
    let visible = |character: char| match character {
        '\n' | '\u{200b}' => character,
        _ if is_invisible(character) => char::REPLACEMENT_CHARACTER,
        _ => character,
    };
    let markdown: String = markdown.chars().map(visible).collect();
    let arena = Arena::new();
    let root = parse_document(&arena, &markdown, &options);
    root.descendants().for_each(judge);
    let mut html = String::new();
    match format_html(root, &options, &mut html) {
        Ok(()) => html,
        // Writing to memory does not fail; the text itself is better than nothing.
        Err(_) => format!("<pre>{}</pre>", handlebars::html_escape(&markdown)),
    }
}

/// Lets our tags through, as they are; the renderer leaves out all others.
fn judge<'a>(node: &'a AstNode<'a>) {
    let value = &mut node.data.borrow_mut().value;
    let literal = match value {
        NodeValue::HtmlBlock(block) => &block.literal,
        NodeValue::HtmlInline(literal) => literal,
        _ => return,
    };
    *value = NodeValue::Raw(only_our_tags(literal));
}

fn only_our_tags(literal: &str) -> String {
    let mut html = String::with_capacity(literal.len());
    let mut rest = literal;
    while let Some(start) = rest.find('<') {
        html.push_str(&rest[..start]);
        rest = &rest[start..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            // Hidden lines of the bot are hidden here as well.
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if let Some(tag) = TAGS.iter().find(|tag| rest.starts_with(**tag)) {
            html.push_str(tag);
            rest = &rest[tag.len()..];
        } else {
            html.push_str("&lt;");
            rest = &rest[1..];
        }
    }
    html.push_str(rest);
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_markup_as_text() {
        assert_eq!(text("<b a=\"x\" b='y'>&`\n"), "&lt;b a&#x3D;&quot;x&quot; b&#x3D;&#x27;y&#x27;&gt;&amp;&#x60; ");
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_else_is_markup() {
        assert_eq!(marked("run `cargo update -p <x>` & go"), "run <code>cargo update -p &lt;x&gt;</code> &amp; go");
        assert_eq!(marked("one ` alone"), "one &#x60; alone");
    }

    #[test]
    fn only_our_own_tags_are_tags() {
        let shown = body(
            "<details>\n<summary>A &#64; b</summary>\n\n- [x] <!-- patchparty:check x --> done `x`\n\n</details>\n\n\
             <script>alert(1)</script>\n\n<details ontoggle=x> <img src=x onerror=y>\n\n[a](javascript:alert(1)) <b>\n",
        );
        for part in [
            "<details>\n<summary>A &#64; b</summary>",
            "done <code>x</code>",
            "checked=\"\"",
            "&lt;script>",
            "&lt;img src",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        for part in ["<script", "<img", "<b>", "<details o", "javascript:", "patchparty:check"] {
            assert!(!shown.contains(part), "{part}: {shown}");
        }
    }
}
