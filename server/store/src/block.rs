//! Blocks as bytes: a frame of magic, format, lengths and a checksum around a zstd-compressed body, so that damage
//! is found before anything is believed. Pure.

mod attributes;
pub(crate) mod bytes;
pub(crate) mod columns;
pub(crate) mod filter;
pub(crate) mod groups;
pub(crate) mod hash;
pub(crate) mod logs;
pub(crate) mod numbers;
pub(crate) mod pairs;
pub(crate) mod points;
pub(crate) mod profiles;
pub(crate) mod search;
pub(crate) mod sections;
pub(crate) mod spans;
pub(crate) mod stacks;
pub(crate) mod texts;

use std::cell::RefCell;

use zstd::bulk::Decompressor;

use crate::Error;

thread_local! {
    /// A thread's own context: a new one for each block would be cleared each time.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Decompresses to at most so many bytes.
fn inflate(bytes: &[u8], size: usize) -> std::io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress(bytes, size)
    })
}

/// Decompresses what must not come out larger than a limit.
pub(crate) fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    let size = Decompressor::upper_bound(bytes).unwrap_or(limit);
    if size > limit {
        return Err(Error::Damaged(format!("a compressed part claims {size} bytes, {limit} are allowed")));
    }
    inflate(bytes, size).map_err(|error| Error::Damaged(format!("zstd: {error}")))
}

const HEAD: usize = 4 + 1 + 4 + 4;

/// Compresses a body and puts it into a frame: magic, format, checksum of all that follows, length of the body.
pub(crate) fn seal(magic: [u8; 4], format: u8, body: &[u8], level: i32) -> Result<Vec<u8>, Error> {
    let length = u32::try_from(body.len()).map_err(|_| Error::Busy("a block grew over 4 GiB".into()))?;
    let compressed = zstd::bulk::compress(body, level)?;
    let mut sealed = Vec::with_capacity(HEAD + compressed.len());
    sealed.extend_from_slice(&magic);
    sealed.push(format);
    sealed.extend_from_slice(&[0; 4]);
    sealed.extend_from_slice(&length.to_le_bytes());
    sealed.extend_from_slice(&compressed);
    let checksum = crc32fast::hash(&sealed[9..]);
    sealed[5..9].copy_from_slice(&checksum.to_le_bytes());
    Ok(sealed)
}

/// The format of a sealed block; 0 where there is none.
pub(crate) fn format(sealed: &[u8]) -> u8 {
    sealed.get(4).copied().unwrap_or_default()
}

/// Takes a body out of its frame. Anything but what [`seal`] made is an error, never a panic.
pub(crate) fn open(magic: [u8; 4], known: u8, sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let damaged = |what: &str| Error::Damaged(format!("{}: {what}", String::from_utf8_lossy(&magic)));
    if sealed.len() < HEAD || sealed[..4] != magic {
        return Err(damaged("it does not begin as a block"));
    }
    if sealed[4] != known {
        return Err(damaged(&format!("format {}, this version knows {known}", sealed[4])));
    }
    let number = |at: usize| u32::from_le_bytes([sealed[at], sealed[at + 1], sealed[at + 2], sealed[at + 3]]);
    if crc32fast::hash(&sealed[9..]) != number(5) {
        return Err(damaged("the checksum differs"));
    }
    let length = number(9) as usize;
    let body = inflate(&sealed[HEAD..], length).map_err(|error| damaged(&error.to_string()))?;
    if body.len() == length { Ok(body) } else { Err(damaged("its length differs")) }
}
