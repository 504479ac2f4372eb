//! .NET's project files in the style of the SDK, and the files of central management: the versions that they name
//! (<https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files>,
//! <https://learn.microsoft.com/nuget/consume-packages/central-package-management>).

use std::collections::HashMap;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::contract::text::{Lines, explain};
use super::contract::unusable::Unusable;
use super::contract::xml::{decode_xml, next_event};
use super::contract::{Extractor, Noted, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "compare it with what `dotnet list package` says, or commit a packages.lock.json";

/// Deeper documents are no projects.
const DEPTH_LIMIT: usize = 64;

/// Files above a project that `MSBuild` imports and that may set properties and versions, the nearest of each.
const IMPORTED: [&str; 2] = ["Directory.Packages.props", "Directory.Build.props"];

/// Reads project files and `Directory.Packages.props`, `Directory.Build.props`: manifests, but a plain version is the lowest
/// that restores, and nearly always the one that does. A project with a lockfile is read from that alone.
///
/// Properties are put in as far as the file and what is imported above it set them, whatever their conditions. What has no
/// plain version after that (a range, `1.*`, a property that nobody sets) is counted and named.
pub(super) struct Msbuild;

impl Extractor for Msbuild {
    fn id(&self) -> &'static str {
        "msbuild"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        [".csproj", ".fsproj", ".vbproj"].iter().any(|ending| name.ends_with(ending)) || IMPORTED.contains(&name)
    }

    fn is_about_the_place(&self) -> bool {
        true
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = decode_xml(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        read(file, &text).map(|read| read.0).map_err(|error| explain(&text, error, WAY_OUT))
    }

    fn noted(&self, file: &SourceFile<'_>) -> Vec<Noted> {
        let read = decode_xml(file.content).ok().and_then(|text| read(file, &text).ok());
        let lack = ("has no version here", "have no version here");
        read.and_then(|(_, open)| open.noted(("direct dependency", "direct dependencies"), lack)).into_iter().collect()
    }
}

/// One request of a project.
struct Request {
    name: String,
    version: Option<String>,
    line: u32,
    is_development: bool,
    /// Whether it gives a version to those who ask (`PackageVersion`).
    is_central: bool,
}

/// What a file says.
#[derive(Default)]
struct Project {
    has_root: bool,
    properties: HashMap<String, String>,
    requests: Vec<Request>,
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<(Vec<Dependency>, Unusable), ParseError> {
    let project = Project::parse(text)?;
    if !project.has_root {
        return Err(ParseError::new("find `Project` at its top"));
    }
    check_package_count(project.requests.len())?;
    let mut open = Unusable::default();
    let mut found: Vec<Dependency> = Vec::new();
    let has_lock = |name: &str| file.path.sibling(name).is_ok_and(|path| file.tree.kind(&path).is_some());
    let stem = file.path.file_name().rsplit_once('.').map_or("", |(stem, _)| stem);
    if has_lock("packages.lock.json") || has_lock(&format!("packages.{stem}.lock.json")) {
        return Ok((found, open));
    }
    let above = above(file);
    let mut properties: HashMap<&str, &str> = HashMap::new();
    // The nearest wins.
    for (name, value) in above.iter().rev().chain([&project]).flat_map(|project| &project.properties) {
        properties.insert(name, value);
    }
    let mut central: HashMap<String, &str> = HashMap::new();
    for request in above.iter().rev().flat_map(|project| &project.requests).filter(|request| request.is_central) {
        let version = request.version.as_deref().unwrap_or_default();
        central.insert(request.name.to_ascii_lowercase(), version);
    }
    for request in &project.requests {
        let managed = central.get(&request.name.to_ascii_lowercase()).copied().filter(|_| !request.is_central);
        let written = request.version.as_deref().or(managed);
        let name = expand(&request.name, &properties);
        let Some(version) = written.map(|text| expand(text, &properties)).as_deref().and_then(exact).map(str::to_owned)
        else {
            open.add(&name, request.line);
            continue;
        };
        let mut dependency = Dependency::new(Ecosystem::NuGet, name, version, request.line);
        dependency.direct = !request.is_central;
        if request.is_development {
            dependency.scope = Scope::Development;
        }
        found.push(dependency);
    }
    Ok((found, open))
}

/// The imported files above a file, the nearest first.
fn above(file: &SourceFile<'_>) -> Vec<Project> {
    let mut found = Vec::new();
    for name in IMPORTED {
        // One that is broken is named by its own reading.
        let parse = |(_, content): (RepoPath, Vec<u8>)| Project::parse(&decode_xml(&content).ok()?).ok();
        found.extend(file.nearest_above(name).and_then(parse));
    }
    found
}

impl Project {
    fn parse(text: &str) -> Result<Self, ParseError> {
        let lines = Lines::of(text);
        let mut reader = Reader::from_str(text);
        let (mut project, mut path) = (Self::default(), Vec::<String>::new());
        loop {
            let (offset, event) = next_event(&mut reader, text, &lines)?;
            match event {
                Event::Start(start) => {
                    project.open(&start, path.len(), lines.at(offset))?;
                    path.push(start.local_name().as_ref().to_owned());
                    if path.len() > DEPTH_LIMIT {
                        let message = format!("read it: it nests more than {DEPTH_LIMIT} levels");
                        return Err(ParseError::new(message).at_line(lines.at(offset)));
                    }
                }
                Event::Empty(start) => project.open(&start, path.len(), lines.at(offset))?,
                Event::End(_) => drop(path.pop()),
                Event::Text(written) => project.text(&path, written.trim()),
                Event::CData(written) => project.text(&path, written.trim()),
                Event::Eof => break,
                _ => {}
            }
        }
        if path.is_empty() {
            return Ok(project);
        }
        Err(ParseError::new("read it as XML: its end is missing").at_line(lines.at(text.len())))
    }

    fn open(&mut self, start: &BytesStart<'_>, depth: usize, line: u32) -> Result<(), ParseError> {
        let attribute = |wanted: &str| {
            let mut named = start.attributes().flatten();
            let found = named.find(|attribute| attribute.key.as_ref().eq_ignore_ascii_case(wanted))?;
            let value = found.normalized_value(XmlVersion::Implicit1_0).ok()?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let name = start.local_name();
        if depth == 0 {
            if name.as_ref() != "Project" {
                return Err(ParseError::new("find `Project` at its top").at_line(line));
            }
            self.has_root = true;
        }
        let is_central = name.as_ref() == "PackageVersion";
        if !is_central && !matches!(name.as_ref(), "PackageReference" | "GlobalPackageReference" | "PackageDownload") {
            return Ok(());
        }
        // `Update` changes one that stands elsewhere; without a version it changes something else.
        let version = attribute("VersionOverride").or_else(|| attribute("Version"));
        let names = attribute("Include").or_else(|| attribute("Update").filter(|_| version.is_some()));
        let is_development = attribute("PrivateAssets").is_some_and(|assets| assets.eq_ignore_ascii_case("all"))
            || name.as_ref() == "GlobalPackageReference";
        for name in names.iter().flat_map(|names| names.split(';')).map(str::trim).filter(|name| !name.is_empty()) {
            let (name, version) = (name.to_owned(), version.clone());
            self.requests.push(Request { name, version, line, is_development, is_central });
        }
        Ok(())
    }

    /// Text of an element: a property, or the version of the request around it.
    fn text(&mut self, path: &[String], text: &str) {
        let [.., around, name] = path else { return };
        match (around.as_str(), name.as_str()) {
            ("PropertyGroup", _) => drop(self.properties.insert(name.clone(), text.to_owned())),
            ("PackageReference" | "PackageVersion" | "GlobalPackageReference", "Version" | "VersionOverride") => {
                self.requests.last_mut().into_iter().for_each(|request| request.version = Some(text.to_owned()));
            }
            _ => {}
        }
    }
}

/// Puts values in for `$(Name)`, properties in properties a few levels deep; a name that nobody sets stays.
fn expand(text: &str, properties: &HashMap<&str, &str>) -> String {
    const NESTING: usize = 8;
    const LENGTH: usize = 1024;
    let mut text = text.to_owned();
    for _ in 0..NESTING {
        let Some((before, rest)) = text.split_once("$(") else { break };
        let Some((name, after)) = rest.split_once(')') else { break };
        let Some(value) = properties.get(name).filter(|value| value.len() + text.len() < LENGTH) else { break };
        text = format!("{before}{value}{after}");
    }
    text
}

/// A version that stands for one release: plain, which is the lowest that restores, or as a range of one (`[1.0]`).
fn exact(version: &str) -> Option<&str> {
    let version = version.trim();
    let version = version.strip_prefix('[').and_then(|range| range.strip_suffix(']')).unwrap_or(version);
    let is_plain = version.starts_with(|first: char| first.is_ascii_digit())
        && !version.contains(['[', ']', '(', ')', ',', '$', '*'])
        && !version.contains(char::is_whitespace);
    is_plain.then_some(version)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{MemoryTree, extract, show};
    use super::*;

    const PROJECT: &str = "<Project Sdk=\"Microsoft.NET.Sdk\">\n  <PropertyGroup><Own>2.1.0</Own></PropertyGroup>\n  <ItemGroup>\n    <PackageReference Include=\"A\" Version=\"1.0.0\" />\n    <PackageReference Include=\"B\"><Version>$(Own)</Version></PackageReference>\n    <PackageReference Include=\"C\" PrivateAssets=\"all\" Version=\"[3.0]\" />\n    <PackageReference Include=\"D\" />\n    <PackageReference Include=\"E\" Version=\"1.*\" />\n    <PackageReference Include=\"F\" Version=\"$(Nobody)\" />\n    <PackageReference Include=\"G\" Version=\"[1.0,2.0)\" />\n    <PackageReference Update=\"H\" PrivateAssets=\"all\" />\n  </ItemGroup>\n</Project>\n";

    #[test]
    fn plain_versions_are_read_and_the_rest_is_named() {
        let files = [
            ("srv/srv.csproj", PROJECT.as_bytes()),
            (
                "Directory.Packages.props",
                b"<Project><ItemGroup><PackageVersion Include=\"d\" Version=\"4.0.0\" /></ItemGroup></Project>"
                    .as_slice(),
            ),
        ];
        insta::assert_snapshot!(show(&extract(&Msbuild, &files).expect("a project")), @r"
        0 A@1.0.0 Runtime direct Registry { url: None } [] line 4
        1 B@2.1.0 Runtime direct Registry { url: None } [] line 5
        2 C@3.0 Development direct Registry { url: None } [] line 6
        3 D@4.0.0 Runtime direct Registry { url: None } [] line 7
        ");
        let tree = MemoryTree::new(&files);
        let path = RepoPath::new("srv/srv.csproj").expect("a plain path");
        let noted = Msbuild.noted(&SourceFile { path: &path, content: files[0].1, tree: &tree });
        let [noted] = noted.as_slice() else { panic!("{noted:?}") };
        assert_eq!(
            (noted.line, noted.message.as_str()),
            (8, "3 direct dependencies have no version here: `E`, `F`, `G`")
        );
        let locked = [files[0], ("srv/packages.lock.json", b"{}")];
        assert!(extract(&Msbuild, &locked).expect("a project").is_empty(), "the lockfile says it");
    }

    #[test]
    fn what_is_no_project_is_refused_with_a_way_out() {
        for text in ["", "<a/>", "<Project>", "{}", "<Project></Projekt>"] {
            let error = extract(&Msbuild, &[("a.csproj", text.as_bytes())]).expect_err(text);
            assert!(error.hint.is_some(), "{error}");
        }
        let old = b"<?xml version=\"1.0\"?><Project ToolsVersion=\"15.0\" xmlns=\"http://schemas.microsoft.com/developer/msbuild/2003\"/>";
        assert!(extract(&Msbuild, &[("a.csproj", old)]).expect("a project").is_empty());
    }
}
