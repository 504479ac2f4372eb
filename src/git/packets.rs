//! Packets: counts the lines of git's protocol while they pass. Each is small, and each becomes an object in memory.

use std::io::{self, Read};

use crate::net::limits::Exceeded;

/// The digits that a line begins with: its length, these four included (gitprotocol-common, "pkt-line Format").
const LENGTH_DIGITS: usize = 4;

/// A reader that counts pkt-lines; the error of a read after too many is [`Exceeded`].
pub(super) struct Packets<R> {
    reader: R,
    counter: Counter,
    limit: u64,
}

impl<R: Read> Packets<R> {
    pub(super) fn new(reader: R, limit: u64) -> Self {
        Self { reader, counter: Counter::default(), limit }
    }
}

impl<R: Read> Read for Packets<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.counter.feed(&buffer[..count]);
        if self.counter.lines > self.limit { Err(io::Error::other(Exceeded::Lines(self.limit))) } else { Ok(count) }
    }
}

/// How many lines have begun.
#[derive(Debug, Default)]
struct Counter {
    lines: u64,
    /// The digits of the line that begins, so far.
    digits: Vec<u8>,
    /// Bytes of the current line that are still to come.
    rest: usize,
    /// What does not come in lines (a pack of protocol 1) is bounded by its bytes.
    is_over: bool,
}

impl Counter {
    fn feed(&mut self, mut bytes: &[u8]) {
        while !self.is_over && !bytes.is_empty() {
            if self.rest > 0 {
                let passed = self.rest.min(bytes.len());
                self.rest -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            let missing = LENGTH_DIGITS.saturating_sub(self.digits.len()).min(bytes.len());
            self.digits.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if self.digits.len() < LENGTH_DIGITS {
                return;
            }
            let length =
                std::str::from_utf8(&self.digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
            self.digits.clear();
            match length {
                // A length below that of its own digits marks the end of a list.
                Some(length) => {
                    self.lines += 1;
                    self.rest = length.saturating_sub(LENGTH_DIGITS);
                }
                None => self.is_over = true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(pieces: &[&[u8]]) -> (u64, bool) {
        let mut counter = Counter::default();
        for piece in pieces {
            counter.feed(piece);
        }
        (counter.lines, counter.is_over)
    }

    #[test]
    fn lines_are_counted_wherever_they_are_cut() {
        let whole = b"0006a\n0005b0000000bcccccc\n00010005d";
        assert_eq!(counted(&[whole]), (6, false));
        for cut in 0..whole.len() {
            assert_eq!(counted(&[&whole[..cut], &whole[cut..]]), (6, false), "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(counted(&bytes), (6, false));
    }

    #[test]
    fn what_is_no_line_ends_the_count() {
        assert_eq!(counted(&[b"0008NAK\nPACK\0\0\0\x02000500050005"]), (1, true));
    }

    #[test]
    fn a_list_of_too_many_lines_is_cut_off() {
        let endless = b"0005a".repeat(100);
        let mut read = Vec::new();
        let error = Packets::new(endless.as_slice(), 99).read_to_end(&mut read).expect_err("too many");
        let reason = error.get_ref().and_then(|reason| reason.downcast_ref::<Exceeded>());
        assert_eq!(reason, Some(&Exceeded::Lines(99)));
        assert!(Packets::new(endless.as_slice(), 100).read_to_end(&mut read).is_ok());
    }
}
