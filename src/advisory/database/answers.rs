//! Answers: what was looked up before in this run. A night meets the same packages in many projects.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Mutex;

use super::FlawMatch;
use crate::model::ecosystem::Ecosystem;

/// How many answers are kept: only packages that advisories name are asked about, and their flaws are shared with the
/// findings. A night of 2,000 services names fewer different versions.
const LIMIT: usize = 1 << 16;

/// So many threads look up at a time without waiting for one another.
const SHARDS: usize = 16;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question<'a> {
    pub(super) ecosystem: Ecosystem,
    pub(super) release: Option<&'a str>,
    pub(super) package: &'a str,
    pub(super) version: &'a str,
}

/// A question that is kept.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    ecosystem: Ecosystem,
    release: Option<Box<str>>,
    package: Box<str>,
    version: Box<str>,
}

impl Kept {
    fn is(&self, question: &Question<'_>) -> bool {
        self.ecosystem == question.ecosystem
            && self.release.as_deref() == question.release
            && &*self.package == question.package
            && &*self.version == question.version
    }
}

type Shard = HashMap<u64, (Kept, Vec<FlawMatch>)>;

/// Answers by question. Of two questions with one hash, the first is kept.
#[derive(Debug, Default)]
pub(super) struct Answers {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

impl Answers {
    /// The answer to a question: the one that is kept, or that of `look_up`, which is kept when there is one.
    pub(super) fn get_or<E>(
        &self,
        question: &Question<'_>,
        look_up: impl FnOnce() -> Result<Vec<FlawMatch>, E>,
    ) -> Result<Vec<FlawMatch>, E> {
        let hash = self.hasher.hash_one(question);
        let shard = usize::try_from(hash % SHARDS as u64).ok().and_then(|number| self.shards.get(number));
        let kept = shard.and_then(|shard| {
            let shard = shard.lock().ok()?;
            shard.get(&hash).filter(|(kept, _)| kept.is(question)).map(|(_, answer)| answer.clone())
        });
        if let Some(answer) = kept {
            return Ok(answer);
        }
        let answer = look_up()?;
        if let Some(Ok(mut shard)) = shard.map(Mutex::lock)
            && shard.len() < LIMIT / SHARDS
        {
            let kept = Kept {
                ecosystem: question.ecosystem,
                release: question.release.map(Into::into),
                package: question.package.into(),
                version: question.version.into(),
            };
            shard.entry(hash).or_insert_with(|| (kept, answer.clone()));
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn a_question_is_looked_up_once() {
        let answers = Answers::default();
        let question = Question { ecosystem: Ecosystem::Npm, release: None, package: "a", version: "1" };
        let mut asked = 0;
        for _ in 0..3 {
            let answer: Result<_, Infallible> = answers.get_or(&question, || {
                asked += 1;
                Ok(Vec::new())
            });
            assert_eq!(answer, Ok(Vec::new()));
        }
        assert_eq!(asked, 1);
        for other in [
            Question { ecosystem: Ecosystem::PyPi, ..question.clone() },
            Question { release: Some("12"), ..question.clone() },
            Question { package: "b", ..question.clone() },
            Question { version: "2", ..question.clone() },
        ] {
            let failed = answers.get_or(&other, || Err("damage"));
            assert_eq!(failed, Err("damage"), "another question is another answer, and a failure is not kept");
            assert_eq!(answers.get_or::<&str>(&other, || Ok(Vec::new())), Ok(Vec::new()));
        }
    }
}
