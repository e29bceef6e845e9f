//! Blocks of sections that are compressed each for itself, so that a question reads only those that it needs: a frame of
//! magic, format and checksum around a directory, then the sections, each with its own checksum. Damage is found before
//! anything of a section is believed, and in one that is not read it does no harm. Pure.

use std::ops::Range;

use super::bytes::{Reader, Writer};
use crate::Error;

/// Magic, format, checksum of what follows up to the sections, its length.
const HEAD: usize = 4 + 1 + 4 + 4;

/// Gathers sections.
pub(crate) struct SectionsWriter {
    compressor: zstd::bulk::Compressor<'static>,
    directory: Writer,
    count: u64,
    bytes: Vec<u8>,
}

impl SectionsWriter {
    /// Of sections that are compressed by a level of zstd.
    pub(crate) fn new(level: i32) -> Result<Self, Error> {
        let compressor = zstd::bulk::Compressor::new(level)?;
        Ok(Self { compressor, directory: Writer::default(), count: 0, bytes: Vec::new() })
    }

    /// Adds a section.
    pub(crate) fn add(&mut self, section: &[u8]) -> Result<(), Error> {
        let compressed = self.compressor.compress(section)?;
        self.directory.number(compressed.len() as u64);
        self.directory.number(section.len() as u64);
        self.directory.raw(&crc32fast::hash(&compressed).to_le_bytes());
        self.bytes.extend_from_slice(&compressed);
        self.count += 1;
        Ok(())
    }

    /// The block; `about` is told without reading any section.
    pub(crate) fn seal(self, magic: [u8; 4], format: u8, about: &[u8]) -> Result<Vec<u8>, Error> {
        let mut head = Writer::default();
        head.number(self.count);
        head.raw(&self.directory.bytes);
        head.raw(about);
        let length = u32::try_from(head.bytes.len()).map_err(|_| Error::Busy("a block grew over 4 GiB".into()))?;
        let mut sealed = Vec::with_capacity(HEAD + head.bytes.len() + self.bytes.len());
        sealed.extend_from_slice(&magic);
        sealed.push(format);
        sealed.extend_from_slice(&[0; 4]);
        sealed.extend_from_slice(&length.to_le_bytes());
        sealed.extend_from_slice(&head.bytes);
        let checksum = crc32fast::hash(&sealed[9..]);
        sealed[5..9].copy_from_slice(&checksum.to_le_bytes());
        sealed.extend_from_slice(&self.bytes);
        Ok(sealed)
    }
}

/// Where a section is, its length before it was compressed, and its checksum.
#[derive(Debug)]
struct Place {
    bytes: Range<usize>,
    length: usize,
    checksum: u32,
}

/// A block of sections, opened.
#[derive(Debug)]
pub(crate) struct Sections<'a> {
    magic: [u8; 4],
    places: Vec<Place>,
    about: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Sections<'a> {
    /// Opens what [`SectionsWriter::seal`] made. Anything else is an error, never a panic.
    pub(crate) fn open(magic: [u8; 4], known: u8, sealed: &'a [u8]) -> Result<Self, Error> {
        let damaged = |what: &str| damaged(magic, what);
        if sealed.len() < HEAD || sealed[..4] != magic {
            return Err(damaged("it does not begin as a block"));
        }
        if sealed[4] != known {
            return Err(damaged(&format!("format {}, this version knows {known}", sealed[4])));
        }
        let number = |at: usize| u32::from_le_bytes([sealed[at], sealed[at + 1], sealed[at + 2], sealed[at + 3]]);
        let end = HEAD.saturating_add(number(9) as usize);
        let (head, bytes) = sealed.split_at_checked(end).ok_or_else(|| damaged("it ends too early"))?;
        if crc32fast::hash(&head[9..]) != number(5) {
            return Err(damaged("the checksum differs"));
        }
        let mut reader = Reader::new(&head[HEAD..]);
        let (mut places, mut from) = (Vec::new(), 0_usize);
        for _ in 0..reader.length()? {
            let to = from.saturating_add(reader.number()? as usize);
            let length = reader.number()? as usize;
            places.push(Place { bytes: from..to, length, checksum: u32::from_le_bytes(reader.array()?) });
            from = to;
        }
        if from != bytes.len() {
            return Err(damaged("its length differs"));
        }
        Ok(Self { magic, places, about: reader.rest(), bytes })
    }

    /// How many sections there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// What is told of them.
    pub(crate) fn about(&self) -> &'a [u8] {
        self.about
    }

    /// A section.
    pub(crate) fn get(&self, number: usize) -> Result<Vec<u8>, Error> {
        let place = self.places.get(number).ok_or_else(|| damaged(self.magic, "a section is missing"))?;
        let compressed = &self.bytes[place.bytes.clone()];
        if crc32fast::hash(compressed) != place.checksum {
            return Err(damaged(self.magic, "the checksum of a section differs"));
        }
        let section = super::decompress(compressed, place.length)?;
        if section.len() == place.length { Ok(section) } else { Err(damaged(self.magic, "a section's length differs")) }
    }
}

fn damaged(magic: [u8; 4], what: &str) -> Error {
    Error::Damaged(format!("{}: {what}", String::from_utf8_lossy(&magic)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: [u8; 4] = *b"BNte";

    fn sealed() -> Vec<u8> {
        let mut writer = SectionsWriter::new(3).unwrap();
        writer.add(b"one and one and one").unwrap();
        writer.add(b"").unwrap();
        writer.add(&[7; 1_000]).unwrap();
        writer.seal(MAGIC, 2, b"about").unwrap()
    }

    #[test]
    fn each_section_is_read_for_itself() {
        let sealed = sealed();
        let sections = Sections::open(MAGIC, 2, &sealed).unwrap();
        assert_eq!((sections.len(), sections.about()), (3, &b"about"[..]));
        assert_eq!(sections.get(2).unwrap(), [7; 1_000]);
        assert_eq!(sections.get(1).unwrap(), b"");
        assert_eq!(sections.get(0).unwrap(), b"one and one and one");
        assert!(sections.get(3).is_err());
    }

    #[test]
    fn what_is_damaged_costs_its_section_only() {
        let sealed = sealed();
        let whole = |bytes: &[u8]| -> Result<Vec<bool>, Error> {
            let sections = Sections::open(MAGIC, 2, bytes)?;
            Ok((0..3).map(|number| sections.get(number).is_ok()).collect())
        };
        assert_eq!(whole(&sealed).unwrap(), [true; 3]);
        for at in 0..sealed.len() {
            let mut wrong = sealed.clone();
            wrong[at] ^= 16;
            let lost = whole(&wrong).map(|read| read.iter().filter(|is_read| !**is_read).count());
            assert!(matches!(lost, Err(_) | Ok(1)), "byte {at}: {lost:?}");
            assert!(Sections::open(MAGIC, 2, &sealed[..at]).is_err(), "cut at {at}");
        }
    }
}
