//! .NET's project files (<https://learn.microsoft.com/nuget/concepts/package-versioning#floating-version-resolutions>).
//!
//! A lockfile is the exception there: a plain version is the lowest that restores, so that only floating ones are loose.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::lines::{Counter, asked};
use super::{Asked, Format, Locks, Loose, Request};
use crate::model::ecosystem::Ecosystem;

pub(super) const FORMATS: &[Format] = &[Format {
    claims: |name| {
        [".csproj", ".fsproj", ".vbproj"].iter().any(|ending| name.ends_with(ending))
            || matches!(name, "Directory.Packages.props" | "Directory.Build.props")
    },
    ecosystem: Ecosystem::NuGet,
    locks: Locks::Itself(&["packages.lock.json"]),
    read,
}];

fn read(text: &str) -> Option<Asked> {
    let mut reader = Reader::from_str(text);
    let (mut requests, mut lines) = (Vec::new(), Counter::of(text));
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => {
                if matches!(element.name().as_ref(), "PackageReference" | "PackageVersion" | "GlobalPackageReference") {
                    requests.extend(request(&element, lines.at(reader.buffer_position())));
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    asked(requests)
}

fn request(element: &BytesStart<'_>, line: u32) -> Option<Request> {
    let attribute = |wanted: &str| {
        let found = element.attributes().flatten().find(|attribute| attribute.key.as_ref() == wanted)?;
        Some(found.value.into_owned())
    };
    let name = attribute("Include").or_else(|| attribute("Update"))?;
    let requirement = attribute("Version").or_else(|| attribute("VersionOverride")).unwrap_or_default();
    let loose = match requirement.trim() {
        "*" | "*-*" => Some(Loose::AnyVersion),
        floating if floating.contains('*') => Some(Loose::Floating),
        _ => None,
    };
    Some(Request { name, requirement, line, loose })
}
