//! A dependency that asks git by an import, an expression, a macro, a super path, an alias and a re-export.

use crate::git::{self, GitTree as Tree};

/// Six ways to look up.
pub fn look(tree: &Tree) -> bool {
    let found = crate::pipeline::scan(tree);
    assert!(crate::cli::ask(found));
    super::super::check::inspect(tree) && git::fetch(tree)
}
