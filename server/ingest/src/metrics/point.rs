//! The points of all kinds of metrics off the wire, into one that is used again. Pure.

use std::borrow::Cow;

use super::exponential::{self, Buckets};
use crate::value::{Cuts, attribute, label};
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, varints};

/// Which message a metric's data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Gauge,
    Sum,
    Histogram,
    Exponential,
    Summary,
}

impl Form {
    /// By its field in `Metric`.
    pub(super) fn of(number: u32) -> Option<Self> {
        Some(match number {
            5 => Self::Gauge,
            7 => Self::Sum,
            9 => Self::Histogram,
            10 => Self::Exponential,
            11 => Self::Summary,
            _ => return None,
        })
    }

    pub(super) fn has_temporality(self) -> bool {
        matches!(self, Self::Sum | Self::Histogram | Self::Exponential)
    }
}

/// A point says nothing but that its series has ended (`DataPointFlags`).
const NO_RECORDED_VALUE: u64 = 1;
/// More buckets than any distribution needs: its point is not valid.
const MOST: usize = 1 << 14;

/// A point, whatever its kind.
#[derive(Debug, Default)]
pub(super) struct Point<'a> {
    pub(super) labels: Vec<(&'a str, Cow<'a, str>)>,
    /// Attributes as they were sent, and what they were read as: many of the next point are the same at the same place.
    sent: Vec<(&'a [u8], (&'a str, &'a str))>,
    /// How many attributes were read.
    attributes: usize,
    pub(super) start: u64,
    pub(super) time: u64,
    /// Of a distribution its sum; nothing where the series has ended.
    pub(super) value: Option<f64>,
    pub(super) count: u64,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) bounds: Vec<f64>,
    pub(super) buckets: Vec<u64>,
    pub(super) quantiles: Vec<(f64, f64)>,
    flags: u64,
    scale: i32,
    zeros: u64,
    threshold: f64,
    positive: Buckets,
    negative: Buckets,
}

impl<'a> Point<'a> {
    /// Reads a point, over what was there.
    pub(super) fn read(&mut self, form: Form, bytes: &'a [u8], most: usize, cuts: &mut Cuts) -> Result<(), Malformed> {
        self.clear();
        let (labels, exemplars) = match form {
            Form::Gauge | Form::Sum => (7, 5),
            Form::Histogram => (9, 8),
            Form::Exponential => (1, 11),
            Form::Summary => (7, 0),
        };
        let mut cursor = Cursor::new(bytes);
        while let Some((number, wire)) = cursor.field()? {
            match (number, wire) {
                (number, Wire::Bytes(bytes)) if number == labels => self.label(bytes, most, cuts)?,
                (number, Wire::Bytes(bytes)) if number == exemplars => exemplar(bytes)?,
                (number, _) if number == labels || number == exemplars => return Err(WRONG_TYPE),
                (2, Wire::Fixed64(nanos)) => self.start = nanos,
                (3, Wire::Fixed64(nanos)) => self.time = nanos,
                (2 | 3, _) => return Err(WRONG_TYPE),
                _ => match form {
                    Form::Gauge | Form::Sum => self.number(number, wire)?,
                    Form::Histogram => self.histogram(number, wire)?,
                    Form::Exponential => self.exponential(number, wire)?,
                    Form::Summary => self.summary(number, wire)?,
                },
            }
        }
        Ok(())
    }

    fn label(&mut self, bytes: &'a [u8], most: usize, cuts: &mut Cuts) -> Result<(), Malformed> {
        let place = self.attributes;
        self.attributes += 1;
        let again = self.sent.get(place).filter(|(sent, _)| *sent == bytes && self.labels.len() < most);
        if let Some((_, (key, value))) = again {
            self.labels.push((key, Cow::Borrowed(value)));
            return Ok(());
        }
        let (before, mut own) = (self.labels.len(), Cuts::default());
        label(bytes, most, &mut self.labels, &mut own)?;
        cuts.add(own);
        // What was changed has to be counted each time.
        if let Some((key, Cow::Borrowed(value))) = self.labels.get(before)
            && own == Cuts::default()
        {
            let read = (bytes, (*key, *value));
            if let Some(sent) = self.sent.get_mut(place) {
                *sent = read;
            } else if place == self.sent.len() {
                self.sent.push(read);
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.labels.clear();
        self.attributes = 0;
        self.bounds.clear();
        self.buckets.clear();
        self.quantiles.clear();
        self.positive.clear();
        self.negative.clear();
        (self.start, self.time, self.count, self.flags, self.zeros) = (0, 0, 0, 0, 0);
        (self.value, self.min, self.max) = (None, None, None);
        (self.scale, self.threshold) = (0, 0.0);
    }

    fn number(&mut self, number: u32, wire: Wire<'a>) -> Result<(), Malformed> {
        match (number, wire) {
            (4, Wire::Fixed64(bits)) => self.value = Some(f64::from_bits(bits)),
            (6, Wire::Fixed64(bits)) => self.value = Some(bits as i64 as f64),
            (8, Wire::Varint(flags)) => self.flags = flags,
            (4 | 6 | 8, _) => return Err(WRONG_TYPE),
            _ => {}
        }
        Ok(())
    }

    fn histogram(&mut self, number: u32, wire: Wire<'a>) -> Result<(), Malformed> {
        match (number, wire) {
            (4, Wire::Fixed64(count)) => self.count = count,
            (5, Wire::Fixed64(bits)) => self.value = Some(f64::from_bits(bits)),
            (6, wire) => fixed(wire, |bits| put(&mut self.buckets, bits))?,
            (7, wire) => fixed(wire, |bits| put(&mut self.bounds, f64::from_bits(bits)))?,
            (10, Wire::Varint(flags)) => self.flags = flags,
            (11, Wire::Fixed64(bits)) => self.min = Some(f64::from_bits(bits)),
            (12, Wire::Fixed64(bits)) => self.max = Some(f64::from_bits(bits)),
            (4 | 5 | 10..=12, _) => return Err(WRONG_TYPE),
            _ => {}
        }
        Ok(())
    }

    fn exponential(&mut self, number: u32, wire: Wire<'a>) -> Result<(), Malformed> {
        match (number, wire) {
            (4, Wire::Fixed64(count)) => self.count = count,
            (5, Wire::Fixed64(bits)) => self.value = Some(f64::from_bits(bits)),
            (6, Wire::Varint(number)) => self.scale = zigzag(number),
            (7, Wire::Fixed64(count)) => self.zeros = count,
            (8, Wire::Bytes(bytes)) => buckets(bytes, &mut self.positive)?,
            (9, Wire::Bytes(bytes)) => buckets(bytes, &mut self.negative)?,
            (10, Wire::Varint(flags)) => self.flags = flags,
            (12, Wire::Fixed64(bits)) => self.min = Some(f64::from_bits(bits)),
            (13, Wire::Fixed64(bits)) => self.max = Some(f64::from_bits(bits)),
            (14, Wire::Fixed64(bits)) => self.threshold = f64::from_bits(bits),
            (4..=10 | 12..=14, _) => return Err(WRONG_TYPE),
            _ => {}
        }
        Ok(())
    }

    fn summary(&mut self, number: u32, wire: Wire<'a>) -> Result<(), Malformed> {
        match (number, wire) {
            (4, Wire::Fixed64(count)) => self.count = count,
            (5, Wire::Fixed64(bits)) => self.value = Some(f64::from_bits(bits)),
            (6, Wire::Bytes(bytes)) => {
                let quantile = quantile(bytes)?;
                if self.quantiles.len() < MOST {
                    self.quantiles.push(quantile);
                }
            }
            (8, Wire::Varint(flags)) => self.flags = flags,
            (4..=6 | 8, _) => return Err(WRONG_TYPE),
            _ => {}
        }
        Ok(())
    }

    /// Brings what was read into the form of the store; says whether it is a point at all.
    pub(super) fn finish(&mut self, form: Form) -> bool {
        self.labels.sort_by_key(|(key, _)| *key);
        self.labels.dedup_by_key(|(key, _)| *key);
        if form == Form::Exponential && !exponential::SCALES.contains(&self.scale) {
            return false;
        }
        if form == Form::Exponential {
            let zeros = (self.zeros, self.threshold);
            exponential::explicit(
                self.scale,
                zeros,
                (&self.positive, &self.negative),
                (&mut self.bounds, &mut self.buckets),
            );
        }
        if self.flags & NO_RECORDED_VALUE != 0 {
            (self.value, self.count) = (None, 0);
            self.quantiles.clear();
            self.buckets.iter_mut().for_each(|bucket| *bucket = 0);
        } else if matches!(form, Form::Gauge | Form::Sum) {
            return self.value.is_some();
        } else {
            // The sum of values that can be negative may be left out.
            self.value = self.value.or(Some(0.0));
        }
        let fits = match (self.bounds.len(), self.buckets.len()) {
            (0, 0 | 1) => true,
            (bounds, 0) => bounds == 0,
            (bounds, buckets) => buckets == bounds + 1 && bounds < MOST,
        };
        if self.bounds.is_empty() {
            self.buckets.clear();
        }
        fits && self.bounds.is_sorted() && self.positive.counts.len() < MOST && self.negative.counts.len() < MOST
    }
}

fn put<T>(into: &mut Vec<T>, value: T) {
    if into.len() <= MOST {
        into.push(value);
    }
}

/// A run of fixed numbers, packed or one by one.
fn fixed(wire: Wire<'_>, mut each: impl FnMut(u64)) -> Result<(), Malformed> {
    match wire {
        Wire::Fixed64(bits) => each(bits),
        Wire::Bytes(bytes) => {
            let (numbers, rest) = bytes.as_chunks::<8>();
            if !rest.is_empty() {
                return Err(Malformed("a run of numbers ends inside one"));
            }
            numbers.iter().for_each(|bytes| each(u64::from_le_bytes(*bytes)));
        }
        _ => return Err(WRONG_TYPE),
    }
    Ok(())
}

fn zigzag(number: u64) -> i32 {
    let number = number as u32;
    (number >> 1) as i32 ^ -((number & 1) as i32)
}

fn buckets(bytes: &[u8], into: &mut Buckets) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Varint(number)) => into.offset = zigzag(number),
            (2, Wire::Varint(count)) => put(&mut into.counts, count),
            (2, Wire::Bytes(bytes)) => varints(bytes, |count| put(&mut into.counts, count))?,
            (1 | 2, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(())
}

fn quantile(bytes: &[u8]) -> Result<(f64, f64), Malformed> {
    let mut quantile = (0.0, 0.0);
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Fixed64(bits)) => quantile.0 = f64::from_bits(bits),
            (2, Wire::Fixed64(bits)) => quantile.1 = f64::from_bits(bits),
            (1 | 2, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(quantile)
}

/// Checks an exemplar.
fn exemplar(bytes: &[u8]) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (2 | 3 | 6, Wire::Fixed64(_)) | (4 | 5, Wire::Bytes(_)) => {}
            (7, Wire::Bytes(bytes)) => attribute(bytes, 0, &mut Vec::new(), &mut Cuts::default())?,
            (2..=7, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(())
}
