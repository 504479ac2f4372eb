//! What the variables of a Dockerfile stand for, as far as the file says it.

use std::collections::HashMap;

use super::super::contract::variables::{Style, expand};
use super::instructions::Instruction;

/// The values of one scope: above the first `FROM`, or of one stage. `None` is declared without a value.
#[derive(Default)]
pub(super) struct Values(HashMap<String, Option<String>>);

impl Values {
    /// `ARG NAME[=default] …`; a name without a default takes the one that `global` has.
    pub(super) fn declare(&mut self, instruction: &Instruction, style: Style, global: Option<&Self>) {
        for (_, word) in instruction.words() {
            let (name, default) = match word.split_once('=') {
                Some((name, text)) => (name, self.expand(text, style)),
                None => (word, global.and_then(|global| global.0.get(word).cloned().flatten())),
            };
            self.0.insert(name.to_owned(), default);
        }
    }

    /// `ENV NAME=value …` or `ENV NAME value`.
    pub(super) fn set(&mut self, instruction: &Instruction, style: Style) {
        let words = instruction.words();
        let Some((offset, first)) = words.first() else { return };
        if !first.contains('=') {
            let value = instruction.arguments.get(offset + first.len()..).unwrap_or_default();
            self.0.insert((*first).to_owned(), self.expand(value.trim(), style));
            return;
        }
        // All values of one instruction see what was there before it.
        let pairs = words.iter().filter_map(|(_, word)| word.split_once('='));
        let pairs: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), self.expand(value, style))).collect();
        self.0.extend(pairs);
    }

    /// Puts the values into a text; `None` where one is missing.
    pub(super) fn expand(&self, text: &str, style: Style) -> Option<String> {
        expand(text, style, &|name| self.0.get(name).cloned().flatten())
    }
}
