//! Whatever advisories, packages and tools say, the body of a pull request has the elements that it has for harmless words.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

/// The elements of a body made of harmless words.
static SKELETON: LazyLock<Vec<String>> = LazyLock::new(|| {
    let harmless = ["xa", "xb", "xc", "x1", "xd", "xe"];
    elements(&patchparty::fuzzing::body(harmless).expect("the built-in templates"))
});

fn elements(markdown: &str) -> Vec<String> {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.alerts = true;
    options.extension.footnotes = true;
    options.render.r#unsafe = true;
    let html = comrak::markdown_to_html(markdown, &options);
    let tags = html.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default().to_owned());
    // A code span may be around a name or not, and lines may be broken elsewhere: neither does anything.
    tags.filter(|tag| !matches!(tag.as_str(), "code" | "/code" | "br /")).collect()
}

fuzz_target!(|texts: [&str; 6]| {
    // What is empty has no element at all.
    let texts = texts.map(|text| format!("x{text}"));
    let body = patchparty::fuzzing::body(texts.each_ref().map(String::as_str)).expect("the built-in templates");
    assert_eq!(elements(&body), *SKELETON, "{body}");
    assert!(!body.contains("<!-- patchparty:state"), "{body}");
});
