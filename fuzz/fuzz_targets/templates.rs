//! Whatever a template of the user's own holds, it is refused, fails or gives a text within the limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchparty::fuzzing::{TEMPLATES, body_with_template};

fuzz_target!(|data: (u8, &str, &str)| {
    let (choice, template, text) = data;
    let name = TEMPLATES[usize::from(choice) % TEMPLATES.len()];
    if let Some(body) = body_with_template(name, template, [text; 6]) {
        assert!(body.len() <= 1024 * 1024);
    }
});
