//! Histories: the commits before a commit, without any file, and the tags that name some of them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gix::protocol::fetch::{self, Arguments, Response, Shallow, Tags, negotiate};

use crate::git::address::Address;
use crate::git::connection::{Access, classify};
use crate::git::guard;
use crate::git::http::GitLimits;
use crate::git::mirror::{self, MirrorError};
use crate::git::remote::{self, NamedBy, commit_of, name_of};
use crate::model::repository::CommitId;
use crate::net::client::USER_AGENT;

/// How far back a release is looked for. A commit without its files has some 250 bytes in a pack, so that even with many
/// merges this is a small answer; who follows a branch for longer than this has no nearest release worth the name.
const DEPTH: NonZeroU32 = NonZeroU32::new(500).expect("not zero");

/// A tag near a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NearTag {
    /// Its name without `refs/tags/`. Untrusted.
    pub(crate) name: String,
    /// How many commits lie between it and the commit, along the shortest line; 0 for the commit's own tag.
    pub(crate) distance: u32,
}

/// The tags at the nearest tagged commit before (or at) a commit; none when there is no tag among its last commits.
///
/// Only `http` and `https` are asked, as in [`remote::resolve`]. `is_release` chooses the tags that count.
pub(crate) fn nearest_tags(
    url: &str,
    named_by: NamedBy<'_>,
    commit: &CommitId,
    is_release: fn(&str) -> bool,
) -> Result<Vec<NearTag>, MirrorError> {
    let address = Address::parse(url)?;
    let access = Access::new(&address, named_by)?
        .ok_or(MirrorError::Refused { reason: "folders of this machine are not asked for tags" })?;
    nearest(&access.within(GitLimits::COMMITS), commit, is_release)
}

fn nearest(access: &Access<'_>, commit: &CommitId, is_release: fn(&str) -> bool) -> Result<Vec<NearTag>, MirrorError> {
    let tags = tags(access, is_release)?;
    if tags.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(names) = tags.get(commit) {
        return Ok(near(names, 0));
    }
    let parents = ancestors(access, commit)?;
    let mut queue = VecDeque::from([(commit.clone(), 0)]);
    let mut seen = HashSet::from([commit.clone()]);
    while let Some((current, distance)) = queue.pop_front() {
        if let Some(names) = tags.get(&current) {
            return Ok(near(names, distance));
        }
        for parent in parents.get(&current).into_iter().flatten() {
            if seen.insert(parent.clone()) {
                queue.push_back((parent.clone(), distance + 1));
            }
        }
    }
    Ok(Vec::new())
}

fn near(names: &[String], distance: u32) -> Vec<NearTag> {
    names.iter().map(|name| NearTag { name: name.clone(), distance }).collect()
}

/// The release tags of the remote, by the commit that each points to.
fn tags(access: &Access<'_>, is_release: fn(&str) -> bool) -> Result<BTreeMap<CommitId, Vec<String>>, MirrorError> {
    let mut tags: BTreeMap<CommitId, Vec<String>> = BTreeMap::new();
    for reference in remote::list(access, &["refs/tags/*:refs/tags/*".to_owned()])? {
        let name = name_of(&reference).to_string();
        let Some(name) = name.strip_prefix("refs/tags/").filter(|name| is_release(name)) else { continue };
        if let Some(commit) = commit_of(&reference) {
            tags.entry(commit).or_default().push(name.to_owned());
        }
    }
    Ok(tags)
}

/// The parents of a commit and of those before it.
fn ancestors(access: &Access<'_>, commit: &CommitId) -> Result<HashMap<CommitId, Vec<CommitId>>, MirrorError> {
    let folder = tempfile::tempdir().map_err(|error| MirrorError::Fetch(Box::new(error)))?;
    let repository = mirror::create(&folder.path().join("history.git"))?;
    if !receive(&repository, access, commit).map_err(classify)? {
        return Err(MirrorError::Refused { reason: "its server cannot send commits without their files" });
    }
    let mut parents = HashMap::new();
    let mut waiting = vec![commit.clone()];
    let mut seen = HashSet::from([commit.clone()]);
    while let Some(current) = waiting.pop() {
        let found = gix::ObjectId::from_hex(current.as_str().as_bytes()).ok();
        // Behind the depth that was asked for, nothing is here.
        let Some(found) = found.and_then(|id| repository.find_commit(id).ok()) else { continue };
        let mut before: Vec<CommitId> =
            found.parent_ids().filter_map(|parent| CommitId::new(&parent.to_string()).ok()).collect();
        // A server may name one parent any number of times, and each would be read as often.
        before.sort_unstable();
        before.dedup();
        waiting.extend(before.iter().filter(|parent| seen.insert((*parent).clone())).cloned());
        parents.insert(current, before);
    }
    Ok(parents)
}

/// Asks for a commit and those before it, and for none of their files.
struct CommitsOnly {
    wanted: gix::ObjectId,
}

impl fetch::Negotiate for CommitsOnly {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<negotiate::Action> {
        Ok(negotiate::Action::MustNegotiate { remote_ref_target_known: Vec::new() })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _known: &[bool]) -> bool {
        // A server that cannot leave the files out would send all of them: it is not asked at all.
        if !arguments.can_use_filter() {
            return false;
        }
        arguments.filter("tree:0");
        arguments.want(self.wanted);
        true
    }

    fn one_round(
        &mut self,
        _state: &mut negotiate::one_round::State,
        _arguments: &mut Arguments,
        _previous: Option<&Response>,
    ) -> gix::Result<(negotiate::Round, bool)> {
        let round = negotiate::Round {
            haves_sent: 0,
            in_vain: 0,
            haves_to_send: 0,
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}

/// Says whether the server can do it.
fn receive(repository: &gix::Repository, access: &Access<'_>, commit: &CommitId) -> gix::Result<bool> {
    let wanted = gix::ObjectId::from_hex(commit.as_str().as_bytes()).map_err(gix::Error::from_error)?;
    let (mut transport, mut handshake) = access.connect()?;
    let interrupt = Arc::new(AtomicBool::new(false));
    let watch = guard::watch(repository.objects.store_ref().path(), &interrupt);
    let packs = repository.objects.store_ref().path().join("pack");
    let received = gix::protocol::fetch(
        &mut CommitsOnly { wanted },
        |reader, progress, interrupt| {
            gix::odb::pack::Bundle::write_to_directory(
                reader,
                Some(&packs),
                progress,
                interrupt,
                None::<gix::odb::Handle>,
                repository.object_hash(),
                gix::odb::pack::bundle::write::Options::default(),
            )?;
            Ok(true)
        },
        gix::progress::Discard,
        &interrupt,
        fetch::Context {
            handshake: &mut handshake,
            transport: &mut transport,
            user_agent: ("agent", Some(USER_AGENT.into())),
            trace_packetlines: false,
        },
        fetch::Options {
            shallow_file: repository.shallow_file()?,
            shallow: &Shallow::DepthAtRemote(DEPTH),
            tags: Tags::None,
            reject_shallow_remote: false,
        },
    );
    watch.finish();
    Ok(received?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;

    fn is_version(name: &str) -> bool {
        name.starts_with('v')
    }

    fn ask(source: &Scratch, commit: &CommitId) -> Vec<(String, u32)> {
        let found = nearest(&Access::through_upload_pack(source.path()), commit, is_version).expect("an answer");
        found.into_iter().map(|tag| (tag.name, tag.distance)).collect()
    }

    #[test]
    fn the_nearest_tag_is_found_without_any_file() {
        let source = Scratch::new();
        source.git(&["config", "uploadpack.allowFilter", "true"]);
        source.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        let untagged = source.commit("first");
        source.write("large.txt", "x".repeat(100_000));
        let released = source.commit("release");
        source.git(&["tag", "-a", "v1.0.0", "-m", "annotated"]);
        source.git(&["tag", "v1"]);
        source.git(&["tag", "docs-2"]);
        source.commit("one");
        let two = source.commit("two");
        assert_eq!(ask(&source, &released), [("v1".to_owned(), 0), ("v1.0.0".to_owned(), 0)]);
        assert_eq!(ask(&source, &two), [("v1".to_owned(), 2), ("v1.0.0".to_owned(), 2)]);
        assert_eq!(ask(&source, &untagged), []);
        let history = ancestors(&Access::through_upload_pack(source.path()), &two).expect("commits");
        assert_eq!(history.len(), 4);
    }

    #[test]
    fn a_merge_is_as_near_as_its_nearer_side() {
        let source = Scratch::new();
        source.git(&["config", "uploadpack.allowFilter", "true"]);
        source.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        source.commit("first");
        source.git(&["tag", "v1"]);
        source.git(&["checkout", "-q", "-b", "side"]);
        source.commit("side");
        source.git(&["tag", "v2"]);
        source.git(&["checkout", "-q", "main"]);
        source.commit("main");
        source.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
        assert_eq!(ask(&source, &source.tip("HEAD")), [("v2".to_owned(), 1)]);
    }

    #[test]
    fn a_server_that_would_send_the_files_is_not_asked_for_commits() {
        let source = Scratch::new();
        source.git(&["config", "uploadpack.allowFilter", "false"]);
        source.commit("release");
        source.git(&["tag", "v1"]);
        let after = source.commit("after");
        let error = nearest(&Access::through_upload_pack(source.path()), &after, is_version).expect_err("no filter");
        assert!(error.to_string().contains("cannot send commits without their files"), "{error}");
    }

    #[test]
    fn folders_are_not_asked() {
        let commit = CommitId::new(&"a".repeat(40)).expect("a commit");
        for local in ["/etc", "file:///etc", "ssh://git@git.example/a"] {
            assert!(
                matches!(
                    nearest_tags(local, NamedBy::Operator(None), &commit, is_version),
                    Err(MirrorError::Refused { .. })
                ),
                "{local}"
            );
        }
    }
}
