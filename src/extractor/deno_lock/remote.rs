//! Modules by their address: files of one release of a package are one dependency.

use std::collections::HashSet;

use super::super::contract::json::Member;
use super::super::contract::npm::graph::{Graph, Package};
use super::super::contract::text::Lines;
use super::super::contract::{ParseError, check_package_count};
use crate::model::dependency::Scope;
use crate::model::ecosystem::Ecosystem;

/// Adds what stands at addresses. Source code asks for it, so nothing in the file says who does: it counts as direct.
pub(super) fn add<'n>(modules: &'n [Member<'_>], lines: &Lines, graph: &mut Graph<'n>) -> Result<(), ParseError> {
    check_package_count(modules.len())?;
    let mut seen = HashSet::new();
    for module in modules {
        let (name, version, address) = release(&module.key);
        if seen.insert(address) {
            let package = Package::new(name, version, lines.at(module.offset));
            let position = graph.add(Package { ecosystem: Ecosystem::Jsr, resolved: Some(address.into()), ..package });
            graph.ask(position, "", Scope::Runtime);
        }
    }
    Ok(())
}

/// The name, the version and the address of the release that a module belongs to: `https://host/std@0.1.0/path/mod.ts` is
/// of `https://host/std`. An address without a version stands for itself.
fn release(address: &str) -> (&str, &str, &str) {
    let start = address.find("://").map_or(0, |scheme| scheme + 3);
    let path = address.get(start..).and_then(|rest| rest.find('/')).map_or(address.len(), |slash| start + slash + 1);
    let mut at = path;
    for part in address.get(path..).unwrap_or_default().split('/') {
        let end = at + part.len();
        // A scope begins with the sign.
        if let Some(sign) = part.rfind('@').filter(|sign| *sign > 0) {
            let texts = (address.get(..at + sign), address.get(at + sign + 1..end), address.get(..end));
            if let (Some(name), Some(version), Some(release)) = texts {
                let version = version.split(['?', '#']).next().unwrap_or_default();
                return (name, version, release);
            }
        }
        at = end + 1;
    }
    (address, "", address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_belongs_to_a_release() {
        for (address, expected) in [
            ("https://h.example/std@0.1.0/a/b.ts", ("https://h.example/std", "0.1.0", "https://h.example/std@0.1.0")),
            (
                "https://h.example/v1/@s/a@2.0.0?dev",
                ("https://h.example/v1/@s/a", "2.0.0", "https://h.example/v1/@s/a@2.0.0?dev"),
            ),
            ("https://user@h.example/mod.ts", ("https://user@h.example/mod.ts", "", "https://user@h.example/mod.ts")),
            ("é@", ("é@", "", "é@")),
            ("", ("", "", "")),
        ] {
            assert_eq!(release(address), expected, "{address}");
        }
    }
}
