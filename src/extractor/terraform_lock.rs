//! Terraform and `OpenTofu`: the providers that `.terraform.lock.hcl` pins
//! (<https://developer.hashicorp.com/terraform/language/files/dependency-lock>).

mod hcl;

use std::collections::HashSet;

use super::contract::text::{Lines, read_whole};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::Dependency;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use crate::version;
use hcl::Block;

const WAY_OUT: &str = "run `terraform init` (or `tofu init`) to write it anew";

/// Reads locks of Terraform.
pub(super) struct TerraformLock;

impl Extractor for TerraformLock {
    fn id(&self) -> &'static str {
        "terraform-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == ".terraform.lock.hcl"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        // Without providers Terraform writes its comment alone, or nothing.
        if file.content.iter().all(u8::is_ascii_whitespace) {
            return Ok(Vec::new());
        }
        read_whole(file, WAY_OUT, read)
    }
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let lines = Lines::of(text);
    // Counted before it is read, which takes thirty times the memory of the shortest blocks.
    check_package_count(text.matches('{').count())?;
    let blocks = hcl::read(text).map_err(|fault| {
        let message = format!("read it as HCL: {} is expected", fault.expected);
        ParseError::new(message).at_line(lines.at(fault.offset.min(text.trim_end().len())))
    })?;
    check_package_count(blocks.len())?;
    let mut found = Vec::with_capacity(blocks.len());
    let mut seen = HashSet::new();
    // Terraform passes over blocks of other types: later versions may lock more than providers.
    for block in blocks.iter().filter(|block| block.kind == "provider") {
        let dependency = provider(block, &lines)?;
        if !seen.insert(dependency.name.clone()) {
            let message = format!("read it: `{}` is locked twice", dependency.name.escape_debug());
            return Err(ParseError::new(message).at_line(lines.at(block.offset)));
        }
        found.push(dependency);
    }
    Ok(found)
}

fn provider(block: &Block, lines: &Lines) -> Result<Dependency, ParseError> {
    let fault = |message: String, offset: usize| ParseError::new(message).at_line(lines.at(offset));
    let [address] = block.labels.as_slice() else {
        return Err(fault("read it: a provider has one address".to_owned(), block.offset));
    };
    if address.split('/').count() != 3 || address.split('/').any(str::is_empty) {
        let message = format!("read it: `{}` is not `host/namespace/type`", address.escape_debug());
        return Err(fault(message, block.offset));
    }
    let version = block.attributes.iter().find(|attribute| attribute.name == "version");
    let written = version.and_then(|version| Some((version.text.as_deref()?, version.offset)));
    let (version, offset) =
        written.ok_or_else(|| fault(format!("read it: `{}` has no version", address.escape_debug()), block.offset))?;
    if version::parse(Ecosystem::Terraform, version).is_err() {
        return Err(fault(format!("read it: `{}` is no version", version.escape_debug()), offset));
    }
    // The lock does not say which module asks for a provider.
    Ok(Dependency { direct: true, ..Dependency::new(Ecosystem::Terraform, address, version, lines.at(offset)) })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    fn of(text: &str) -> Result<Vec<Dependency>, ParseError> {
        extract(&TerraformLock, &[(".terraform.lock.hcl", text.as_bytes())])
    }

    #[test]
    fn providers_are_read() {
        let text = "# comment\n/* and\n another */\nprovider \"registry.example/hashicorp/aws\" {\n  version     = \"3.37.0\" // here\n  constraints = \">= 3.37.0, < \\\"4\\\"\"\n  hashes = [\n    \"h1:x=\",\n    \"zh:y\",\n  ]\n}\nfuture \"x\" {\n}\nprovider \"host.example/a/b\" {\n  version = \"1.0.0-beta1\"\n}";
        insta::assert_snapshot!(show(&of(text).expect("a lock")), @r#"
        0 registry.example/hashicorp/aws@3.37.0 Runtime direct Registry { url: None } [] line 5
        1 host.example/a/b@1.0.0-beta1 Runtime direct Registry { url: None } [] line 15
        "#);
        for empty in ["", "# This file is maintained automatically by \"terraform init\".\n"] {
            assert!(of(empty).expect("no providers").is_empty());
        }
    }

    #[test]
    fn what_terraform_refuses_is_refused_with_its_line() {
        for (text, line) in [
            ("provider \"a/b/c\" {\n", 1),
            ("provider \"a/b/c\" {\n}\n", 1),
            ("provider \"a/b\" {\n  version = \"1.0.0\"\n}\n", 1),
            ("\nprovider \"a/b/c\" \"d\" {\n  version = \"1.0.0\"\n}\n", 2),
            ("provider \"a/b/c\" {\n  version = \"latest\"\n}\n", 2),
            ("provider \"a/b/c\" {\n  version = 1\n}\n", 2),
            ("provider \"a/b/c\" {\n  version = \"${x}\"\n}\n", 2),
            ("provider \"a/b/c\" {\n  version = \"1.0.0\n}\n", 2),
            ("provider \"a/b/c\" { version = \"1.0.0\"\n}\nprovider \"a/b/c\" {\n version = \"1.0.0\"\n}", 3),
            ("x = 1\n", 1),
            ("/* x", 1),
            ("<<<<<<< HEAD\n", 1),
        ] {
            let error = of(text).expect_err(text);
            assert_eq!(error.line, Some(line), "{text}: {error}");
            assert!(error.hint.is_some());
        }
    }
}
