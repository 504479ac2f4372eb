//! conanfile.txt and the unmistakable lines of conanfile.py (<https://docs.conan.io/2/reference/conanfile_txt.html>).

use super::lines::{asked, quoted};
use super::{Asked, Format, Locks, Loose, Request};
use crate::model::ecosystem::Ecosystem;

pub(super) const FORMATS: &[Format] = &[
    Format {
        claims: |name| name == "conanfile.txt",
        ecosystem: Ecosystem::ConanCenter,
        locks: Locks::Above(&["conan.lock"]),
        read: read_text,
    },
    Format {
        claims: |name| name == "conanfile.py",
        ecosystem: Ecosystem::ConanCenter,
        locks: Locks::Above(&["conan.lock"]),
        read: read_python,
    },
];

fn read_text(text: &str) -> Option<Asked> {
    let (mut requests, mut inside) = (Vec::new(), false);
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.starts_with('[') {
            inside = matches!(line, "[requires]" | "[tool_requires]" | "[build_requires]" | "[test_requires]");
        } else if inside {
            requests.extend(request(line, number));
        }
    }
    asked(requests)
}

fn read_python(text: &str) -> Option<Asked> {
    const CALLS: [&str; 3] = ["self.requires(", "self.tool_requires(", "self.test_requires("];
    let mut requests = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let Some(rest) = CALLS.iter().find_map(|call| line.trim_start().strip_prefix(call)) else { continue };
        if !rest.starts_with(['"', '\'']) {
            continue;
        }
        requests.extend(quoted(rest).and_then(|(reference, _)| request(reference, number)));
    }
    asked(requests)
}

/// `name/1.2.3`, or a range: `name/[>=1.2 <2]`.
fn request(reference: &str, line: u32) -> Option<Request> {
    let (name, version) = reference.split_once('/')?;
    let requirement = version.split('@').next().unwrap_or_default();
    let range = requirement.strip_prefix('[').and_then(|range| range.strip_suffix(']'));
    let loose = range.filter(|range| matches!(range.trim(), "*" | "" | ">=0" | ">0")).map(|_| Loose::AnyVersion);
    Some(Request { name: name.to_owned(), requirement: requirement.to_owned(), line, loose })
}
