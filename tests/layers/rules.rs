//! The rules of the house, applied.

use std::cell::RefCell;
use std::collections::BTreeSet;

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::law::{Allowed, Complaint, Family, Law, Rule};
use crate::source::{self, Crate, Reference, SourceFile, Target};

const LONGEST_FILE: usize = 400;
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "imp"];

/// Every complaint, sorted by place, and the exceptions that nothing needed.
pub(crate) fn judge<'a>(law: &'a Law, sources: &Crate) -> (Vec<Complaint>, Vec<&'a Allowed>) {
    let court = Court { law, sources, used: RefCell::default() };
    let unreadable = sources.unreadable.iter();
    let mut complaints: Vec<Complaint> = unreadable
        .map(|(file, reason)| Complaint::new(Rule::Unreadable, file, 1, format!("it is not Rust ({reason})")))
        .collect();
    for file in &sources.files {
        complaints.extend(court.judge_file(file));
    }
    for reference in sources.references() {
        complaints.extend(court.judge_reference(&reference));
    }
    complaints.sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
    let used = court.used.into_inner();
    let unused = law.allowed.iter().enumerate().filter(|(position, _)| !used.contains(position));
    (complaints, unused.map(|(_, allowed)| allowed).collect())
}

/// What the law names and nobody built, in words.
pub(crate) fn stale_entries(law: &Law, sources: &Crate) -> Vec<String> {
    let exists = |path: &[&str]| sources.files.iter().any(|file| file.module == path);
    let folders = law.layers.iter().copied().flatten().filter(|folder| !exists(&[folder]));
    let folders = folders.map(|folder| format!("the folder `{folder}`"));
    let parts = law.families.iter().flat_map(|family| family.parts.iter().map(move |(part, _)| (family.name, *part)));
    let parts = parts.filter(|(family, part)| !exists(&[family, part]));
    folders.chain(parts.map(|(family, part)| format!("the part `{part}` of `{family}`"))).collect()
}

struct Court<'a> {
    law: &'a Law,
    sources: &'a Crate,
    /// Positions of the exceptions that were needed.
    used: RefCell<BTreeSet<usize>>,
}

impl Court<'_> {
    fn layer_of(&self, folder: &str) -> Option<usize> {
        self.law.layers.iter().position(|folders| folders.contains(&folder))
    }

    fn family(&self, folder: &str) -> Option<&Family> {
        self.law.families.iter().find(|family| family.name == folder)
    }

    /// Whether an exception covers it; notes that the exception is needed.
    fn is_allowed(&self, rule: Rule, from: &[String], to: &[String]) -> bool {
        let found = self
            .law
            .allowed
            .iter()
            .position(|allowed| allowed.rule == rule && is_below(from, allowed.from) && is_below(to, allowed.to));
        self.used.borrow_mut().extend(found);
        found.is_some()
    }

    fn judge_file(&self, file: &SourceFile) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut complain = |rule, line, what| complaints.push(Complaint::new(rule, &file.path, line, what));
        if !file.text.starts_with("//! ") {
            complain(Rule::FirstLine, 1, "the first line does not say what the file is".to_owned());
        }
        if let Some(name) = file.module.iter().find(|name| EMPTY_NAMES.contains(&name.as_str())) {
            complain(Rule::EmptyName, 1, format!("`{name}` says nothing"));
        }
        let is_root = file.path == "src/lib.rs" || file.path == "src/main.rs";
        if !is_root && !self.sources.is_module(&file.module) {
            complain(Rule::Orphan, 1, format!("no `mod` declares `{}`", file.module.join("::")));
        }
        let length = lines_above_tests(file);
        if length > LONGEST_FILE && !self.sources.is_test(&file.module) {
            complain(Rule::TooLong, length, format!("{length} lines stand above the tests, {LONGEST_FILE} may"));
        }
        if file.module.len() == 1 && self.layer_of(&file.module[0]).is_none() {
            complain(Rule::NoLayer, 1, format!("`{}` is in no layer", file.module[0]));
        }
        if file.path == "src/lib.rs" {
            complaints.extend(self.judge_layer_order(file));
        }
        let folder = file.path.strip_prefix("src/").and_then(|path| path.strip_suffix("/mod.rs"));
        if let Some(family) = folder.and_then(|folder| self.family(folder)) {
            complaints.extend(self.judge_table(family, file));
        }
        complaints
    }

    fn judge_layer_order(&self, file: &SourceFile) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut highest = 0;
        for module in modules_of(file) {
            match self.layer_of(&module.ident.to_string()) {
                Some(layer) if layer < highest => {
                    let what = format!("`{}` stands below a module of a higher layer", module.ident);
                    complaints.push(Complaint::new(
                        Rule::LayerOrder,
                        &file.path,
                        module.ident.span().start().line,
                        what,
                    ));
                }
                layer => highest = layer.unwrap_or(highest),
            }
        }
        complaints
    }

    fn judge_reference(&self, reference: &Reference) -> Vec<Complaint> {
        let found = match &reference.target {
            Target::Foreign(path) => self.judge_foreign(reference, path),
            Target::Own { written, defined } => self
                .judge_own(reference, written)
                // A re-export leads elsewhere: both the door and the house behind it count.
                .or_else(|| (written != defined).then(|| self.judge_own(reference, defined)).flatten()),
        };
        found.into_iter().collect()
    }

    fn judge_foreign(&self, reference: &Reference, path: &[String]) -> Option<Complaint> {
        let door = self.law.doors.iter().find(|door| is_below(path, door.path))?;
        let folder = reference.from.first()?;
        if door.folders.contains(&folder.as_str()) || self.is_allowed(Rule::Door, &reference.from, path) {
            return None;
        }
        let what = format!("`{folder}` names `{}`, which belongs to {}", path.join("::"), door.folders.join(" and "));
        let complaint = Complaint::new(Rule::Door, &reference.file, reference.line, what);
        Some(Complaint { way_out: door.way_out, ..complaint })
    }

    fn judge_own(&self, reference: &Reference, path: &[String]) -> Option<Complaint> {
        let (from, to) = (reference.from.first()?, path.first()?);
        // What is in no layer has its own complaint, and `crate::name` may be a macro.
        let (from_layer, to_layer) = (self.layer_of(from)?, self.layer_of(to)?);
        let shown = format!("crate::{}", path.join("::"));
        let (rule, what) = if from_layer < to_layer {
            (Rule::Up, format!("`{from}` (layer {from_layer}) uses `{shown}` (layer {to_layer})"))
        } else if from == to {
            self.judge_inside(reference, path, &shown)?
        } else if let Some(member) = self.member_of(path).filter(|_| from != "cli") {
            (Rule::NamedMember, format!("`{shown}` names the member `{member}` of `{to}`"))
        } else if from_layer == to_layer {
            (Rule::Sideways, format!("`{from}` uses `{shown}`, which stands beside it"))
        } else {
            return None;
        };
        let is_allowed = self.is_allowed(rule, &reference.from, path);
        (!is_allowed).then(|| Complaint::new(rule, &reference.file, reference.line, what))
    }

    /// Inside a family: a member sees the contract, its own sub-folder, and nothing else.
    fn judge_inside(&self, reference: &Reference, path: &[String], shown: &str) -> Option<(Rule, String)> {
        let family = self.family(&path[0])?;
        let here = reference.from.get(1)?;
        let there = path.get(1).filter(|_| self.sources.is_module(&path[..2]));
        match there {
            Some(there) if there == here || there == "contract" => None,
            Some(there) if family.is_part(here) && family.is_part(there) => None,
            None if family.is_part(here) && here != "contract" => None,
            Some(_) => Some((Rule::Sibling, format!("`{here}` uses `{shown}`"))),
            None => Some((Rule::ThroughTable, format!("`{here}` uses `{shown}`"))),
        }
    }

    /// `mod.rs` of a family: modules, re-exports and the table, in which every member stands.
    fn judge_table(&self, family: &Family, file: &SourceFile) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut listed = FirstSegments::default();
        for item in &file.syntax.items {
            match item {
                syn::Item::Static(table) => listed.visit_expr(&table.expr),
                syn::Item::Mod(_) | syn::Item::Use(_) => {}
                other => {
                    let what = format!("the table of `{}` is not all that stands here", family.name);
                    complaints.push(Complaint::new(Rule::TableDoes, &file.path, other.span().start().line, what));
                }
            }
        }
        for module in modules_of(file) {
            let name = module.ident.to_string();
            if family.is_part(&name) || source::is_for_tests(&module.attrs) || listed.0.contains(&name) {
                continue;
            }
            let member = [file.module.clone(), vec![name.clone()]].concat();
            if !self.is_allowed(Rule::Unlisted, &file.module, &member) {
                let what = format!("`{name}` is not in the table of `{}`", family.name);
                complaints.push(Complaint::new(Rule::Unlisted, &file.path, module.ident.span().start().line, what));
            }
        }
        complaints
    }

    /// The member of a family that a path from outside leads into.
    fn member_of<'p>(&self, path: &'p [String]) -> Option<&'p str> {
        let family = self.family(&path[0])?;
        let module = path.get(1).filter(|_| self.sources.is_module(&path[..2]))?;
        (!family.is_part(module)).then_some(module.as_str())
    }
}

/// The first names of all paths in an expression.
#[derive(Default)]
struct FirstSegments(BTreeSet<String>);

impl<'ast> Visit<'ast> for FirstSegments {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.extend(path.segments.first().map(|segment| segment.ident.to_string()));
        visit::visit_path(self, path);
    }
}

fn modules_of(file: &SourceFile) -> impl Iterator<Item = &syn::ItemMod> {
    file.syntax.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) => Some(module),
        _ => None,
    })
}

fn lines_above_tests(file: &SourceFile) -> usize {
    let tests = modules_of(file).find(|module| source::is_for_tests(&module.attrs));
    tests.map_or_else(|| file.text.lines().count(), |module| module.span().start().line - 1)
}

fn is_below(path: &[String], prefix: &str) -> bool {
    prefix.split("::").enumerate().all(|(position, name)| path.get(position).is_some_and(|segment| segment == name))
}
