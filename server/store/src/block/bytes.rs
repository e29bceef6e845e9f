//! Numbers and texts as bytes, and back with every length checked. Pure.

use crate::Error;

/// Writes columns.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    /// With room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// LEB128: small numbers take one byte.
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// Zigzag, so that small negative numbers are short too.
    pub(crate) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    /// A count that is mostly whole and not negative: one byte then, else its bits.
    pub(crate) fn count(&mut self, count: f64) {
        if count.fract() == 0.0 && (0.0..9e15).contains(&count) && !(count == 0.0 && count.is_sign_negative()) {
            self.number(count as u64 + 1);
        } else {
            self.byte(0);
            self.raw(&count.to_bits().to_le_bytes());
        }
    }
}

/// Reads columns.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[inline]
    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| damaged("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.raw(N)?.try_into().map_err(|_| damaged("it ends too early"))
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    #[inline]
    pub(crate) fn number(&mut self) -> Result<u64, Error> {
        // Most numbers of a block are of one byte or two.
        match self.rest {
            [byte @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            [low, high @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Result<u64, Error> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(damaged("a number is too long"))
    }

    /// Passes over so many numbers without a look at them.
    pub(crate) fn skip_numbers(&mut self, count: usize) -> Result<(), Error> {
        const STRIDE: usize = 64;
        let mut left = count;
        // A byte below 0x80 ends a number.
        while let Some((stride, rest)) = self.rest.split_at_checked(STRIDE) {
            let ends = stride.iter().filter(|byte| **byte < 0x80).count();
            if ends >= left {
                break;
            }
            left -= ends;
            self.rest = rest;
        }
        while left > 0 {
            left -= usize::from(self.byte()? < 0x80);
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn signed(&mut self) -> Result<i64, Error> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(crate) fn count(&mut self) -> Result<f64, Error> {
        match self.number()? {
            0 => Ok(f64::from_bits(u64::from_le_bytes(self.array()?))),
            whole => Ok((whole - 1) as f64),
        }
    }

    /// A number of things that follow, of which each takes at least a byte.
    pub(crate) fn length(&mut self) -> Result<usize, Error> {
        let length = self.number()?;
        if length > self.rest.len() as u64 { Err(damaged("a length is too large")) } else { Ok(length as usize) }
    }

    /// A number below a bound: an index into something.
    #[inline]
    pub(crate) fn index(&mut self, bound: usize) -> Result<u32, Error> {
        let index = self.number()?;
        if index < bound as u64 { Ok(index as u32) } else { Err(damaged("an index is out of range")) }
    }

    /// What has not been read.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Everything must have been read.
    pub(crate) fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(damaged("bytes are left over")) }
    }
}

pub(crate) fn damaged(what: &str) -> Error {
    Error::Damaged(format!("block: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_at_their_bounds() {
        let mut writer = Writer::default();
        let whole = [0, 1, 127, 128, u64::from(u32::MAX), u64::MAX];
        let signed = [0, -1, 1, i64::MIN, i64::MAX, -64, 64];
        let counts = [0.0, 1.0, 0.5, -3.0, 1e300, 8_999_999_999_999_999.0, f64::MIN_POSITIVE];
        whole.iter().for_each(|number| writer.number(*number));
        signed.iter().for_each(|number| writer.signed(*number));
        counts.iter().for_each(|number| writer.count(*number));
        let mut reader = Reader::new(&writer.bytes);
        whole.iter().for_each(|number| assert_eq!(reader.number().unwrap(), *number));
        signed.iter().for_each(|number| assert_eq!(reader.signed().unwrap(), *number));
        counts.iter().for_each(|number| assert_eq!(reader.count().unwrap(), *number));
        reader.end().unwrap();
    }

    #[test]
    fn as_many_numbers_are_passed_over_as_would_be_read() {
        let mut writer = Writer::default();
        let numbers: Vec<u64> = (0..500).map(|n| n * n * n * n * n).chain([u64::MAX, 0]).collect();
        numbers.iter().for_each(|number| writer.number(*number));
        for count in 0..=numbers.len() {
            let (mut read, mut passed) = (Reader::new(&writer.bytes), Reader::new(&writer.bytes));
            (0..count).for_each(|at| assert_eq!(read.number().unwrap(), numbers[at]));
            passed.skip_numbers(count).unwrap();
            assert_eq!(passed.rest(), read.rest(), "{count}");
        }
        assert!(Reader::new(&writer.bytes).skip_numbers(numbers.len() + 1).is_err());
    }

    #[test]
    fn what_is_too_long_or_too_short_is_damage() {
        assert!(Reader::new(&[0xff; 12]).number().is_err());
        assert!(Reader::new(&[0x80]).number().is_err());
        assert!(Reader::new(&[200, 1, 1]).length().is_err());
        assert!(Reader::new(&[1, 2]).raw(3).is_err());
        assert!(Reader::new(&[9]).index(9).is_err());
        assert!(Reader::new(&[1]).end().is_err());
    }
}
