//! Which gems a Gemfile asks for in its groups `development` and `test` only
//! (<https://bundler.io/guides/groups.html>).

use std::collections::HashMap;

use super::super::contract::SourceFile;

/// What a Gemfile says about its gems. A Gemfile is a program; only one without any surprise is understood.
pub(super) struct Groups(HashMap<String, bool>);

/// What a `do … end` or `if … end` around a gem says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Development,
    Other,
}

impl Groups {
    /// Reads the Gemfile of a lockfile; `None` when there is none or it holds what cannot be told without running it.
    pub(super) fn beside(file: &SourceFile<'_>) -> Option<Self> {
        let lock = file.path.file_name();
        let manifest = if lock == "gems.locked" { "gems.rb" } else { lock.strip_suffix(".lock")? };
        let content = file.neighbour(manifest)?;
        Self::read(std::str::from_utf8(&content).ok()?)
    }

    /// Whether every mention of the gem is for development or tests.
    pub(super) fn are_development(&self, gem: &str) -> bool {
        self.0.get(gem).copied().unwrap_or(false)
    }

    fn read(text: &str) -> Option<Self> {
        let mut groups: HashMap<String, bool> = HashMap::new();
        let mut blocks: Vec<Block> = Vec::new();
        let mut lines = text.lines().map(code);
        while let Some(mut line) = lines.next() {
            // A list of arguments goes on behind a comma.
            while line.ends_with(',') {
                line.push(' ');
                line.push_str(&lines.next()?);
            }
            let (word, rest) = line.split_once([' ', '(']).unwrap_or((&line, ""));
            match word {
                "end" => drop(blocks.pop()?),
                "group" if line.ends_with(" do") => {
                    blocks.push(if is_development(rest.trim_end_matches(" do")) {
                        Block::Development
                    } else {
                        Block::Other
                    });
                }
                "if" | "unless" | "case" | "begin" | "def" => blocks.push(Block::Other),
                "gem" => {
                    let name = quoted(rest)?;
                    let here = blocks.contains(&Block::Development) || own_groups(rest).is_some_and(is_development);
                    groups.entry(name.to_owned()).and_modify(|all| *all &= here).or_insert(here);
                }
                // Gems of another file would be missing from the table, or be in it by half.
                "eval_gemfile" | "instance_eval" | "eval" | "=begin" => return None,
                _ if line.contains("<<") => return None,
                _ if line.ends_with(" do") || line.ends_with('|') => blocks.push(Block::Other),
                _ => {}
            }
        }
        blocks.is_empty().then_some(Self(groups))
    }
}

/// A line without what is around its code: Gemfiles hardly have a `#` in a string, and then only the end is lost.
fn code(line: &str) -> String {
    let code = line.split_once(" #").map_or(line, |(code, _)| code).trim();
    if code.starts_with('#') { String::new() } else { code.to_owned() }
}

/// The first quoted text.
fn quoted(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(['(', ' ']);
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    text.get(1..)?.split(quote).next()
}

/// What stands behind `group:`, `groups:` or `:group =>` of a gem, up to the next option.
fn own_groups(arguments: &str) -> Option<&str> {
    let rest = [" group: ", " groups: ", " :group => ", " :groups => "]
        .into_iter()
        .find_map(|key| arguments.split_once(key).map(|(_, rest)| rest))?;
    match rest.strip_prefix('[') {
        Some(list) => list.split(']').next(),
        None => rest.split([',', ')']).next(),
    }
}

/// Whether a list of groups has no other than those of development.
fn is_development(list: &str) -> bool {
    let names = || list.trim_end_matches([')', ' ']).split(',').map(|name| name.trim().trim_matches([':', '"', '\'']));
    names().count() > 0 && names().all(|name| matches!(name, "development" | "test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_told_in_every_form() {
        let groups = Groups::read(
            r#"
source "https://registry.example" # gems
gem "a"
gem 'b', '~> 1.0', group: :test
gem "c", groups: [:development, :test], require: false
gem "d", :group => :development
gem("e", "1",
  group: :production)
group :development, :test do
  gem "f"
  gem "g", platforms: :ruby
  if ENV["X"]
    gem "h"
  end
end
group(:test) do
  gem "i"
end
group :test, :production do
  gem "j"
end
gem "k"
group :test do
  gem "k"
end
platforms :ruby do
  gem "l"
end
"#,
        )
        .expect("a plain Gemfile");
        let development: Vec<&str> =
            "abcdefghijkl".split("").filter(|name| !name.is_empty() && groups.are_development(name)).collect();
        assert_eq!(development, ["b", "c", "d", "f", "g", "h", "i"]);
    }

    #[test]
    fn a_gemfile_with_surprises_says_nothing() {
        for text in [
            "eval_gemfile \"x\"\n",
            "group :test do\n",
            "end\n",
            "gem name\n",
            "x = <<~END\ngroup :test do\nEND\n",
            "gem \"a\",",
        ] {
            assert!(Groups::read(text).is_none(), "{text:?}");
        }
    }
}
