//! Looks at a template's tags before Handlebars does: recursion and deep nesting would abort the process.
//!
//! Handlebars 6.4 has no limit of its own: partials that call each other, or some 2,000 nested blocks, overflow the stack.

use std::collections::{BTreeMap, BTreeSet};

/// The largest template; the built-in ones have less than 6 KiB.
pub(super) const SIZE_LIMIT: usize = 64 * 1024;

/// The deepest nesting of blocks, also through partials.
const NESTING_LIMIT: usize = 32;

/// The deepest nesting of loops, also through partials.
const LOOP_LIMIT: usize = 2;

/// The longest tag and its deepest brackets.
const TAG_LIMIT: usize = 500;
const BRACKET_LIMIT: usize = 8;

/// How often partials may be used in all, when every use is written out.
const EXPANSION_LIMIT: u64 = 10_000;

const UNESCAPED: &str = "unescaped values (`{{{x}}}`, `{{&x}}`) are not allowed";

/// What a template's tags say about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// The deepest nesting of its blocks.
    nesting: usize,
    /// The deepest nesting of its loops.
    loops: usize,
    /// The partials it uses, once per use, with the nesting and the loops around it.
    partials: Vec<(String, usize, usize)>,
}

/// Reads the tags of one template, or says why it is refused.
pub(super) fn shape(template: &str) -> Result<Shape, String> {
    if template.len() > SIZE_LIMIT {
        return Err(format!("it has {} bytes, the limit is {SIZE_LIMIT}", template.len()));
    }
    let mut shape = Shape::default();
    // One entry per open block: how deep it nests, and whether it is a loop.
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut position = 0;
    while let Some(start) = template[position..].find("{{").map(|found| position + found) {
        let inside = &template[start + 2..];
        let line = template[..start].matches('\n').count() + 1;
        if template[..start].ends_with('\\') {
            return Err(format!("line {line}: `\\{{{{` is not allowed"));
        }
        let (tag, length) = tag(inside).map_err(|complaint| format!("line {line}: {complaint}"))?;
        read_tag(tag, &mut open, &mut shape).map_err(|complaint| format!("line {line}: {complaint}"))?;
        if matches!(first_word(tag.trim_start_matches('~')), "code" | "prose" | "fence" | "link")
            && in_html(&template[..start])
        {
            return Err(format!("line {line}: Markdown is not parsed inside HTML, use a plain `{{{{value}}}}` there"));
        }
        if in_single_quotes(&template[..start]) {
            return Err(format!("line {line}: an attribute's value stands in double quotes"));
        }
        position = start + 2 + length;
    }
    Ok(shape)
}

/// The text between `{{` and `}}`, and how much of `inside` it takes with its end.
///
/// Finds exactly the end that Handlebars finds: a tag that could end in two places would hide others from the scan.
fn tag(inside: &str) -> Result<(&str, usize), String> {
    if inside.starts_with('{') {
        return Err(UNESCAPED.to_owned());
    }
    if inside.starts_with('!') {
        // `{{!--}}` is no end of its own beginning.
        let (start, end) = if inside.starts_with("!--") { (3, "--}}") } else { (1, "}}") };
        let length = inside[start..].find(end).ok_or("a comment does not end")?;
        return Ok(("!", start + length + end.len()));
    }
    let (mut quote, mut depth) = (None, 0_usize);
    for (position, character) in inside.char_indices().take(TAG_LIMIT) {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (_, '\\' | '[') | (None, '{') if position > 0 => {
                return Err("`\\`, `[` and `{` are not allowed in tags".to_owned());
            }
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, '}') if inside[position..].starts_with("}}") => return Ok((&inside[..position], position + 2)),
            _ => {}
        }
        if depth > BRACKET_LIMIT {
            return Err(format!("a tag nests more than {BRACKET_LIMIT} brackets"));
        }
    }
    Err(format!("a tag does not end within {TAG_LIMIT} characters"))
}

fn read_tag(tag: &str, open: &mut Vec<(usize, bool)>, shape: &mut Shape) -> Result<(), String> {
    let tag = tag.trim().trim_matches('~').trim();
    let depth = |open: &[(usize, bool)]| open.iter().map(|(nesting, _)| nesting).sum::<usize>();
    let loops = |open: &[(usize, bool)]| open.iter().filter(|(_, is_loop)| *is_loop).count();
    if tag.starts_with('&') {
        return Err(UNESCAPED.to_owned());
    }
    if let Some(block) = tag.strip_prefix('#') {
        let block = block.trim_start();
        if block.starts_with(['*', '>']) {
            return Err("inline partials and partial blocks are not allowed".to_owned());
        }
        open.push((1, first_word(block) == "each"));
    } else if tag.starts_with('*') {
        return Err("decorators are not allowed".to_owned());
    } else if tag.starts_with('/') {
        open.pop();
    } else if let Some(partial) = tag.strip_prefix('>') {
        let name = partial_name(partial)?;
        shape.partials.push((name, depth(open), loops(open)));
    } else if let Some(chained) = tag.strip_prefix("else").or_else(|| tag.strip_prefix('^')) {
        // `{{else if x}}` is a block inside the other branch.
        let chained = chained.trim();
        if tag.starts_with('^') && !chained.is_empty() {
            return Err("write `{{#unless x}}` or `{{else}}` instead of `{{^x}}`".to_owned());
        }
        if let Some(block) = open.last_mut().filter(|_| !chained.is_empty()) {
            block.0 += 1;
            block.1 |= first_word(chained) == "each";
        }
    }
    shape.nesting = shape.nesting.max(depth(open));
    shape.loops = shape.loops.max(loops(open));
    if shape.nesting > NESTING_LIMIT {
        return Err(format!("more than {NESTING_LIMIT} nested blocks"));
    }
    if shape.loops > LOOP_LIMIT {
        return Err(format!("more than {LOOP_LIMIT} nested loops"));
    }
    Ok(())
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// The name of a partial, which must be written down: a computed one could be any.
fn partial_name(tag: &str) -> Result<String, String> {
    let name = first_word(tag);
    let plain = |character: char| character.is_ascii_alphanumeric() || "_-/".contains(character);
    if name.is_empty() || !name.chars().all(plain) {
        return Err("a partial needs a plain name, such as `{{> partials/boxes}}`".to_owned());
    }
    Ok(name.to_owned())
}

/// Whether the end of `text` is inside a block of HTML, which ends with a blank line (`CommonMark`, section 4.6).
fn in_html(text: &str) -> bool {
    let block = text.rsplit_once("\n\n").map_or(text, |(_, block)| block);
    block.lines().any(|line| line.trim_start().starts_with('<'))
}

/// Whether the end of `text` is inside an attribute of HTML in single quotes, which a value could leave.
fn in_single_quotes(text: &str) -> bool {
    let Some((_, tag)) = text.rsplit_once('<').filter(|(_, tag)| !tag.contains('>')) else { return false };
    tag.rsplit_once("='").is_some_and(|(_, value)| !value.contains('\''))
}

/// Checks how templates use one another: no circles, and nothing that grows beyond the limits.
pub(super) fn check_uses(shapes: &BTreeMap<String, Shape>) -> Result<(), (String, String)> {
    let mut known = BTreeMap::new();
    for name in shapes.keys() {
        measure(name, shapes, &mut BTreeSet::new(), &mut known).map_err(|complaint| (name.clone(), complaint))?;
    }
    Ok(())
}

/// Nesting, loops and uses of a template with everything it uses written out.
type Extent = (usize, usize, u64);

fn measure(
    name: &str,
    shapes: &BTreeMap<String, Shape>,
    above: &mut BTreeSet<String>,
    known: &mut BTreeMap<String, Extent>,
) -> Result<Extent, String> {
    if let Some(extent) = known.get(name) {
        return Ok(*extent);
    }
    let Some(shape) = shapes.get(name) else { return Err(format!("there is no partial `{name}`")) };
    // The depth of the recursion is bounded too: a chain of partials nests.
    if !above.insert(name.to_owned()) || above.len() > NESTING_LIMIT {
        return Err(format!("`{name}` uses itself, directly or through other partials"));
    }
    let (mut nesting, mut loops, mut uses) = (shape.nesting, shape.loops, 1_u64);
    for (partial, around, loops_around) in &shape.partials {
        let inner = measure(partial, shapes, above, known)?;
        nesting = nesting.max(around + 1 + inner.0);
        loops = loops.max(loops_around + inner.1);
        uses = uses.saturating_add(inner.2);
    }
    above.remove(name);
    if nesting > NESTING_LIMIT {
        return Err(format!("more than {NESTING_LIMIT} nested blocks"));
    }
    if loops > LOOP_LIMIT {
        return Err(format!("more than {LOOP_LIMIT} nested loops"));
    }
    if uses > EXPANSION_LIMIT {
        return Err(format!("its partials are used more than {EXPANSION_LIMIT} times"));
    }
    known.insert(name.to_owned(), (nesting, loops, uses));
    Ok((nesting, loops, uses))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_abort_or_leak_is_refused() {
        for (template, complaint) in [
            ("{{{x}}}", "unescaped"),
            ("{{~{x}~}}", "not allowed"),
            ("{{& x}}", "unescaped"),
            ("{{{{raw}}}}{{{{/raw}}}}", "unescaped"),
            ("{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}", "inline"),
            ("{{* x}}", "decorators"),
            ("{{#> layout}}{{/layout}}", "partial blocks"),
            ("{{> (lookup . \"name\")}}", "plain name"),
            ("{{> @partial-block}}", "plain name"),
            ("{{#each a}}{{#each b}}{{#each c}}{{/each}}{{/each}}{{/each}}", "nested loops"),
            ("{{x", "does not end"),
            ("\\{{/if}}", "not allowed"),
            ("{{!--}}{{/if}}", "does not end"),
            ("{{x.[}}{{/if}}]}}", "not allowed"),
            ("{{x \"\\\"}}{{/if}}\"}}", "not allowed"),
            ("{{!-- x }}", "does not end"),
            ("{{^x}}{{/x}}", "unless"),
            ("<details>\n<summary>{{code x}}</summary>", "inside HTML"),
            ("<a title='{{x}}'>y</a>", "double quotes"),
        ] {
            let refusal = shape(template).expect_err(template);
            assert!(refusal.contains(complaint), "{template}: {refusal}");
        }
        for deep in [
            "{{#if x}}".repeat(50_000),
            format!("{{{{#if x}}}}{}", "{{else if x}}".repeat(5_000)),
            format!("{{{{x {}}}}}", "(".repeat(400)),
            "x".repeat(SIZE_LIMIT + 1),
        ] {
            assert!(shape(&deep).is_err());
        }
    }

    #[test]
    fn ordinary_templates_are_accepted() {
        let template =
            "{{!-- {{{x}}} --}}{{#each a}}\n{{#if b}}{{code c}}{{else if d}}x{{else}}y{{/if}}{{> partials/p}}{{/each}}";
        let shape = shape(template).expect("ordinary");
        assert_eq!(shape, Shape { nesting: 3, loops: 1, partials: vec![("partials/p".to_owned(), 1, 1)] });
    }

    #[test]
    fn quotes_hide_no_tags() {
        let hidden = "{{#if x}}{{y '\"' \"}}{{/if}}\"}}";
        assert_eq!(shape(&hidden.repeat(32)).expect("as deep as allowed").nesting, 32);
        assert!(shape(&hidden.repeat(33)).is_err());
    }

    #[test]
    fn circles_and_explosions_are_refused() {
        let uses = |templates: &[(&str, String)]| {
            let shapes =
                templates.iter().map(|(name, text)| ((*name).to_owned(), shape(text).expect("accepted"))).collect();
            check_uses(&shapes)
        };
        let circle = uses(&[("p", "{{> q}}".to_owned()), ("q", "{{> p}}".to_owned())]).expect_err("a circle");
        assert!(circle.1.contains("uses itself"), "{circle:?}");
        let missing = uses(&[("p", "{{> q}}".to_owned())]).expect_err("missing");
        assert!(missing.1.contains("no partial `q`"), "{missing:?}");
        let laughs = uses(&[("a", "{{> b}}".repeat(200)), ("b", "{{> c}}".repeat(200)), ("c", String::new())]);
        assert!(laughs.expect_err("too many").1.contains("times"));
        let looping = uses(&[
            ("a", "{{#each x}}{{#each y}}{{> b}}{{/each}}{{/each}}".to_owned()),
            ("b", "{{#each z}}{{/each}}".to_owned()),
        ]);
        assert!(looping.expect_err("three loops").1.contains("nested loops"));
    }
}
