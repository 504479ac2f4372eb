//! Reads a crate's sources: which modules there are, and what each of them refers to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// The path of a module from the crate's root, without `crate`. The program (`main.rs`) is the module `main`.
pub(crate) type ModulePath = Vec<String>;

/// One file below `src/`.
pub(crate) struct SourceFile {
    /// Its path with slashes, from the folder that holds `src`.
    pub(crate) path: String,
    pub(crate) module: ModulePath,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
}

/// A mention of something by path, outside of tests.
pub(crate) struct Reference {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The module that mentions it.
    pub(crate) from: ModulePath,
    pub(crate) target: Target,
}

/// What a path leads to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Something of this crate: the path as written, made absolute, and the path after following re-exports.
    Own { written: Vec<String>, defined: Vec<String> },
    /// Something of another crate.
    Foreign(Vec<String>),
}

/// A crate's sources.
#[derive(Default)]
pub(crate) struct Crate {
    pub(crate) files: Vec<SourceFile>,
    /// Files that could not be read as Rust: path and reason.
    pub(crate) unreadable: Vec<(String, String)>,
    /// Modules that some file declares, with whether they exist for tests only.
    pub(crate) declared: BTreeMap<ModulePath, bool>,
    bindings: BTreeMap<ModulePath, BTreeMap<String, Vec<String>>>,
    mentions: Vec<Mention>,
}

struct Mention {
    file: String,
    line: usize,
    from: ModulePath,
    segments: Vec<String>,
    /// Written with a leading `::`, so that it names a crate.
    is_foreign: bool,
}

/// Re-exports lead through a handful of modules; a longer chain is a cycle.
const LONGEST_CHAIN: usize = 16;

impl Crate {
    /// Reads every `src/**/*.rs` below a folder.
    pub(crate) fn read(root: &Path) -> Self {
        let mut found = Self::default();
        let mut paths = Vec::new();
        collect(&root.join("src"), &mut paths);
        paths.sort();
        for path in paths {
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {name}: {error}"));
            match syn::parse_file(&text) {
                Ok(syntax) => {
                    let module = module_of(&name);
                    found.files.push(SourceFile { path: name, module, text, syntax });
                }
                Err(error) => found.unreadable.push((name, error.to_string())),
            }
        }
        let files = std::mem::take(&mut found.files);
        for file in &files {
            let mut walker =
                Walker { found: &mut found, file: &file.path, module: file.module.clone(), in_test: false };
            walker.visit_file(&file.syntax);
        }
        found.files = files;
        found
    }

    /// Whether the module, or one that holds it, exists for tests only.
    pub(crate) fn is_test(&self, module: &[String]) -> bool {
        (1..=module.len()).any(|length| self.declared.get(&module[..length]) == Some(&true))
    }

    /// Whether the path is a module's.
    pub(crate) fn is_module(&self, path: &[String]) -> bool {
        path.is_empty() || self.declared.contains_key(path)
    }

    /// Everything that is mentioned outside of tests, in file order, each thing once per line.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let mut seen = BTreeSet::new();
        let mut references = Vec::new();
        for mention in self.mentions.iter().filter(|mention| !self.is_test(&mention.from)) {
            if !seen.insert((&mention.file, mention.line, &mention.segments)) {
                continue;
            }
            let target = if mention.is_foreign {
                Target::Foreign(mention.segments.clone())
            } else {
                self.resolve(&mention.from, &mention.segments, 0)
            };
            references.push(Reference {
                file: mention.file.clone(),
                line: mention.line,
                from: mention.from.clone(),
                target,
            });
        }
        references
    }

    fn resolve(&self, from: &[String], segments: &[String], depth: usize) -> Target {
        let Some((first, rest)) = segments.split_first() else { return Target::Foreign(Vec::new()) };
        let absolute = match first.as_str() {
            "crate" | "patchparty" => rest.to_vec(),
            "self" => [from, rest].concat(),
            "super" => {
                let parent = &from[..from.len().saturating_sub(1)];
                let climbed = rest.first().is_some_and(|next| next == "super");
                return if climbed { self.resolve(parent, rest, depth) } else { self.own([parent, rest].concat()) };
            }
            name => {
                let child = [from, &[name.to_owned()]].concat();
                if self.declared.contains_key(&child) {
                    [&child, rest].concat()
                } else {
                    let bound = self.bindings.get(from).and_then(|names| names.get(name));
                    // `use serde;` binds a name to itself.
                    return match bound.filter(|path| path.first() != Some(first) && depth < LONGEST_CHAIN) {
                        Some(path) => self.resolve(from, &[path, rest].concat(), depth + 1),
                        None => Target::Foreign(segments.to_vec()),
                    };
                }
            }
        };
        self.own(absolute)
    }

    fn own(&self, written: Vec<String>) -> Target {
        let mut defined = written.clone();
        for _ in 0..LONGEST_CHAIN {
            let length = (0..=defined.len()).rev().find(|length| self.is_module(&defined[..*length])).unwrap_or(0);
            let (module, rest) = defined.split_at(length);
            let reexport = rest.first().and_then(|name| self.bindings.get(module)?.get(name));
            let Some(path) = reexport else { break };
            match self.resolve(module, path, 1) {
                Target::Own { written: target, .. } => defined = [&target, &rest[1..]].concat(),
                Target::Foreign(_) => break,
            }
        }
        Target::Own { written, defined }
    }
}

fn collect(folder: &Path, paths: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("list {}: {error}", folder.display())) {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn module_of(path: &str) -> ModulePath {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: ModulePath = inner.split('/').map(str::to_owned).collect();
    if inner == "lib" || module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    module
}

/// Whether the attributes leave the item out of every build but tests.
pub(crate) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || matches!(&attribute.meta, syn::Meta::List(list)
                if list.path.is_ident("cfg") && requires_test(list.tokens.clone()))
    })
}

/// `test` and `all(…, test, …)` need tests; `any(…)` and `not(…)` do not.
fn requires_test(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    tokens.iter().enumerate().any(|(position, token)| match token {
        TokenTree::Ident(name) if name == "test" => true,
        TokenTree::Group(group) => {
            let called = position.checked_sub(1).map(|before| tokens[before].to_string());
            called.as_deref() == Some("all") && requires_test(group.stream())
        }
        _ => false,
    })
}

struct Walker<'a> {
    found: &'a mut Crate,
    file: &'a str,
    module: ModulePath,
    in_test: bool,
}

impl Walker<'_> {
    fn mention(&mut self, segments: Vec<String>, line: usize, is_foreign: bool) {
        let (file, from) = (self.file.to_owned(), self.module.clone());
        self.found.mentions.push(Mention { file, line, from, segments, is_foreign });
    }

    fn walk_use(&mut self, tree: &syn::UseTree, prefix: &[String], is_foreign: bool) {
        let extended = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.walk_use(&path.tree, &extended(&path.ident), is_foreign),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.walk_use(item, prefix, is_foreign)),
            syn::UseTree::Glob(glob) => self.mention(prefix.to_vec(), glob.span().start().line, is_foreign),
            syn::UseTree::Name(name) => self.bind(extended(&name.ident), None, &name.ident, is_foreign),
            syn::UseTree::Rename(name) => {
                self.bind(extended(&name.ident), Some(name.rename.to_string()), &name.ident, is_foreign);
            }
        }
    }

    fn bind(&mut self, mut segments: Vec<String>, rename: Option<String>, at: &syn::Ident, is_foreign: bool) {
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        if !is_foreign {
            let name = rename.or_else(|| segments.last().cloned()).expect("a use names something");
            self.found.bindings.entry(self.module.clone()).or_default().insert(name, segments.clone());
        }
        self.mention(segments, at.span().start().line, is_foreign);
    }

    /// A macro's arguments are tokens, not paths: every `a::b::c` in them counts.
    fn walk_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.end_of_path(&mut path, line);
                    }
                    line = name.span().start().line;
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.end_of_path(&mut path, line);
                    colons = 0;
                    self.walk_tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.end_of_path(&mut path, line);
                    colons = 0;
                }
            }
        }
        self.end_of_path(&mut path, line);
    }

    fn end_of_path(&mut self, path: &mut Vec<String>, line: usize) {
        let segments = std::mem::take(path);
        if segments.len() > 1 {
            self.mention(segments, line, false);
        }
    }
}

impl<'ast> Visit<'ast> for Walker<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let outer = self.in_test;
        self.in_test |= is_for_tests(attributes_of(item));
        // What only tests see may reach further; module declarations are noted all the same.
        if !self.in_test || matches!(item, syn::Item::Mod(_)) {
            visit::visit_item(self, item);
        }
        self.in_test = outer;
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let for_tests = match item {
            syn::ImplItem::Fn(item) => is_for_tests(&item.attrs),
            syn::ImplItem::Const(item) => is_for_tests(&item.attrs),
            _ => false,
        };
        if !for_tests {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        self.found.declared.insert(self.module.clone(), self.in_test);
        if let Some((_, items)) = &item.content {
            for inner in items {
                self.visit_item(inner);
            }
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.walk_use(&item.tree, &[], item.leading_colon.is_some());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.mention(segments, path.span().start().line, path.leading_colon.is_some());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.walk_tokens(call.tokens.clone());
    }

    /// `pub(in crate::x)` opens a door to the inside; it imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
