//! What the variables of a Dockerfile stand for, as far as the file says it.

use std::collections::HashMap;

use super::super::contract::variables::{Style, expand};
use super::instructions::Instruction;

/// More bytes of values in one scope are not kept: variables that repeat a long one take any amount of memory.
const BYTE_LIMIT: usize = 1024 * 1024;

/// The values of one scope: above the first `FROM`, or of one stage. `None` is declared without a value.
#[derive(Default)]
pub(super) struct Values {
    by_name: HashMap<String, Option<String>>,
    /// How many bytes of values were noted.
    bytes: usize,
}

impl Values {
    /// `ARG NAME[=default] …`; a name without a default takes the one that `global` has.
    pub(super) fn declare(&mut self, instruction: &Instruction, style: Style, global: Option<&Self>) {
        for (_, word) in instruction.words() {
            let (name, default) = match word.split_once('=') {
                Some((name, text)) => (name, self.expand(text, style)),
                None => (word, global.and_then(|global| global.by_name.get(word).cloned().flatten())),
            };
            self.note(name, default);
        }
    }

    /// `ENV NAME=value …` or `ENV NAME value`.
    pub(super) fn set(&mut self, instruction: &Instruction, style: Style) {
        let words = instruction.words();
        let Some((offset, first)) = words.first() else { return };
        if !first.contains('=') {
            let value = instruction.arguments.get(offset + first.len()..).unwrap_or_default();
            self.note(first, self.expand(value.trim(), style));
            return;
        }
        // All values of one instruction see what was there before it.
        let mut after = Self { by_name: HashMap::new(), bytes: self.bytes };
        for (name, value) in words.iter().filter_map(|(_, word)| word.split_once('=')) {
            after.note(name, self.expand(value, style));
        }
        self.by_name.extend(after.by_name);
        self.bytes = after.bytes;
    }

    /// Notes a value; one beyond the limit is not known.
    fn note(&mut self, name: &str, value: Option<String>) {
        self.bytes = self.bytes.saturating_add(value.as_ref().map_or(0, String::len));
        self.by_name.insert(name.to_owned(), value.filter(|_| self.bytes <= BYTE_LIMIT));
    }

    /// Puts the values into a text; `None` where one is missing.
    pub(super) fn expand(&self, text: &str, style: Style) -> Option<String> {
        expand(text, style, &|name| self.by_name.get(name).cloned().flatten())
    }
}
