//! Variables in text, as the shells of Docker's files know them: `$NAME`, `${NAME}`, and defaults inside the braces
//! (<https://docs.docker.com/reference/dockerfile/#environment-replacement>,
//! <https://docs.docker.com/reference/compose-file/interpolation/>).

/// Defaults may hold variables whose defaults hold variables, this deep. Real files nest twice.
const DEPTH_LIMIT: usize = 16;

/// Longer results are given up: variables that repeat each other grow without limit.
const LENGTH_LIMIT: usize = 64 * 1024;

/// How a file writes what is no variable.
#[derive(Clone, Copy)]
pub(in crate::extractor) enum Style {
    /// A Dockerfile: quotes group, the escape character takes the next one as it is.
    Shell {
        /// The backslash, unless a directive says otherwise.
        escape: char,
    },
    /// A compose file: `$$` stands for one `$`.
    Compose,
}

/// Puts in the values of variables; `None` where one is needed that has none, or that is changed in a way that is only
/// known at run time.
pub(in crate::extractor) fn expand(text: &str, style: Style, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    Expansion { style, value, budget: LENGTH_LIMIT }.run(text, 0)
}

struct Expansion<'a> {
    style: Style,
    value: &'a dyn Fn(&str) -> Option<String>,
    /// What the results of all levels may still have in bytes.
    budget: usize,
}

impl Expansion<'_> {
    fn run(&mut self, text: &str, depth: usize) -> Option<String> {
        if depth > DEPTH_LIMIT {
            return None;
        }
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        let mut single_quoted = false;
        while let Some(character) = rest.chars().next() {
            let after = rest.get(character.len_utf8()..)?;
            rest = match (self.style, character) {
                (Style::Shell { .. }, '\'') => {
                    single_quoted = !single_quoted;
                    after
                }
                (Style::Shell { .. }, '"') if !single_quoted => after,
                (Style::Shell { escape }, _) if character == escape && !single_quoted => {
                    let next = after.chars().next()?;
                    expanded.push(next);
                    after.get(next.len_utf8()..)?
                }
                (Style::Compose, '$') if after.starts_with('$') => {
                    expanded.push('$');
                    after.get(1..)?
                }
                (_, '$') if !single_quoted => {
                    let (value, rest) = self.variable(after, depth)?;
                    // At once: a value that is named again and again is in memory before the end is reached.
                    self.budget = self.budget.checked_sub(value.len())?;
                    expanded.push_str(&value);
                    rest
                }
                _ => {
                    expanded.push(character);
                    after
                }
            };
        }
        (expanded.len() <= LENGTH_LIMIT).then_some(expanded)
    }

    /// The value of what follows a `$`, and what follows the variable.
    fn variable<'t>(&mut self, text: &'t str, depth: usize) -> Option<(String, &'t str)> {
        let Some(inner) = text.strip_prefix('{') else {
            let (name, rest) = split_name(text);
            return if name.is_empty() { Some(("$".to_owned(), text)) } else { Some(((self.value)(name)?, rest)) };
        };
        let end = closing_brace(inner)?;
        let (inner, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
        let (name, operation) = split_name(inner);
        let value = (self.value)(name);
        // Also one that is not put in was copied.
        self.budget = self.budget.checked_sub(value.as_ref().map_or(0, String::len))?;
        let filled = value.clone().filter(|value| !value.is_empty());
        let value = if name.is_empty() {
            return None;
        } else if operation.is_empty() {
            value?
        } else if let Some(default) = operation.strip_prefix(":-") {
            filled.or_else(|| self.run(default, depth + 1))?
        } else if let Some(default) = operation.strip_prefix('-') {
            value.or_else(|| self.run(default, depth + 1))?
        } else if let Some(other) = operation.strip_prefix(":+") {
            filled.map_or(Some(String::new()), |_| self.run(other, depth + 1))?
        } else if let Some(other) = operation.strip_prefix('+') {
            value.map_or(Some(String::new()), |_| self.run(other, depth + 1))?
        } else if operation.starts_with(":?") {
            filled?
        } else if operation.starts_with('?') {
            value?
        } else {
            cut(&value?, operation)?
        };
        Some((value, rest))
    }
}

/// A name and what follows it.
fn split_name(text: &str) -> (&str, &str) {
    let is_part =
        |byte: u8, first: bool| byte == b'_' || byte.is_ascii_alphabetic() || (!first && byte.is_ascii_digit());
    let end = text.bytes().enumerate().find(|(at, byte)| !is_part(*byte, *at == 0)).map_or(text.len(), |(at, _)| at);
    text.split_at(end)
}

/// Where the brace is closed that was opened in front of the text.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

/// `${NAME#prefix}`, `${NAME%suffix}`, `${NAME/old/new}` and their doubles, for patterns without wildcards.
fn cut(value: &str, operation: &str) -> Option<String> {
    let pattern = operation.trim_start_matches(['#', '%', '/']);
    if pattern.contains(['*', '?', '[', '\\', '$']) {
        return None;
    }
    // A replacement may come as often as the value has letters.
    if pattern.len().saturating_mul(value.len()) > LENGTH_LIMIT {
        return None;
    }
    let cut = match operation.len() - pattern.len() {
        _ if operation.starts_with('#') => value.strip_prefix(pattern).unwrap_or(value).to_owned(),
        _ if operation.starts_with('%') => value.strip_suffix(pattern).unwrap_or(value).to_owned(),
        slashes @ (1 | 2) if operation.starts_with('/') => {
            let (old, new) = pattern.split_once('/').unwrap_or((pattern, ""));
            if slashes == 1 { value.replacen(old, new, 1) } else { value.replace(old, new) }
        }
        _ => return None,
    };
    Some(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<String> {
        match name {
            "A" => Some("one".to_owned()),
            "V" => Some("v1.2.3".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_of_dockerfiles_are_put_in() {
        for (text, expected) in [
            ("nginx:$A", Some("nginx:one")),
            ("nginx:${A}-x", Some("nginx:one-x")),
            ("${NONE:-${A:-y}}", Some("one")),
            ("${EMPTY:-x}", Some("x")),
            ("${EMPTY-x}", Some("")),
            ("${NONE-x}", Some("x")),
            ("a${A:+-b}", Some("a-b")),
            ("a${NONE+-b}", Some("a")),
            ("a${EMPTY:+b}${EMPTY+c}", Some("ac")),
            ("${A:?needed}", Some("one")),
            ("${NONE:?needed}", None),
            ("$NONE", None),
            ("${NONE}", None),
            ("\"$A\"'$A'\\$A", Some("one$A$A")),
            ("${V#v}", Some("1.2.3")),
            ("${V%.3}", Some("v1.2")),
            ("${V//./_}", Some("v1_2_3")),
            ("${V/./_}", Some("v1_2.3")),
            ("${V%.*}", None),
            ("${A", None),
            ("${}", None),
            ("cost $", Some("cost $")),
        ] {
            assert_eq!(expand(text, Style::Shell { escape: '\\' }, &value).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_doubled_dollar_is_none_in_a_compose_file() {
        assert_eq!(expand("$$A'$A'", Style::Compose, &value).as_deref(), Some("$A'one'"));
    }

    #[test]
    fn depth_and_growth_end() {
        let deep = format!("{}{}", "${X:-".repeat(50_000), "}".repeat(50_000));
        assert_eq!(expand(&deep, Style::Compose, &value), None);
        let long = |_: &str| Some("x".repeat(10_000));
        assert_eq!(expand(&"$A".repeat(100), Style::Compose, &long), None);
        // Each would take minutes and all memory.
        for bomb in ["$A".repeat(1_000_000), "${A:+}".repeat(1_000_000), format!("${{A//x/{}}}", "y".repeat(1_000_000))]
        {
            assert_eq!(expand(&bomb, Style::Compose, &long), None, "{}", &bomb[..10]);
        }
    }
}
