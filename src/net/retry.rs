//! The retry rule: what is tried again, when, and for how long. There is one, and every client uses it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, StatusCode};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

/// How often a request is sent at most.
const ATTEMPTS: u32 = 4;

/// The first pause after a failed connection or a server's error; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The pause after a refusal by a secondary limit that names no time: "wait at least one minute, then exponentially"
/// (GitHub, rate limits for the REST API).
const SECONDARY_PAUSE: Duration = Duration::from_mins(1);

/// A run waits this long for one limit; a primary limit may take an hour, and then the rest of the night's work is
/// reported instead.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// The pause between two writes: GitHub's best practices ask for at least one second.
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// The environment variable that sets another pause, in milliseconds; tests set 0.
const WRITE_PAUSE_VARIABLE: &str = "PATCHPARTY_WRITE_PAUSE_MS";

/// Whether sending a request twice does harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replay {
    /// It reads, or writes something that is named by its content.
    Safe,
    /// It may have been carried out although the answer was lost: the caller looks before it sends it again.
    AfterLookup,
}

/// What a request came to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome<'a> {
    /// No answer.
    NoAnswer,
    /// An answer.
    Answer {
        /// Its status.
        status: StatusCode,
        /// Its headers.
        headers: &'a HeaderMap,
        /// Its body, or the beginning of it.
        body: &'a str,
    },
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    /// It stands, be it good or bad.
    Accept,
    /// Send it again after a pause.
    Retry(Duration),
    /// A limit is used up for longer than a run waits.
    RateLimited(Duration),
}

/// Decides. `attempt` counts from 1, the one that came to `outcome`.
pub(crate) fn advise(replay: Replay, outcome: Outcome<'_>, attempt: u32, now: SystemTime) -> Advice {
    let Outcome::Answer { status, headers, body } = outcome else {
        return again_if(replay == Replay::Safe, attempt);
    };
    if let Some(wait) = limit_wait(status, headers, body, attempt, now) {
        // What a limit refused was not carried out, so that any request may be sent again.
        return if wait <= LONGEST_WAIT && attempt < ATTEMPTS {
            Advice::Retry(wait)
        } else {
            Advice::RateLimited(wait)
        };
    }
    let passing = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
    again_if(replay == Replay::Safe && passing.contains(&status), attempt)
}

fn again_if(useful: bool, attempt: u32) -> Advice {
    if useful && attempt < ATTEMPTS {
        Advice::Retry(FIRST_PAUSE * 2_u32.saturating_pow(attempt.saturating_sub(1)))
    } else {
        Advice::Accept
    }
}

/// How long a limit asks to wait; `None` when the answer is not about a limit.
fn limit_wait(status: StatusCode, headers: &HeaderMap, body: &str, attempt: u32, now: SystemTime) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::FORBIDDEN {
        return None;
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(wait) = header("retry-after").and_then(|value| retry_after(value, now)) {
        return Some(wait);
    }
    if header("x-ratelimit-remaining") == Some("0") {
        let reset = header("x-ratelimit-reset").and_then(|value| value.parse().ok()).map(Duration::from_secs);
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        // One second more: the two clocks need not agree.
        return Some(reset.map_or(SECONDARY_PAUSE, |reset| reset.saturating_sub(since) + Duration::from_secs(1)));
    }
    let lower = body.to_ascii_lowercase();
    let secondary = ["secondary rate limit", "abuse detection", "rate limit exceeded"];
    if status == StatusCode::TOO_MANY_REQUESTS || secondary.iter().any(|words| lower.contains(words)) {
        return Some(SECONDARY_PAUSE * 2_u32.saturating_pow(attempt.saturating_sub(1).min(8)));
    }
    None
}

/// Seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(SystemTime::from(date).duration_since(now).unwrap_or_default())
}

/// The pace of writes: one at a time, with a pause in between.
#[derive(Debug)]
pub(crate) struct WritePace {
    pause: Duration,
    last: Mutex<Option<Instant>>,
}

impl WritePace {
    /// The pace that the environment asks for, else GitHub's.
    pub(crate) fn from_environment() -> Self {
        let asked = std::env::var(WRITE_PAUSE_VARIABLE).ok().and_then(|text| text.trim().parse().ok());
        Self::new(asked.map_or(WRITE_PAUSE, Duration::from_millis))
    }

    /// A pace of our own.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, last: Mutex::new(None) }
    }

    /// Waits for the turn to write; others wait until the returned value is dropped.
    pub(crate) async fn turn(&self) -> WriteTurn<'_> {
        let last = self.last.lock().await;
        if let Some(last) = *last {
            tokio::time::sleep_until(last + self.pause).await;
        }
        WriteTurn { last }
    }
}

/// The turn to write.
#[derive(Debug)]
pub(crate) struct WriteTurn<'a> {
    last: MutexGuard<'a, Option<Instant>>,
}

impl Drop for WriteTurn<'_> {
    fn drop(&mut self) {
        *self.last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str, replay: Replay, attempt: u32) -> Advice {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a value"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        advise(replay, Outcome::Answer { status, headers: &map, body }, attempt, now)
    }

    #[test]
    fn only_what_cannot_do_harm_is_sent_again() {
        let now = SystemTime::now();
        assert_eq!(advise(Replay::Safe, Outcome::NoAnswer, 1, now), Advice::Retry(FIRST_PAUSE));
        assert_eq!(advise(Replay::AfterLookup, Outcome::NoAnswer, 1, now), Advice::Accept);
        for status in [502, 503, 504] {
            assert_eq!(answer(status, &[], "", Replay::Safe, 2), Advice::Retry(FIRST_PAUSE * 2));
            assert_eq!(answer(status, &[], "", Replay::AfterLookup, 1), Advice::Accept);
        }
        assert_eq!(answer(502, &[], "", Replay::Safe, ATTEMPTS), Advice::Accept);
        for status in [200, 304, 401, 403, 404, 409, 422, 500] {
            assert_eq!(answer(status, &[], "Resource not accessible", Replay::Safe, 1), Advice::Accept, "{status}");
        }
    }

    #[test]
    fn limits_are_waited_for_within_reason() {
        let seconds = Duration::from_secs;
        let write = Replay::AfterLookup;
        assert_eq!(answer(403, &[("retry-after", "2")], "", write, 1), Advice::Retry(seconds(2)));
        assert_eq!(answer(429, &[("retry-after", "3600")], "", write, 1), Advice::RateLimited(seconds(3600)));
        let date = [("retry-after", "Mon, 12 Jan 1970 13:47:00 GMT")];
        assert_eq!(answer(429, &date, "", write, 1), Advice::Retry(seconds(20)));
        let primary = |reset| [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)];
        assert_eq!(answer(403, &primary("1000009"), "", write, 1), Advice::Retry(seconds(10)));
        assert_eq!(answer(403, &primary("1003600"), "", write, 1), Advice::RateLimited(seconds(3601)));
        assert_eq!(answer(429, &primary("5"), "", write, 1), Advice::Retry(seconds(1)), "already reset");
        let secondary = "You have exceeded a secondary rate limit.";
        assert_eq!(answer(403, &[], secondary, write, 1), Advice::Retry(SECONDARY_PAUSE));
        assert_eq!(answer(403, &[], secondary, write, 3), Advice::RateLimited(SECONDARY_PAUSE * 4));
        assert_eq!(answer(429, &[("retry-after", "1")], "", write, ATTEMPTS), Advice::RateLimited(seconds(1)));
    }

    #[tokio::test]
    async fn writes_are_serial_and_spaced() {
        let pause = Duration::from_millis(80);
        let pace = WritePace::new(pause);
        drop(pace.turn().await);
        let start = Instant::now();
        let turn = pace.turn().await;
        assert!(start.elapsed() >= pause / 2, "{:?}", start.elapsed());
        assert!(tokio::time::timeout(pause, pace.turn()).await.is_err(), "the turn is taken");
        drop(turn);
    }
}
