//! Ages: how old what is known is, and what the policy says to that.

use std::time::Duration;

use jiff::Timestamp;

use super::LoadError;
use crate::config::policy::AdvisoryPolicy;

/// How old a source is, in seconds.
///
/// The age of a fetched source is the time since it was last fetched or found unchanged. The age of a local one is the
/// time since its newest record was written: that is in the bytes, so that a copy cannot look younger than what it
/// knows. Where records have no date, it is the time since a file was written. A local source is too old for an error
/// only when its files were written that long ago as well, since whoever put it there yesterday has not forgotten it;
/// the files of a commit have no such time.
pub(super) struct Age {
    /// What people are told and warned of.
    pub(super) shown: Option<i64>,
    /// What `max-age` binds.
    binding: Option<i64>,
    is_cached: bool,
}

impl Age {
    /// Of a copy in the cache.
    pub(super) fn of_a_copy(seconds: i64) -> Self {
        Self { shown: Some(seconds), binding: Some(seconds), is_cached: true }
    }

    /// Of what stood on this machine: when its youngest file and its newest record were written.
    pub(super) fn of_local_files(written: Option<Timestamp>, changed: Option<Timestamp>, now: Timestamp) -> Self {
        let of_files = written.map(|written| seconds_between(written, now));
        let of_records = changed.map(|changed| seconds_between(changed, now));
        let binding = match (of_files, of_records) {
            (Some(files), Some(records)) => Some(files.min(records)),
            (one, other) => one.or(other),
        };
        Self { shown: of_records.or(of_files), binding, is_cached: false }
    }

    /// The warning that it deserves, or the error.
    pub(super) fn complaint(
        &self,
        id: &str,
        location: &str,
        policy: &AdvisoryPolicy,
    ) -> Result<Option<String>, LoadError> {
        if let Some(age) = self.binding.filter(|age| exceeds(*age, policy.max_age)) {
            return Err(LoadError::TooOld {
                id: id.to_owned(),
                location: location.to_owned(),
                age: for_people(age),
                limit: for_people(i64::try_from(policy.max_age.as_secs()).unwrap_or(i64::MAX)),
                is_cached: self.is_cached,
            });
        }
        let old = self.shown.filter(|age| exceeds(*age, policy.warn_age)).map(for_people);
        Ok(old.map(|age| {
            if self.is_cached { format!("last fetched {age} ago") } else { format!("its newest record is {age} old") }
        }))
    }
}

fn exceeds(age: i64, limit: Duration) -> bool {
    u64::try_from(age).is_ok_and(|age| age > limit.as_secs())
}

/// The seconds from one moment to another, 0 when the other is not later.
pub(super) fn seconds_between(earlier: Timestamp, later: Timestamp) -> i64 {
    later.duration_since(earlier).as_secs().max(0)
}

/// An age in the largest unit that makes sense, for example `3 days`.
pub(super) fn for_people(seconds: i64) -> String {
    let counted = |count: i64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    match seconds {
        ..3_600 => counted(seconds / 60, "minute"),
        3_600..172_800 => counted(seconds / 3_600, "hour"),
        _ => counted(seconds / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_said_in_the_unit_that_people_use() {
        for (seconds, text) in
            [(0, "0 minutes"), (60, "1 minute"), (3_600, "1 hour"), (86_400, "24 hours"), (172_800, "2 days")]
        {
            assert_eq!(for_people(seconds), text);
        }
    }
}
