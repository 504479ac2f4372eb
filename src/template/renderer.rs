//! Renders templates: strictly, with every value made inert, and within limits, whoever wrote the template.

mod prescan;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write};
use std::path::Path;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError, RenderErrorReason,
    Renderable as _,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{BUILT_IN, Surface, TemplateError};
use super::{html, markdown, sample, ticks};
use crate::model::text::is_invisible;

/// The longest text a template may give; the longest that a forge takes is 65,536 characters.
const OUTPUT_LIMIT: usize = 1024 * 1024;

/// The longest page: one with the 20,000 findings that a project may have takes some 12 MiB.
const PAGE_LIMIT: usize = 64 * 1024 * 1024;

/// Room for the deepest template that the scan accepts, with a wide margin.
const STACK_SIZE: usize = 16 * 1024 * 1024;

/// All templates, ready to render.
#[derive(Debug)]
pub(crate) struct Templates {
    markdown: Handlebars<'static>,
    html: Handlebars<'static>,
    plain: Handlebars<'static>,
    digest: String,
}

impl Templates {
    /// The templates that are part of the program.
    pub(crate) fn built_in() -> Result<Self, TemplateError> {
        Self::load(BTreeMap::new())
    }

    /// The built-in templates, replaced by the files of the same name (`title.hbs`, `partials/boxes.hbs`) in a folder.
    /// Partials of other names are added.
    pub(crate) fn with_overrides(folder: &Path) -> Result<Self, TemplateError> {
        let mut overrides = BTreeMap::new();
        for (prefix, folder) in [("", folder.to_owned()), ("partials/", folder.join("partials"))] {
            if prefix.is_empty() || folder.is_dir() {
                read_folder(&folder, prefix, &mut overrides)?;
            }
        }
        let known: Vec<&str> = BUILT_IN.iter().map(|built_in| built_in.name).collect();
        for name in overrides.keys() {
            // A file with a misspelt name would otherwise do nothing, silently.
            if !known.contains(&name.as_str()) && !name.starts_with("partials/") {
                return Err(TemplateError::Unknown { name: name.clone(), known: known.join(", ") });
            }
        }
        Self::load(overrides)
    }

    /// The built-in templates, replaced by the given texts of the same name.
    pub(crate) fn load(overrides: BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let mut texts: BTreeMap<String, String> =
            BUILT_IN.iter().map(|built_in| (built_in.name.to_owned(), built_in.text.to_owned())).collect();
        texts.extend(overrides);
        let mut shapes = BTreeMap::new();
        for (name, text) in &texts {
            let refused = |complaint| TemplateError::Refused { name: name.clone(), complaint };
            shapes.insert(name.clone(), prescan::shape(text).map_err(refused)?);
        }
        prescan::check_uses(&shapes).map_err(|(name, complaint)| TemplateError::Refused { name, complaint })?;
        let digest = digest(&texts);
        on_a_big_stack(|| {
            let (mut markdown, mut html, mut plain) =
                (registry(Surface::Markdown), registry(Surface::Html), registry(Surface::Plain));
            for (name, text) in &texts {
                for registry in [&mut markdown, &mut html, &mut plain] {
                    registry
                        .register_template_string(name, text)
                        .map_err(|source| TemplateError::Syntax { name: name.clone(), source: Box::new(source) })?;
                }
            }
            Ok(Self { markdown, html, plain, digest })
        })?
    }

    /// Renders the template called `name`. A variable that the data lacks is an error.
    pub(crate) fn render(&self, name: &str, data: &impl Serialize) -> Result<String, TemplateError> {
        let failed = |source: RenderError| TemplateError::Render { name: name.to_owned(), source: Box::new(source) };
        let data = serde_json::to_value(data).map_err(|error| failed(RenderErrorReason::from(error).into()))?;
        // Templates are accepted for what fits their samples.
        debug_assert_eq!(
            sample::difference(name, &data),
            None,
            "templates/samples.json is not what templates are given"
        );
        self.render_value(name, &data)
    }

    fn render_value(&self, name: &str, data: &serde_json::Value) -> Result<String, TemplateError> {
        let failed = |source: RenderError| TemplateError::Render { name: name.to_owned(), source: Box::new(source) };
        let (registry, limit) = self.registry_of(name);
        on_a_big_stack(|| {
            let mut text = Limited { text: Vec::new(), limit };
            registry.render_to_write(name, data, &mut text).map_err(failed)?;
            Ok(String::from_utf8_lossy(&text.text).into_owned())
        })?
    }

    /// What renders a template, and how long its text may be.
    fn registry_of(&self, name: &str) -> (&Handlebars<'static>, usize) {
        let surface = BUILT_IN.iter().find(|built_in| built_in.name == name).map(|built_in| built_in.surface);
        match surface {
            Some(Surface::Plain) => (&self.plain, OUTPUT_LIMIT),
            Some(Surface::Html) => (&self.html, PAGE_LIMIT),
            Some(Surface::Markdown) | None => (&self.markdown, OUTPUT_LIMIT),
        }
    }

    /// Tries every template against sample data: both branches of every condition with everything present, then what a night
    /// with little to tell gives. Each mistake once, in the order of the templates; per template and sample the first.
    pub(crate) fn complaints(&self) -> Vec<TemplateError> {
        let mut complaints: Vec<TemplateError> = Vec::new();
        let mut seen = BTreeSet::new();
        for name in BUILT_IN.iter().map(|built_in| built_in.name) {
            let Some(full) = sample::full(name) else { continue };
            let mut both = self.registry_of(name).0.clone();
            both.register_helper("if", Box::new(Condition { positive: true, both: true }));
            both.register_helper("unless", Box::new(Condition { positive: false, both: true }));
            let attempts = sample::filled(full).into_iter().map(|data| (&both, data));
            for (registry, data) in attempts.chain([(self.registry_of(name).0, sample::minimal(full))]) {
                match on_a_big_stack(|| registry.render(name, &data)) {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => {
                        let (place, line, complaint) = unfit(name, &error);
                        if seen.insert((place.clone(), line, complaint.clone())) {
                            complaints.push(TemplateError::Unfit { name: place, line, complaint });
                        }
                    }
                    Err(error) => complaints.push(error),
                }
            }
        }
        complaints
    }

    /// Words the comment about `topic` (`human-commits`, `closed`, `fixed`) for a pull request into `base`.
    pub(crate) fn comment(&self, topic: &str, base: &str) -> Result<String, TemplateError> {
        let name = format!("comment_{}", topic.replace('-', "_"));
        Ok(self.render(&name, &serde_json::json!({ "base": base }))?.trim().to_owned())
    }

    /// A SHA-256 over all templates: when it changes, every text has to be written again.
    pub(crate) fn digest(&self) -> String {
        self.digest.clone()
    }
}

/// Where a template does not fit what it is given, and why.
fn unfit(name: &str, error: &RenderError) -> (String, usize, String) {
    let complaint = match error.reason() {
        RenderErrorReason::MissingVariable(Some(path)) => {
            format!("there is no variable `{path}` here, or not always")
        }
        RenderErrorReason::MissingVariable(None) => "there is no such variable here, or not always".to_owned(),
        RenderErrorReason::HelperNotFound(helper) => format!("there is no helper `{helper}` here"),
        RenderErrorReason::PartialNotFound(partial) => format!("there is no partial `{partial}`"),
        other => other.to_string(),
    };
    (error.template_name.clone().unwrap_or_else(|| name.to_owned()), error.line_no.unwrap_or_default(), complaint)
}

fn digest(texts: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for part in texts.iter().flat_map(|(name, text)| [name, text]) {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    format!("{:x}", hash.finalize())
}

/// Reads the `.hbs` files of one folder, without the folders in it.
fn read_folder(folder: &Path, prefix: &str, texts: &mut BTreeMap<String, String>) -> Result<(), TemplateError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| TemplateError::Unreadable { path, source }
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".hbs"))
        else {
            continue;
        };
        let mut text = String::new();
        let file = std::fs::File::open(&path).map_err(unreadable(&path))?;
        // One byte more than allowed, so that the scan can say that it is too large.
        let limit = u64::try_from(prescan::SIZE_LIMIT + 1).expect("a small number");
        file.take(limit).read_to_string(&mut text).map_err(unreadable(&path))?;
        texts.insert(format!("{prefix}{name}"), text);
    }
    Ok(())
}

fn registry(surface: Surface) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.set_prevent_indent(true);
    match surface {
        Surface::Markdown => registry.register_escape_fn(markdown::text),
        Surface::Html => {
            registry.register_escape_fn(html::text);
            registry.register_helper("marked", Box::new(Inert(|parts: &[String]| html::marked(&parts[0]), 1)));
        }
        Surface::Plain => registry.register_escape_fn(plain),
    }
    // The standard ones take a misspelt name for a false one.
    registry.register_helper("if", Box::new(Condition { positive: true, both: false }));
    registry.register_helper("unless", Box::new(Condition { positive: false, both: false }));
    registry.register_helper("code", Box::new(Inert(|parts: &[String]| markdown::code(&parts[0]), 1)));
    registry.register_helper("prose", Box::new(Inert(|parts: &[String]| markdown::prose(&parts[0]), 1)));
    registry.register_helper("fence", Box::new(Inert(|parts: &[String]| markdown::fence(&parts[0]), 1)));
    registry.register_helper("link", Box::new(Inert(|parts: &[String]| markdown::link(&parts[0], &parts[1]), 2)));
    registry.register_helper("count", Box::new(Inert(count, 3)));
    registry.register_helper("tickbox", Box::new(Inert(|parts: &[String]| ticks::open_box(&parts[0]), 1)));
    registry
}

/// A number with its word: `{{count 2 "box" "boxes"}}`.
fn count(parts: &[String]) -> String {
    let word = if parts[0] == "1" { &parts[1] } else { &parts[2] };
    format!("{} {}", markdown::text(&parts[0]), markdown::text(word))
}

/// One line for a title or a commit message: nothing invisible, and nothing that mentions or refers.
///
/// Nothing can be escaped there, and an invisible character is found by nobody who searches. So the `@` of a scope is left
/// out (`acme/x`; the trailer has the exact name), and a blank stands in what would refer to an issue.
fn plain(text: &str) -> String {
    let characters: Vec<char> = text.chars().filter(|character| !is_invisible(*character)).collect();
    let mut line = String::with_capacity(text.len());
    for (position, &character) in characters.iter().enumerate() {
        let before = position.checked_sub(1).and_then(|previous| characters.get(previous));
        let after = |distance: usize| characters.get(position + distance).copied().unwrap_or(' ');
        // An address such as `bot@example.org` or a package such as `lodash@4.17.21` mentions nobody.
        let mentions = character == '@'
            && !before.is_some_and(|before| before.is_ascii_alphanumeric() || *before == '_')
            && after(1).is_ascii_alphanumeric();
        if !mentions {
            line.push(character);
        }
        let of_gh = matches!(character, 'h' | 'H') && matches!(before, Some('g' | 'G')) && after(1) == '-';
        if (character == '#' && after(1).is_ascii_digit()) || (of_gh && after(2).is_ascii_digit()) {
            line.push(' ');
        }
    }
    line
}

/// A helper that writes its values in an inert form, past the escaping of plain values.
struct Inert(fn(&[String]) -> String, usize);

impl HelperDef for Inert {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let mut parts = Vec::new();
        for index in 0..self.1 {
            let value = present(helper, index)?;
            // What is absent has no text, least of all the word `null`.
            let text = if value.is_null() { String::new() } else { value.to_string() };
            parts.push(value.as_str().map_or(text, str::to_owned));
        }
        Ok(out.write(&self.0(&parts))?)
    }
}

/// `if` and `unless` that know a missing value from a false one.
struct Condition {
    positive: bool,
    /// Whether both branches are rendered, to try them.
    both: bool,
}

impl HelperDef for Condition {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render_context: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let holds = match present(helper, 0)? {
            serde_json::Value::Null | serde_json::Value::Bool(false) => false,
            serde_json::Value::Bool(true) | serde_json::Value::Object(_) => true,
            serde_json::Value::Number(number) => number.as_f64() != Some(0.0),
            serde_json::Value::String(text) => !text.is_empty(),
            serde_json::Value::Array(list) => !list.is_empty(),
        };
        let taken = holds == self.positive;
        let branches = [(taken, helper.template()), (!taken, helper.inverse())];
        for branch in branches.into_iter().filter(|(taken, _)| *taken || self.both).filter_map(|(_, branch)| branch) {
            branch.render(registry, context, render_context, out)?;
        }
        Ok(())
    }
}

fn present<'a>(helper: &'a Helper<'_>, index: usize) -> Result<&'a serde_json::Value, RenderError> {
    let name = helper.name().to_owned();
    let parameter =
        helper.param(index).ok_or_else(|| RenderErrorReason::Other(format!("`{name}` needs more values")))?;
    if parameter.is_value_missing() {
        let path = parameter.relative_path().cloned();
        return Err(RenderErrorReason::MissingVariable(path).into());
    }
    Ok(parameter.value())
}

/// Takes so much and no more.
struct Limited {
    text: Vec<u8>,
    limit: usize,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.limit {
            return Err(io::Error::other(format!("the text is longer than {} bytes", self.limit)));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn on_a_big_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, TemplateError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_SIZE).spawn_scoped(scope, work);
        match thread.map_err(TemplateError::Thread)?.join() {
            Ok(result) => Ok(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn override_one(name: &str, text: &str) -> Result<Templates, TemplateError> {
        Templates::load(BTreeMap::from([(name.to_owned(), text.to_owned())]))
    }

    fn title(text: &str, data: &serde_json::Value) -> Result<String, TemplateError> {
        override_one("comment_closed", text).and_then(|templates| templates.render_value("comment_closed", data))
    }

    #[test]
    fn templates_and_their_errors_cross_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Templates>();
        crosses::<TemplateError>();
    }

    #[test]
    fn built_in_templates_are_accepted_and_sorted() {
        Templates::built_in().expect("the built-in templates are valid");
        assert!(BUILT_IN.is_sorted_by_key(|built_in| built_in.name));
    }

    #[test]
    fn values_are_inert_and_never_rendered_again() {
        let evil = "</details><img src=x> @octocat fixes #1 {{token}} `x` ![a](http://evil.example/)\n## h";
        let text = title("{{x}} {{code x}}", &json!({ "x": evil, "token": "SECRET" })).expect("renders");
        assert!(!text.contains("SECRET"), "{text}");
        let html = comrak::markdown_to_html(&text, &comrak::Options::default());
        assert_eq!(html.matches('<').count(), 4, "only a paragraph and a code span: {html}");
        assert!(html.contains("{{token}}"), "{html}");
    }

    #[test]
    fn a_missing_variable_is_an_error_everywhere() {
        for template in [
            "{{nosuch}}",
            "{{code nosuch}}",
            "{{#if nosuch}}{{/if}}",
            "{{#unless nosuch}}{{/unless}}",
            "{{x.y}}",
            "{{#each nosuch}}{{/each}}",
            "{{#if x}}{{else if nosuch}}{{/if}}",
            "{{link x nosuch}}",
            "{{nosuch 1}}",
            "{{code}}",
        ] {
            assert!(title(template, &json!({ "x": false })).is_err(), "{template}");
        }
        assert_eq!(title("{{#if x}}a{{else}}b{{/if}}", &json!({ "x": null })).expect("known"), "b");
        assert!(!title("a {{code x}}", &json!({ "x": null })).expect("known").contains("null"));
    }

    #[test]
    fn no_template_can_abort_or_flood() {
        for (template, complaint) in [
            ("{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}", "inline partials"),
            ("{{> comment_closed}}", "uses itself"),
            ("{{{x}}}", "unescaped"),
        ] {
            let error = override_one("comment_closed", template).expect_err(template).to_string();
            assert!(error.contains(complaint) && error.contains("comment_closed"), "{error}");
        }
        let deep = "{{#if x}}".repeat(32) + "deep" + &"{{/if}}".repeat(32);
        assert_eq!(title(&deep, &json!({ "x": 1 })).expect("within the limits"), "deep");
        let many: Vec<u32> = (0..2_000).collect();
        let flood = title("{{#each x}}{{#each ../x}}xxxx{{/each}}{{/each}}", &json!({ "x": many }));
        assert!(flood.is_err(), "16 MB were accepted");
    }

    #[test]
    fn plain_text_mentions_nobody() {
        assert_eq!(plain("bump @acme/x, lodash@4.17.21 #1\n"), "bump acme/x, lodash@4.17.21 # 1");
        assert_eq!(plain("a\u{200b}b @\u{200b}acme"), "ab acme");
        assert_eq!(plain(&plain("@acme GH-1, gh-pages")), "acme GH -1, gh-pages");
        assert_eq!(plain("Bot <bot@acme.example>"), "Bot <bot@acme.example>");
    }

    #[test]
    fn a_folder_overrides_and_typing_errors_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("write");
        write("comment_closed.hbs", "Closed on {{code base}}. {{> partials/signature}}");
        write("README.md", "not a template");
        std::fs::create_dir(folder.path().join("partials")).expect("a folder");
        write("partials/signature.hbs", "The Acme team");
        let templates = Templates::with_overrides(folder.path()).expect("valid");
        assert_eq!(templates.comment("closed", "main").expect("renders"), "Closed on `main`. The Acme team");
        assert_ne!(templates.digest(), Templates::built_in().expect("valid").digest());
        write("titel.hbs", "x");
        let error = Templates::with_overrides(folder.path()).expect_err("misspelt").to_string();
        assert!(error.contains("`titel`") && error.contains("title"), "{error}");
    }

    #[test]
    fn what_does_not_fit_is_named_in_every_branch_and_loop() {
        assert_eq!(Templates::built_in().expect("valid").complaints().len(), 0);
        for (name, text, complaint) in [
            ("comment_closed", "a\n{{nosuch}}", "comment_closed.hbs:2: there is no variable `nosuch`"),
            ("comment_closed", "{{#if base}}a{{else}}\n{{nosuch}}{{/if}}", "comment_closed.hbs:2: "),
            ("title", "{{#each names}}a{{else}}\n\n{{nosuch}}{{/each}}", "title.hbs:3: "),
            ("pull_request", "{{#each changes}}\n{{nosuch}}{{/each}}", "pull_request.hbs:2: "),
            (
                "pull_request",
                "{{#each changes}}{{#each via}}{{else}}\n{{nosuch}}{{/each}}{{/each}}",
                "pull_request.hbs:2: ",
            ),
            ("partials/rollback", "\n{{nosuch}}", "partials/rollback.hbs:2: "),
            ("pull_request", "{{raise.package}}", "pull_request.hbs:1: "),
            ("commit", "{{nosuch 1}}", "there is no helper `nosuch`"),
        ] {
            let complaints = override_one(name, text).expect("accepted").complaints();
            let complaints: Vec<String> = complaints.iter().map(ToString::to_string).collect();
            assert!(complaints.iter().any(|it| it.contains(complaint)), "{text}: {complaints:?}");
        }
        let fine = override_one("pull_request", "{{#if raise}}{{raise.package}}{{/if}}{{#each plan}}{{area}}{{/each}}");
        assert_eq!(fine.expect("accepted").complaints().len(), 0);
    }

    #[test]
    fn comments_say_what_happens() {
        let templates = Templates::built_in().expect("valid");
        let people = templates.comment("human-commits", "main").expect("renders");
        assert!(people.starts_with("This branch holds commits") && people.contains("still open on `main`"), "{people}");
        let closed = templates.comment("closed", "release/1.x").expect("renders");
        assert!(closed.contains("reopen it") && closed.contains("not fixed on `release/1.x`"), "{closed}");
        assert!(templates.comment("unknown", "main").is_err());
    }
}
