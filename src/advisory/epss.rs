//! EPSS: how likely each CVE is exploited within 30 days, one CSV file.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;

use super::contract::{Annotation, Reading, RecordError, RecordFile, Source, has_extension};
use crate::config::policy::SourceKind;
use crate::model::advisory::AdvisoryId;

/// Reads the daily file of FIRST (<https://www.first.org/epss/data_stats>), as it is or compressed:
///
/// ```text
/// #model_version:v2025.03.14,score_date:2025-08-25T12:55:00Z
/// cve,epss,percentile
/// CVE-1999-0001,0.01141,0.77548
/// ```
pub(super) struct Epss;

/// Bytes of the text: the file of 2025 has 9 MB for 290,000 rows.
const TEXT_LIMIT: usize = 128 << 20;

/// Rows that are read; there are about 40,000 new CVEs a year.
const ROWS_LIMIT: usize = 1_000_000;

/// The first bytes of everything that gzip wrote (RFC 1952, section 2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";

/// The columns that begin the header.
const HEADER: &str = "cve,epss";

impl Source for Epss {
    fn id(&self) -> &'static str {
        "epss"
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Epss
    }

    fn claims(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = name.strip_suffix(".gz").unwrap_or(name);
        has_extension(name, "csv") && !name.starts_with('.')
    }

    fn read(&self, file: &RecordFile<'_>) -> Result<Reading, RecordError> {
        let content = unpacked(file.content)?;
        let text = RecordFile { content: &content, ..*file }.text()?;
        let mut lines = text.lines().peekable();
        let comment = lines.next_if(|line| line.starts_with('#'));
        if !lines.next().is_some_and(|header| header.trim_end().starts_with(HEADER)) {
            return Err(RecordError::malformed("it does not begin with the header `cve,epss,percentile`"));
        }
        let mut reading = Reading { changed: comment.and_then(score_date), ..Reading::default() };
        for (position, line) in lines.filter(|line| !line.trim().is_empty()).enumerate() {
            match row(line) {
                Some(annotation) if position < ROWS_LIMIT => reading.annotations.push(annotation),
                Some(_) | None => reading.skipped += 1,
            }
        }
        Ok(reading)
    }
}

fn unpacked(content: &[u8]) -> Result<Cow<'_, [u8]>, RecordError> {
    if !content.starts_with(GZIP) {
        return Ok(Cow::Borrowed(content));
    }
    let mut text = Vec::new();
    let mut reader = MultiGzDecoder::new(content).take(TEXT_LIMIT as u64 + 1);
    reader.read_to_end(&mut text).map_err(|error| RecordError::of(&error))?;
    if text.len() > TEXT_LIMIT {
        return Err(RecordError::malformed("it unpacks to more than 128 MiB"));
    }
    Ok(Cow::Owned(text))
}

/// The time in the comment that stands above the header; it has the zone as `Z` or as `+0000`.
fn score_date(comment: &str) -> Option<Timestamp> {
    let (_, date) = comment.split_once("score_date:")?;
    let date = date.split(',').next()?.trim().replace("+0000", "Z");
    date.parse::<Timestamp>().ok().or_else(|| format!("{date}T00:00:00Z").parse().ok())
}

fn row(line: &str) -> Option<Annotation> {
    let mut cells = line.split(',').map(str::trim);
    let id = AdvisoryId::new(cells.next()?).ok().filter(|id| id.as_str().starts_with("CVE-"))?;
    let likelihood: f64 = cells.next()?.parse().ok()?;
    (0.0..=1.0).contains(&likelihood).then_some(Annotation { id, exploited: false, likelihood: Some(likelihood) })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const TEXT: &str = "#model_version:v2025.03.14,score_date:2025-08-25T12:55:00Z\ncve,epss,percentile\n\
                        CVE-1999-0001,0.01141,0.77548\nCVE-2021-44228,0.94358,0.99957\n";

    fn read(content: &[u8]) -> Result<Reading, RecordError> {
        Epss.read(&RecordFile { path: "epss_scores-current.csv.gz", content })
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn every_row_is_a_likelihood_whether_packed_or_not() {
        for content in [TEXT.as_bytes().to_vec(), packed(TEXT.as_bytes()), TEXT.replace('\n', "\r\n").into_bytes()] {
            let reading = read(&content).expect("well-formed");
            assert_eq!(reading.annotations.len(), 2);
            let log4j = &reading.annotations[1];
            assert_eq!(
                (log4j.id.as_str(), log4j.likelihood, log4j.exploited),
                ("CVE-2021-44228", Some(0.943_58), false)
            );
            assert_eq!(reading.changed, Some("2025-08-25T12:55:00Z".parse().expect("a time")));
            assert_eq!(reading.skipped, 0);
        }
        let older = TEXT.replace("12:55:00Z", "00:00:00+0000");
        assert!(read(older.as_bytes()).expect("well-formed").changed.is_some());
        let bare = "cve,epss,percentile\nCVE-1-1,1,1\n";
        assert_eq!(read(bare.as_bytes()).expect("the comment may be missing").annotations.len(), 1);
    }

    #[test]
    fn a_bad_row_is_counted_and_loses_no_other() {
        for bad in [
            "CVE-1-1",
            "CVE-1-1,x,1",
            "CVE-1-1,1.5,1",
            "CVE-1-1,NaN,1",
            "CVE-1-1,-0.1,1",
            "../x,0.5,1",
            ",,",
            "A-1,0.1,1",
        ] {
            let reading = read(format!("{TEXT}{bad}\nCVE-2-2,0.5,0.5\n").as_bytes()).expect("well-formed");
            assert_eq!((reading.annotations.len(), reading.skipped), (3, 1), "{bad}");
        }
    }

    #[test]
    fn hostile_files_are_refused_without_a_panic() {
        let bomb = packed(&vec![b'\n'; TEXT_LIMIT + 2]);
        let whole = packed(TEXT.as_bytes());
        for content in
            [&b""[..], b"#", b"cve\n", b"id,score\n", b"\xff\xfe", b"\x1f\x8b", &whole[..whole.len() / 2], &bomb]
        {
            assert!(read(content).is_err(), "{:?} was taken", &content[..content.len().min(20)]);
        }
    }

    #[test]
    fn tables_are_claimed_by_their_ending() {
        assert!(Epss.claims("epss_scores-current.csv.gz") && Epss.claims("a/epss.csv") && Epss.claims("x.CSV"));
        assert!(!Epss.claims("all.zip") && !Epss.claims("x.gz") && !Epss.claims(".csv"));
    }
}
