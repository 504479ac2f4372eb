//! Limits of an exchange: how long a server may take, how much it may send, and how slowly. Every client takes them from
//! here, and every body is read through a [`Meter`].
//!
//! A server that a repository names is anybody's, and one that we trust can be broken: neither may hold up a night or fill
//! the memory. What is exceeded ends this exchange only.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// How long a connection may take to stand, its name looked up and TLS agreed on included.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);

/// What one request and its answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// From the request to the last byte of its answer.
    pub(crate) total: Duration,
    /// Until the answer begins (with all of its headers), and between two pieces of it.
    pub(crate) silence: Duration,
    /// Bytes of the body, after decompression.
    pub(crate) bytes: u64,
    /// Lines of git's protocol (pkt-lines), which are what references and keep-alives come in.
    pub(crate) lines: u64,
    /// In every span of this length…
    pub(crate) window: Duration,
    /// …so many bytes must come. What ends earlier may be as short as it likes.
    pub(crate) pace: u64,
}

/// What a git server says that it can, and the list of its references.
///
/// Git asks for the names that are wanted (protocol 2), but a server may send all that it has: the largest public
/// repositories have some 300,000 references of pull requests, 20 MB, which none of our questions is about. 32 MiB and a
/// minute are several times what an honest answer takes; `git upload-pack` lists 100,000 references in a second.
pub(crate) const LISTING: Limits = Limits {
    total: Duration::from_mins(1),
    silence: Duration::from_secs(10),
    bytes: 32 << 20,
    lines: 400_000,
    window: Duration::from_secs(20),
    pace: 20 << 10,
};

/// The files of a commit. A depth-1 clone of a large repository takes seconds (design/performance.md, 5) and megabytes; the
/// time and the bytes leave room for the largest ones on a slow line.
///
/// `git upload-pack` sends a keep-alive of 5 bytes every 5 s while it counts objects, which is what a server that wants to
/// hold us up does, too: less than 1 KiB/s for a minute (curl's and git's `lowSpeedLimit` and `lowSpeedTime` are usually set
/// so) is no transfer. Packs come in packets of 8 KiB or more, so that the lines leave room for all bytes.
pub(crate) const PACK: Limits = Limits {
    total: Duration::from_mins(10),
    silence: Duration::from_secs(10),
    bytes: 4 << 30,
    lines: 1_000_000,
    window: Duration::from_mins(1),
    pace: 60 << 10,
};

/// Commits without their files: 500 deep with some 250 bytes each, so that even thousands of merges stay far below.
pub(crate) const COMMITS: Limits = Limits { total: Duration::from_mins(2), bytes: 64 << 20, ..PACK };

/// An answer of a registry: the largest packument of the npm registry has about 30 MB in its short form.
pub(crate) const REGISTRY: Limits = Limits {
    total: Duration::from_mins(2),
    silence: Duration::from_secs(30),
    bytes: 64 << 20,
    lines: u64::MAX,
    window: Duration::from_mins(1),
    pace: 60 << 10,
};

/// An answer of the forge's API: a page of 100 pull requests whose bodies have 65,536 characters stays below.
pub(crate) const API: Limits = Limits { bytes: 32 << 20, ..REGISTRY };

/// A file of advisories: OSV's archive of everything has about 1 GB.
pub(crate) const ADVISORIES: Limits = Limits { total: Duration::from_mins(30), bytes: 4 << 30, ..REGISTRY };

/// What a server has exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    /// The time.
    #[error("the answer took longer than {} s", .0.as_secs_f64())]
    Time(Duration),
    /// The pace.
    #[error("the server sent less than {pace} bytes in {} s", .window.as_secs_f64())]
    Pace {
        /// So many were expected…
        pace: u64,
        /// …within this time.
        window: Duration,
    },
    /// The bytes.
    #[error("the answer has more than {0} bytes")]
    Bytes(u64),
    /// The lines.
    #[error("the answer has more than {0} lines")]
    Lines(u64),
}

/// Counts what comes.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    start: Instant,
    bytes: u64,
    /// When the current window began, and how many bytes have come in it.
    window: (Instant, u64),
}

impl Meter {
    /// A meter of an exchange whose request is sent at `start`.
    pub(crate) fn new(limits: Limits, start: Instant) -> Self {
        Self { limits, start, bytes: 0, window: (start, 0) }
    }

    /// More bytes have come by `now`.
    pub(crate) fn count(&mut self, bytes: usize, now: Instant) -> Result<(), Exceeded> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes > self.limits.bytes {
            return Err(Exceeded::Bytes(self.limits.bytes));
        }
        if now.saturating_duration_since(self.start) > self.limits.total {
            return Err(Exceeded::Time(self.limits.total));
        }
        let (began, in_window) = &mut self.window;
        *in_window = in_window.saturating_add(bytes as u64);
        if now.saturating_duration_since(*began) >= self.limits.window {
            if *in_window < self.limits.pace {
                return Err(Exceeded::Pace { pace: self.limits.pace, window: self.limits.window });
            }
            self.window = (now, 0);
        }
        Ok(())
    }
}

/// A body that is read within limits. The error of a read that exceeds one is [`Exceeded`].
#[derive(Debug)]
pub(crate) struct Bounded<R> {
    reader: R,
    meter: Meter,
}

impl<R: Read> Bounded<R> {
    /// The body of an exchange whose request was sent at `start`. The reader itself must not be silent for longer than the
    /// limit: that is the client's timeout.
    pub(crate) fn new(reader: R, limits: Limits, start: Instant) -> Self {
        Self { reader, meter: Meter::new(limits, start) }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if count > 0 {
            self.meter.count(count, Instant::now()).map_err(io::Error::other)?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits {
        total: Duration::from_mins(1),
        silence: Duration::from_secs(1),
        bytes: 1_000,
        lines: 10,
        window: Duration::from_secs(10),
        pace: 50,
    };

    /// What becomes of an answer that comes in pieces: (seconds since the request, bytes).
    fn outcome(pieces: &[(u64, usize)]) -> Result<(), Exceeded> {
        let start = Instant::now();
        let mut meter = Meter::new(SMALL, start);
        pieces.iter().try_for_each(|&(seconds, bytes)| meter.count(bytes, start + Duration::from_secs(seconds)))
    }

    #[test]
    fn a_steady_answer_is_let_through() {
        assert_eq!(outcome(&[(0, 400), (5, 100), (10, 100), (20, 60), (30, 60)]), Ok(()));
        assert_eq!(outcome(&[(9, 1)]), Ok(()), "what is short may be short");
        assert_eq!(outcome(&[(59, 50)]), Ok(()));
    }

    #[test]
    fn what_is_too_long_too_slow_or_too_much_is_named() {
        let slow = Exceeded::Pace { pace: 50, window: Duration::from_secs(10) };
        assert_eq!(outcome(&[(0, 1_001)]), Err(Exceeded::Bytes(1_000)));
        assert_eq!(outcome(&[(0, 600), (1, 600)]), Err(Exceeded::Bytes(1_000)));
        assert_eq!(outcome(&[(5, 5), (10, 5)]), Err(slow), "one packet every five seconds");
        assert_eq!(outcome(&[(1, 500), (10, 1), (15, 5), (20, 5)]), Err(slow), "fast only at first");
        assert_eq!(outcome(&[(61, 500)]), Err(Exceeded::Time(Duration::from_mins(1))));
        assert_eq!(slow.to_string(), "the server sent less than 50 bytes in 10 s");
    }

    #[test]
    fn a_body_without_end_is_cut_off_with_a_named_reason() {
        let mut body = Bounded::new(io::repeat(b'x'), SMALL, Instant::now());
        let mut read = Vec::new();
        let error = body.read_to_end(&mut read).expect_err("it has no end");
        let reason = error.get_ref().and_then(|reason| reason.downcast_ref::<Exceeded>());
        assert_eq!(reason, Some(&Exceeded::Bytes(1_000)));
        assert!(read.len() <= 1_000);
    }
}
