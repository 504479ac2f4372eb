//! A page: Markdown as GitHub renders it, and what in it could act.

use comrak::{Options, markdown_to_html};

/// HTML that our own templates write; everything else came from somewhere else.
const OWN_TAGS: [&str; 26] = [
    "a",
    "blockquote",
    "code",
    "details",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "hr",
    "input",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "summary",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
    "br",
    "del",
];

/// A rendered text.
pub(super) struct Page {
    source: String,
    html: String,
    /// Whether it is a body, which ends with our state.
    body: bool,
}

impl Page {
    /// The body of a pull request.
    pub(super) fn of_body(source: &str) -> Self {
        Self { body: true, ..Self::of_text(source) }
    }

    /// Any other text.
    pub(super) fn of_text(source: &str) -> Self {
        let mut options = Options::default();
        options.extension.table = true;
        options.extension.strikethrough = true;
        options.extension.autolink = true;
        options.extension.tasklist = true;
        options.extension.alerts = true;
        options.extension.footnotes = true;
        options.render.r#unsafe = true;
        Self { source: source.to_owned(), html: markdown_to_html(source, &options), body: false }
    }

    /// How many boxes a reader can tick.
    pub(super) fn boxes(&self) -> usize {
        self.html.matches("<input type=\"checkbox\"").count()
    }

    /// Fails unless nothing in it mentions, refers, closes, embeds, or pretends to be ours.
    #[track_caller]
    pub(super) fn assert_inert(&self) {
        let Self { source, html, .. } = self;
        let (text, tags) = take_apart(html);
        assert!(!mentions_or_refers(&text), "it acts: {:?}\n{source}", acting(&text));
        for tag in &tags {
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
            assert!(OWN_TAGS.contains(&name), "<{tag}> is not ours\n{source}");
            let address = tag.split("href=\"").nth(1).and_then(|rest| rest.split('"').next());
            let safe = |address: &str| address.starts_with("https://") && !address.starts_with("https://github.com/");
            assert!(address.is_none_or(safe), "<{tag}> leads astray\n{source}");
        }
        let checks =
            source.lines().filter(|line| line.trim_start().starts_with("- [ ] <!-- patchparty:check ")).count();
        assert_eq!(self.boxes(), checks, "every box is ours\n{source}");
        let states = source.lines().filter(|line| line.starts_with("<!-- patchparty:state ")).count();
        assert_eq!(states, usize::from(self.body), "the state is ours\n{source}");
        // The state, the words that are the bot's, and the two ends of people's notes.
        let own = checks + 4 * states;
        assert_eq!(html.matches("<!--").count(), own, "nothing is hidden\n{source}");
        assert_eq!(html.matches("<details>").count(), html.matches("</details>").count(), "{source}");
        assert!(!source.chars().any(|character| character.is_control() && character != '\n'), "{source:?}");
    }
}

/// Whether GitHub would see a mention, a reference or a bare address in text outside of code.
pub(super) fn mentions_or_refers(text: &str) -> bool {
    acting(text).is_some()
}

fn acting(text: &str) -> Option<String> {
    let characters: Vec<char> = text.chars().collect();
    let position = characters.iter().enumerate().position(|(position, &character)| {
        let next = characters.get(position + 1);
        let after_h = |offset: usize| characters.get(position + offset).map(char::to_ascii_lowercase);
        // In `lodash@4.17.21` it is part of a word, and mentions nobody.
        let begins = position == 0 || !characters[position - 1].is_ascii_alphanumeric();
        (character == '@' && begins && next.is_some_and(char::is_ascii_alphanumeric))
            || (character == '#' && next.is_some_and(char::is_ascii_digit))
            || (character.eq_ignore_ascii_case(&'g')
                && after_h(1) == Some('h')
                && after_h(2) == Some('-')
                && after_h(3).is_some_and(|digit| digit.is_ascii_digit()))
            || (character == ':' && next == Some(&'/') && characters.get(position + 2) == Some(&'/'))
    })?;
    Some(characters[position.saturating_sub(20)..(position + 20).min(characters.len())].iter().collect())
}

/// The text outside of code and of links' own addresses, with entities read, and every tag.
fn take_apart(html: &str) -> (String, Vec<String>) {
    let (mut text, mut tags) = (String::new(), Vec::new());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = if rest.starts_with("<!--") {
            rest.find("-->").map_or(rest.len(), |end| end + 3)
        } else if rest.starts_with("<code") || rest.starts_with("<pre") {
            let close = if rest.starts_with("<code") { "</code>" } else { "</pre>" };
            text.push_str("CODE");
            rest.find(close).map_or(rest.len(), |end| end + close.len())
        } else {
            let end = rest.find('>').map_or(rest.len(), |end| end + 1);
            tags.push(rest[1..end.saturating_sub(1).max(1)].to_owned());
            end
        };
        rest = &rest[end..];
    }
    text.push_str(rest);
    (read_entities(&text), tags)
}

fn read_entities(text: &str) -> String {
    let mut read = text.to_owned();
    for code in 33..127_u8 {
        read = read.replace(&format!("&#{code};"), &char::from(code).to_string());
    }
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
        .iter()
        .fold(read, |text, (from, to)| text.replace(from, to))
}
