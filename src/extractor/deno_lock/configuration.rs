//! Deno's lockfile under another name, or none: `lock` of deno.json
//! (<https://docs.deno.com/runtime/fundamentals/configuration/#lockfile>).

use super::super::contract::json::Node;
use super::super::contract::text::{Lines, read_text};
use super::super::contract::{Configured, LockfileChoice, SourceFile};
use crate::model::json_with_comments::to_json;

/// The lockfile that a configuration names: a path, an object with a path in it, or `false`.
pub(super) fn read(file: &SourceFile<'_>) -> Option<Configured> {
    let text = read_text(file.content).ok()?;
    let plain = to_json(text);
    let root = Node::parse(&plain).ok()?;
    let lock = root.get("lock")?;
    let choice = match lock.text().or_else(|| lock.text_at("path")) {
        Some(path) => LockfileChoice::below(file.path.folder(), path),
        // `null` says nothing.
        None if lock.is_false() => LockfileChoice::Off,
        None => return None,
    };
    Some(Configured::beside(file, Lines::of(text).at(lock.offset), "deno.lock", choice))
}
