//! The few Elixir terms that mix writes (<https://hexdocs.pm/elixir/syntax-reference.html>), read without evaluating.

/// Mix nests four levels.
const DEPTH_LIMIT: usize = 32;

/// An Elixir term. Texts are as they are written: neither names, versions nor addresses have anything to escape.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Term<'a> {
    /// `:atom`, `true` or `nil`.
    Atom(&'a str),
    /// `"text"`.
    Text(&'a str),
    /// `{…}`.
    Tuple(Vec<Self>),
    /// `[…]`.
    List(Vec<Self>),
    /// `key: value` in a list.
    Pair(&'a str, Box<Self>),
    /// `%{…}`: key, its offset and value.
    Map(Vec<(Self, usize, Self)>),
}

/// What is wrong, and where.
type Fault = (&'static str, usize);

impl<'a> Term<'a> {
    /// Reads a text that is one term.
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        let mut reader = Reader { text, position: 0 };
        let term = reader.term(0)?;
        reader.skip();
        if reader.position == text.len() { Ok(term) } else { Err(reader.fault("find the end of the file")) }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn fault(&self, message: &'static str) -> Fault {
        (message, self.position)
    }

    /// Goes over blanks and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            let comment = rest
                .get(blank..)
                .filter(|rest| rest.starts_with('#'))
                .map_or(0, |comment| comment.find('\n').unwrap_or(comment.len()));
            self.position += blank + comment;
            if comment == 0 {
                return;
            }
        }
    }

    fn take(&mut self, text: &str) -> bool {
        self.skip();
        let found = self.rest().starts_with(text);
        self.position += if found { text.len() } else { 0 };
        found
    }

    fn term(&mut self, depth: usize) -> Result<Term<'a>, Fault> {
        if depth > DEPTH_LIMIT {
            return Err(self.fault("read it: it nests too deep"));
        }
        self.skip();
        if self.take("%{") {
            return self.map(depth).map(Term::Map);
        }
        if self.take("{") {
            return self.items("}", depth).map(Term::Tuple);
        }
        if self.take("[") {
            return self.items("]", depth).map(Term::List);
        }
        // Charlists are texts, too: `'abc'`, and `~c"abc"` since Elixir 1.15.
        self.position += if self.rest().starts_with("~c\"") { 2 } else { 0 };
        if self.rest().starts_with(['"', '\'']) {
            return self.quoted().map(Term::Text);
        }
        if self.take(":") {
            return if self.rest().starts_with('"') { self.quoted() } else { self.word() }.map(Term::Atom);
        }
        let key = self.word()?;
        // `key: value`; a colon that another follows is something else.
        if self.rest().starts_with(": ") {
            self.position += 1;
            let value = self.term(depth + 1)?;
            return Ok(Term::Pair(key, Box::new(value)));
        }
        Ok(Term::Atom(key))
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(Term<'a>, usize, Term<'a>)>, Fault> {
        let mut entries = Vec::new();
        while !self.take("}") {
            self.skip();
            let offset = self.position;
            match self.term(depth + 1)? {
                Term::Pair(key, value) => entries.push((Term::Atom(key), offset, *value)),
                key => {
                    if !self.take("=>") && !self.take(":") {
                        return Err(self.fault("find a key of the map"));
                    }
                    entries.push((key, offset, self.term(depth + 1)?));
                }
            }
            self.separator("}")?;
        }
        Ok(entries)
    }

    fn items(&mut self, end: &'static str, depth: usize) -> Result<Vec<Term<'a>>, Fault> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.term(depth + 1)?);
            self.separator(end)?;
        }
        Ok(items)
    }

    fn separator(&mut self, end: &'static str) -> Result<(), Fault> {
        self.skip();
        if self.take(",") || self.rest().starts_with(end) { Ok(()) } else { Err(self.fault("find a comma")) }
    }

    fn quoted(&mut self) -> Result<&'a str, Fault> {
        let quote = self.rest().chars().next().unwrap_or('"');
        let inside = self.rest().get(1..).unwrap_or_default();
        // Whatever is escaped or interpolated is no name, version or address.
        let end = inside.find([quote, '\\', '\n']).filter(|&end| inside[end..].starts_with(quote));
        let text = end.and_then(|end| inside.get(..end)).ok_or_else(|| self.fault("find the end of a plain string"))?;
        self.position += text.len() + 2;
        Ok(text)
    }

    fn word(&mut self) -> Result<&'a str, Fault> {
        let rest = self.rest();
        let end = rest.find(|character: char| !(character.is_ascii_alphanumeric() || "_@?!.".contains(character)));
        let word = rest.get(..end.unwrap_or(rest.len())).filter(|word| !word.is_empty());
        let word = word.ok_or_else(|| self.fault("find an Elixir term"))?;
        self.position += word.len();
        Ok(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_without_evaluating() {
        let text = "%{ # comment\n \"a\" => {:b, \"c d\", [k: :v, l: [true]]}, :\"q r\" => {}}";
        let list = vec![
            Term::Pair("k", Box::new(Term::Atom("v"))),
            Term::Pair("l", Box::new(Term::List(vec![Term::Atom("true")]))),
        ];
        let tuple = Term::Tuple(vec![Term::Atom("b"), Term::Text("c d"), Term::List(list)]);
        let second = (Term::Atom("q r"), 54, Term::Tuple(Vec::new()));
        assert_eq!(Term::parse(text), Ok(Term::Map(vec![(Term::Text("a"), 14, tuple), second])));
        let list = Term::List(vec![Term::Text("ab"), Term::Text("c d")]);
        assert_eq!(Term::parse("['ab', ~c\"c d\"]"), Ok(list));
        for broken in
            ["'a", "~c'a", "%{\"a\"}", "{:a :b}", "\"a#{1}\\\"", "\"a", "System.cmd(\"x\")", "%{a: }", "{", "1 2"]
        {
            assert!(Term::parse(broken).is_err(), "{broken}");
        }
    }
}
