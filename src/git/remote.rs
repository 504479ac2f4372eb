//! Remotes: asks what a branch or tag points to without fetching it.

use gix::bstr::{BStr, BString};
use gix::protocol::handshake::Ref;

use crate::git::address::Address;
use crate::git::connection::{Access, classify};
use crate::git::mirror::MirrorError;
use crate::model::repository::CommitId;
use crate::net::address::AddressRule;
use crate::net::client::USER_AGENT;
use crate::net::secret::Token;

/// Names of references are at most this long: file systems end at 255 bytes per component.
const NAME_LIMIT: usize = 255;

/// On whose word a server is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NamedBy<'a> {
    /// The operator's, by the command line, the policy or the forge: it may be anywhere, and may see the token.
    Operator(Option<&'a Token>),
    /// A repository's or an advisory's: only what the rule permits is asked, and nothing secret is sent.
    Repository(&'a AddressRule),
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReferenceKind {
    /// It moves with every commit.
    Branch,
    /// It names a release.
    Tag,
}

/// A reference of a remote, with the commit it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// What it is.
    pub(crate) kind: ReferenceKind,
    /// Its name without `refs/heads/` or `refs/tags/`.
    pub(crate) name: String,
    /// The commit; annotated tags are peeled.
    pub(crate) commit: CommitId,
}

/// The commit of a branch or tag (annotated tags are peeled) of the repository at `url`; `None` for the reference means
/// the default branch. `Ok(None)` when the repository has no such reference.
///
/// A short name is looked for among branches first. Only `http` and `https` are asked: `url` may come from a file of a
/// repository, and must not make us open folders of this machine. The caller says on whose word it is asked.
pub(crate) fn resolve(
    url: &str,
    named_by: NamedBy<'_>,
    reference: Option<&str>,
) -> Result<Option<CommitId>, MirrorError> {
    Ok(describe(url, named_by, reference)?.map(|resolved| resolved.commit))
}

/// Like [`resolve`], and says whether the name is that of a branch or of a tag.
pub(crate) fn describe(
    url: &str,
    named_by: NamedBy<'_>,
    reference: Option<&str>,
) -> Result<Option<Resolved>, MirrorError> {
    let address = Address::parse(url)?;
    let access = Access::new(&address, named_by)?
        .ok_or(MirrorError::Refused { reason: "folders of this machine are not asked for references" })?;
    let Some(names) = candidates(reference) else { return Ok(None) };
    let references = list(&access, &names)?;
    Ok(pick(&references, &names))
}

/// The full names that `reference` may stand for, in order of preference; `None` for what cannot be a name.
fn candidates(reference: Option<&str>) -> Option<Vec<String>> {
    let Some(name) = reference else { return Some(vec!["HEAD".to_owned()]) };
    let full = name.starts_with("refs/heads/") || name.starts_with("refs/tags/");
    let names =
        if full { vec![name.to_owned()] } else { vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")] };
    let valid = |name: &String| gix::validate::reference::name(BStr::new(name)).is_ok() && name.len() <= NAME_LIMIT;
    names.iter().all(valid).then_some(names)
}

/// Asks for the references of the given names or fetch refspecs. One connection, nothing is fetched.
pub(super) fn list(access: &Access<'_>, names: &[String]) -> Result<Vec<Ref>, MirrorError> {
    list_through_gix(access, names).map_err(classify)
}

fn list_through_gix(access: &Access<'_>, names: &[String]) -> gix::Result<Vec<Ref>> {
    let (mut transport, mut handshake) = access.connect()?;
    let specs = names.iter().map(|name| {
        let spec = gix::refspec::parse(BStr::new(name), gix::refspec::parse::Operation::Fetch)?;
        Ok(spec.to_owned())
    });
    let context = gix::protocol::fetch::refmap::init::Context {
        fetch_refspecs: specs.collect::<gix::Result<_>>()?,
        extra_refspecs: Vec::new(),
    };
    let agent = ("agent", Some(USER_AGENT.into()));
    let map = handshake.prepare_lsrefs_or_extract_refmap(agent, true, context)?.fetch_blocking(
        gix::progress::Discard,
        &mut transport,
        false,
    )?;
    Ok(map.remote_refs)
}

fn pick(references: &[Ref], names: &[String]) -> Option<Resolved> {
    names.iter().find_map(|name| {
        let reference = references.iter().find(|reference| name_of(reference) == BStr::new(name))?;
        let commit = commit_of(reference)?;
        let target = match reference {
            Ref::Symbolic { target, .. } => target.to_string(),
            Ref::Peeled { .. } | Ref::Direct { .. } | Ref::Unborn { .. } => name.clone(),
        };
        Some(match target.strip_prefix("refs/tags/") {
            Some(tag) => Resolved { kind: ReferenceKind::Tag, name: tag.to_owned(), commit },
            None => Resolved {
                kind: ReferenceKind::Branch,
                name: target.strip_prefix("refs/heads/").unwrap_or(&target).to_owned(),
                commit,
            },
        })
    })
}

/// The full name of a reference.
pub(super) fn name_of(reference: &Ref) -> &BString {
    match reference {
        Ref::Peeled { full_ref_name, .. }
        | Ref::Direct { full_ref_name, .. }
        | Ref::Symbolic { full_ref_name, .. }
        | Ref::Unborn { full_ref_name, .. } => full_ref_name,
    }
}

/// The commit that a reference finally points to; `None` for a branch without commits.
pub(super) fn commit_of(reference: &Ref) -> Option<CommitId> {
    match reference {
        Ref::Peeled { object, .. } | Ref::Direct { object, .. } | Ref::Symbolic { object, .. } => {
            CommitId::new(&object.to_string()).ok()
        }
        Ref::Unborn { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;

    fn ask(source: &Scratch, reference: Option<&str>) -> Option<Resolved> {
        let names = candidates(reference)?;
        pick(&list(&Access::through_upload_pack(source.path()), &names).expect("listed"), &names)
    }

    #[test]
    fn branches_tags_and_the_default_branch_are_resolved() {
        let source = Scratch::new();
        let first = source.commit("first");
        source.git(&["tag", "-a", "v1", "-m", "annotated"]);
        source.git(&["tag", "light"]);
        let second = source.commit("second");
        source.git(&["branch", "releases/v2"]);
        let found = |reference| ask(&source, reference).map(|found| (found.kind, found.name, found.commit));
        let branch = |name: &str, commit: &CommitId| Some((ReferenceKind::Branch, name.to_owned(), commit.clone()));
        let tag = |name: &str, commit: &CommitId| Some((ReferenceKind::Tag, name.to_owned(), commit.clone()));
        assert_eq!(found(None), branch("main", &second));
        assert_eq!(found(Some("releases/v2")), branch("releases/v2", &second));
        assert_eq!(found(Some("v1")), tag("v1", &first));
        assert_eq!(found(Some("refs/tags/light")), tag("light", &first));
        assert_eq!(found(Some("releases")), None);
        assert_eq!(found(Some("v")), None, "a prefix is no match");
    }

    #[test]
    fn hostile_names_and_local_addresses_are_not_asked_for() {
        for bad in ["", "a..b", "a b", "*", "+main:main", "^main", "a\nb", "--upload-pack=id", "a:b", "x~1"] {
            let names = candidates(Some(bad));
            assert!(names.is_none() || bad.starts_with("--") || bad.starts_with('+'), "{bad:?} gave {names:?}");
        }
        assert!(matches!(resolve("/etc", NamedBy::Operator(None), None), Err(MirrorError::Refused { .. })));
        assert!(matches!(resolve("file:///etc", NamedBy::Operator(None), None), Err(MirrorError::Refused { .. })));
        assert!(matches!(
            resolve("ssh://git@git.example/a", NamedBy::Operator(None), None),
            Err(MirrorError::Refused { .. })
        ));
    }
}
