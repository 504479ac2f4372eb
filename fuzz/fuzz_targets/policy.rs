//! Whatever a policy and a project's own file hold, both are accepted or refused, and the project only narrows.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // The policy comes first, the project's own file after a line of its own.
    let (policy, own) = text.split_once("\n###\n").unwrap_or(("", text));
    patchparty::fuzzing::narrow(policy, own);
});
