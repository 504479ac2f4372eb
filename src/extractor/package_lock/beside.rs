//! The old form beside the new one, in version 2: npm 6 installs from `dependencies`, npm 7 and later from `packages`.

use foldhash::HashMap;

use super::super::contract::json::{Member, Node};
use super::super::contract::text::Lines;
use super::installed::Installed;
use super::legacy;
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::version;

/// Both forms, and what was read from the new one.
pub(super) struct Forms<'f, 'a, 'n> {
    /// `dependencies`.
    pub(super) legacy: &'a Node<'n>,
    /// The packages of the new form by folder.
    pub(super) placed: HashMap<&'f str, usize>,
    /// All entries of the new form by folder.
    pub(super) folders: &'f HashMap<&'f str, &'a Node<'n>>,
    /// The lines of the file.
    pub(super) lines: &'f Lines,
}

/// Notes a doubt about each package of which the old form has another name or version, and adds those that only the old
/// form has. What only the new one has, npm 6 looks up anew.
pub(super) fn compare<'a>(forms: &Forms<'_, 'a, '_>, installed: &mut Installed<'a>) {
    let legacy = forms.legacy;
    let mut comparison = Comparison { forms, installed };
    let mut folder = String::new();
    for member in legacy.members() {
        comparison.visit(member, &mut folder);
    }
}

struct Comparison<'c, 'f, 'a, 'n> {
    forms: &'c Forms<'f, 'a, 'n>,
    installed: &'c mut Installed<'a>,
}

impl<'a> Comparison<'_, '_, 'a, '_> {
    /// Compares an entry of the old form, whose parent's folder is `above`, and all below it; the reader of JSON bounds how
    /// deep they nest.
    fn visit(&mut self, member: &'a Member<'_>, above: &mut String) {
        let length = above.len();
        if !above.is_empty() {
            above.push('/');
        }
        above.push_str("node_modules/");
        above.push_str(&member.key);
        if let Some(&position) = self.forms.placed.get(above.as_str()) {
            self.compare(position, member);
        } else if member.value.is_object() && !self.forms.folders.contains_key(above.as_str()) {
            let mut instance = legacy::instance(&member.key, &member.value, self.forms.lines.at(member.offset));
            let reason = "only `dependencies`, which npm 6 installs, has it";
            instance.doubts.push(Doubt::contradiction(reason, None));
            self.installed.add_outside(instance);
        }
        if let Some(nested) = member.value.get("dependencies") {
            // What stands below a link is installed in the folder that it leads to.
            let target = self.forms.folders.get(above.as_str()).filter(|entry| entry.is_true("link"));
            let mut target = target.and_then(|entry| entry.text_at("resolved")).map(str::to_owned);
            let below = target.as_mut().unwrap_or(above);
            for member in nested.members() {
                self.visit(member, below);
            }
        }
        above.truncate(length);
    }

    fn compare(&mut self, position: usize, member: &Member<'_>) {
        let Some((own_name, own_version)) = self.installed.package(position) else { return };
        let Some(written) = member.value.text_at("version") else { return };
        let (name, version) = written
            .strip_prefix("npm:")
            .and_then(|alias| alias.rsplit_once('@'))
            .unwrap_or((member.key.as_ref(), written));
        // What is no version is an address, which the other form has as well.
        let is_same = || version::compare(Ecosystem::Npm, version, own_version).is_ok_and(std::cmp::Ordering::is_eq);
        let is_other = name != own_name
            || (version != own_version && version::parse(Ecosystem::Npm, version).is_ok() && !is_same());
        if is_other {
            let reason = format!("its entry under `dependencies`, which npm 6 installs, is {name} {version}");
            let doubt = Doubt::contradiction(reason, Some((name, version)));
            self.installed.doubt(position, doubt);
        }
    }
}
