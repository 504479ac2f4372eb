//! Openings: how many new pull requests one run may still open, so that one bad night does not flood an organisation.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::proposal::Route;

/// What is left, for each route by itself: routine work never keeps an emergency waiting.
#[derive(Debug)]
pub(crate) struct Openings {
    limit: u64,
    emergency: AtomicU64,
    routine: AtomicU64,
}

/// The right to open one. Who does not use it gives it back.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    left: &'a AtomicU64,
    is_used: bool,
}

impl Openings {
    /// So many of each route.
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, emergency: AtomicU64::new(limit), routine: AtomicU64::new(limit) }
    }

    /// How many there were of each route.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// The right to open one more; `None` when there is none left.
    pub(crate) fn take(&self, route: Route) -> Option<Opening<'_>> {
        let left = match route {
            Route::Emergency => &self.emergency,
            Route::Routine => &self.routine,
        };
        let taken = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        taken.ok().map(|_| Opening { left, is_used: false })
    }
}

impl Opening<'_> {
    /// The pull request is open.
    pub(crate) fn use_up(mut self) {
        self.is_used = true;
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if !self.is_used {
            self.left.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_used_is_given_back_and_routes_do_not_share() {
        let openings = Openings::new(2);
        openings.take(Route::Routine).expect("the first").use_up();
        drop(openings.take(Route::Routine).expect("the second"));
        openings.take(Route::Routine).expect("the second again").use_up();
        assert!(openings.take(Route::Routine).is_none());
        assert!(openings.take(Route::Emergency).is_some());
        assert!(Openings::new(0).take(Route::Emergency).is_none());
    }
}
