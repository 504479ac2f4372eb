//! Texts: what people read of a record, the long one compressed.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use crate::model::advisory::Advisory;
use crate::model::severity::Cvss;

/// Shorter texts are kept as they are: most would not become smaller, and they are read faster.
const COMPRESSION_MINIMUM: usize = 512;
/// Far above what a record may have (`bounds`): what says that it is more is no index of ours.
const DETAILS_LIMIT: u64 = 1 << 20;

/// What people read of a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::advisory) struct Text {
    /// One line.
    pub(in crate::advisory) summary: String,
    /// The long text, where it was asked for.
    pub(in crate::advisory) details: String,
    /// Whether there is a long text.
    pub(in crate::advisory) has_details: bool,
    /// Addresses to read on.
    pub(in crate::advisory) references: Vec<String>,
    /// The score.
    pub(in crate::advisory) cvss: Option<Cvss>,
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    summary: &'a str,
    #[serde(borrow)]
    references: Vec<&'a str>,
    cvss: Option<(&'a str, f64)>,
    details: Details<'a>,
}

#[derive(Serialize, Deserialize)]
enum Details<'a> {
    Plain(&'a str),
    Deflated(&'a [u8]),
}

/// The bytes of a record's texts.
pub(super) fn encode(advisory: &Advisory) -> Vec<u8> {
    let details = cut(&advisory.details);
    let deflated = (details.len() >= COMPRESSION_MINIMUM).then(|| deflate(details));
    let wire = Wire {
        summary: &advisory.summary,
        references: advisory.references.iter().map(String::as_str).collect(),
        cvss: advisory.cvss.as_ref().map(|cvss| (cvss.vector.as_str(), cvss.score)),
        details: match &deflated {
            Some(deflated) if deflated.len() < details.len() => Details::Deflated(deflated),
            Some(_) | None => Details::Plain(details),
        },
    };
    postcard::to_stdvec(&wire).expect("texts go into memory")
}

/// The texts in some bytes, with the long one only where that is wanted; `None` when they are something else.
pub(super) fn decode(bytes: &[u8], with_details: bool) -> Option<Text> {
    let wire: Wire<'_> = postcard::from_bytes(bytes).ok()?;
    let has_details = match wire.details {
        Details::Plain(text) => !text.is_empty(),
        Details::Deflated(_) => true,
    };
    let details = match wire.details {
        _ if !with_details => String::new(),
        Details::Plain(text) => text.to_owned(),
        Details::Deflated(bytes) => inflate(bytes)?,
    };
    Some(Text {
        summary: wire.summary.to_owned(),
        details,
        has_details,
        references: wire.references.into_iter().map(str::to_owned).collect(),
        cvss: wire.cvss.map(|(vector, score)| Cvss { vector: vector.to_owned(), score }),
    })
}

fn deflate(text: &str) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(text.len() / 2), Compression::default());
    encoder.write_all(text.as_bytes()).expect("bytes go into memory");
    encoder.finish().expect("bytes go into memory")
}

fn inflate(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len().saturating_mul(3).min(64 * 1024));
    // A byte more than may be tells what is larger.
    let length = DeflateDecoder::new(bytes).take(DETAILS_LIMIT + 1).read_to_string(&mut text).ok()?;
    (length as u64 <= DETAILS_LIMIT).then_some(text)
}

fn cut(text: &str) -> &str {
    let limit = usize::try_from(DETAILS_LIMIT).unwrap_or(usize::MAX).min(text.len());
    let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}
