//! What Pyroscope's SDKs and agents send, and plain pprof: pushed series of labels and pprof (grafana/pyroscope,
//! api/push/v1), `/ingest` with the application's name in the address, and a pprof whose attributes are there too.

mod labels;
mod multipart;

use std::net::IpAddr;

use model::Timestamp;
use store::OwnerFacts;

use super::pprof::{self, Around};
use super::{Sink, Span, Taking, folded};
use crate::envelope::Report;
use crate::owner::Owners;
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};
use crate::{Error, Limits};

/// What a request comes with.
pub(crate) struct Sent<'a> {
    /// What stands in the address.
    pub(crate) words: &'a [(String, String)],
    /// Who sent it.
    pub(crate) peer: Option<IpAddr>,
    /// Whether attributes alone tell which service an owner is.
    pub(crate) found: &'a dyn Fn(&OwnerFacts) -> bool,
    /// The receivers' limits.
    pub(crate) limits: &'a Limits,
    /// Stands for times that the sender does not tell.
    pub(crate) now: Timestamp,
}

/// Unpacks gzip, of all of a request no more than it may hold.
pub(crate) type Unpack<'a> = dyn FnMut(&[u8]) -> Result<Vec<u8>, Error> + 'a;

impl Sent<'_> {
    /// A word of the address; empty where it is not there.
    fn word(&self, key: &str) -> &str {
        self.words.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value)
    }

    /// When it was taken, by the address.
    fn span(&self) -> Span {
        let (from, until) = (instant(self.word("from")), instant(self.word("until")));
        let at = from.or(until).unwrap_or(self.now);
        Span { at, duration: until.map_or(0, |until| until.since(at).max(0)) }
    }
}

/// Takes a `PushRequest`.
pub(crate) fn push<S: Sink>(
    body: &[u8],
    sent: &Sent<'_>,
    unpack: &mut Unpack<'_>,
    sink: &mut S,
) -> Result<Report, Error> {
    let mut taking = Taking::new(sink, sent.limits, sent.now);
    let mut owners = Owners::new(sent.peer, sent.found, sent.limits);
    let mut cursor = Cursor::new(body);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => series(bytes, sent, unpack, &mut owners, &mut taking)?,
            (1, _) => return Err(WRONG_TYPE.into()),
            _ => {}
        }
    }
    Ok(taking.report)
}

/// Labels may stand after samples, so they are read first.
fn series<S: Sink>(
    bytes: &[u8],
    sent: &Sent<'_>,
    unpack: &mut Unpack<'_>,
    owners: &mut Owners<'_>,
    taking: &mut Taking<'_, S>,
) -> Result<(), Error> {
    let (mut labels, mut samples) = (Vec::new(), Vec::new());
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => labels.push(two_texts(bytes)?),
            (2, Wire::Bytes(bytes)) => samples.push(bytes),
            (1 | 2, _) => return Err(WRONG_TYPE.into()),
            _ => {}
        }
    }
    let prefix = labels.iter().find(|(key, _)| *key == "__name__").map_or("", |(_, name)| labels::prefix(name));
    // A series without profiles makes no owner.
    let mut labels = Some(labels);
    let mut owner = 0;
    for bytes in samples {
        let mut cursor = Cursor::new(bytes);
        while let Some(field) = cursor.field()? {
            match field {
                (1, Wire::Bytes(profile)) => {
                    if let Some(labels) = labels.take() {
                        owner = labels::owner(labels.into_iter(), owners, taking);
                    }
                    take(profile, &Around { owner, at: sent.now, prefix }, unpack, taking)?;
                }
                (1, _) => return Err(WRONG_TYPE.into()),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Takes what is sent to `/ingest`: folded stacks or pprof, of the application and its labels in `name`.
pub(crate) fn ingest<S: Sink>(
    body: &[u8],
    sent: &Sent<'_>,
    unpack: &mut Unpack<'_>,
    sink: &mut S,
) -> Result<Report, Error> {
    let mut taking = Taking::new(sink, sent.limits, sent.now);
    let mut owners = Owners::new(sent.peer, sent.found, sent.limits);
    let (name, labels) = labels::of_name(sent.word("name"));
    let (application, kind) = labels::kind(name);
    if application.is_empty() {
        return Err(Error::Malformed("the address has no name: /ingest?name=application{label=value}".to_owned()));
    }
    let all = labels.into_iter().chain([("service_name", application)]);
    let owner = labels::owner(all, &mut owners, &mut taking);
    let span = sent.span();
    let is_multipart = body.starts_with(b"--");
    match sent.word("format") {
        "pprof" | "" if is_multipart => {
            let profile = multipart::part(body, "profile").ok_or(Malformed("it has no part named profile"))?;
            let types = multipart::part(body, "sample_type_config").unwrap_or_default();
            let prefix = Some(labels::prefix(kind)).filter(|prefix| !prefix.is_empty());
            let prefix = prefix.unwrap_or_else(|| labels::prefix_of_types(types));
            take(profile, &Around { owner, at: span.at, prefix }, unpack, &mut taking)?;
        }
        "pprof" => take(body, &Around { owner, at: span.at, prefix: labels::prefix(kind) }, unpack, &mut taking)?,
        format @ ("" | "folded" | "lines") => {
            let mut samples = folded::decode(text(body)?, format != "lines", &mut taking)?;
            let (sample, each) = labels::folded_type(kind, sent);
            samples.iter_mut().for_each(|(_, value)| *value = value.saturating_mul(each));
            taking.push(owner, sample, span, &samples);
        }
        format => return Err(Error::Malformed(format!("the format {format:?} is not taken: send pprof or folded"))),
    }
    Ok(taking.report)
}

/// Takes a pprof; whose it is stands in the address as attributes.
pub(crate) fn plain<S: Sink>(
    body: &[u8],
    sent: &Sent<'_>,
    unpack: &mut Unpack<'_>,
    sink: &mut S,
) -> Result<Report, Error> {
    let mut taking = Taking::new(sink, sent.limits, sent.now);
    let mut owners = Owners::new(sent.peer, sent.found, sent.limits);
    let words = sent.words.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    if !words.clone().any(|(key, value)| key == "service.name" && !value.is_empty()) {
        let why = "the address names no service: a pprof goes to /v1/profiles?service.name=…, \
                   profiles of OTLP to /v1development/profiles";
        return Err(Error::Malformed(why.to_owned()));
    }
    let owner = labels::owner(words, &mut owners, &mut taking);
    take(body, &Around { owner, at: sent.span().at, prefix: "" }, unpack, &mut taking)?;
    Ok(taking.report)
}

/// Takes a pprof, packed with gzip as its writers do, or not.
fn take<S: Sink>(
    profile: &[u8],
    around: &Around<'_>,
    unpack: &mut Unpack<'_>,
    taking: &mut Taking<'_, S>,
) -> Result<(), Error> {
    if profile.starts_with(&[0x1f, 0x8b]) {
        return Ok(pprof::decode(&unpack(profile)?, around, taking)?);
    }
    Ok(pprof::decode(profile, around, taking)?)
}

/// The two texts of a label.
fn two_texts(bytes: &[u8]) -> Result<(&str, &str), Malformed> {
    let mut both = ("", "");
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => both.0 = text(bytes)?,
            (2, Wire::Bytes(bytes)) => both.1 = text(bytes)?,
            (1 | 2, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(both)
}

/// A time since the epoch, in seconds or, where that would be far away, in smaller parts.
fn instant(word: &str) -> Option<Timestamp> {
    let number: i64 = word.parse().ok().filter(|number| *number > 0)?;
    let each = match number {
        1..=99_999_999_999 => 1_000_000_000,
        100_000_000_000..=99_999_999_999_999 => 1_000_000,
        100_000_000_000_000..=99_999_999_999_999_999 => 1_000,
        _ => 1,
    };
    Some(Timestamp(number.saturating_mul(each)))
}
