//! Bodies off a connection, and out of their gzip or zstd: never more than the limit, never faster than the budget,
//! never longer than the deadline. No length that a sender claims is allocated before a fourth of it is there.

use std::io::Read;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::limits::Charge;
use crate::{Error, Limits};

/// A body whose length was claimed gets all its room when a fourth of it is there: bytes are copied by growing less
/// often, and a claim still takes at most four times what came.
const BELIEVED: usize = 4;

/// Reads a body of at most so many bytes, each charged before it is kept.
pub(crate) async fn receive(
    body: &mut Body,
    most: usize,
    limits: &Limits,
    charge: &mut Charge,
) -> Result<Vec<u8>, Error> {
    let mut received = Vec::new();
    let claimed = body.size_hint().exact().and_then(|claimed| usize::try_from(claimed).ok()).unwrap_or_default();
    let deadline = Instant::now() + limits.body;
    loop {
        let until = deadline.min(Instant::now() + limits.pause);
        let Some(frame) = timeout_at(until, body.frame()).await.map_err(|_| Error::Slow)? else {
            return Ok(received);
        };
        // Trailers of a request say nothing here.
        let Ok(data) = frame.map_err(|_| Error::Gone)?.into_data() else { continue };
        if received.len() + data.len() > most {
            return Err(Error::TooLarge(limits.message));
        }
        charge.raise(received.len() + data.len())?;
        if received.capacity() < claimed && claimed <= most.min(received.len() * BELIEVED) {
            received.reserve_exact(claimed - received.len());
        }
        received.extend_from_slice(&data);
    }
}

/// Reads on for a moment and keeps nothing, so that a sender which does not look up while it writes still gets to
/// read why it was turned away, and does not take a broken pipe for a reason to try again.
pub(crate) async fn discard(mut body: Body, most: usize) {
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut left = most;
    while let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await {
        left = left.saturating_sub(frame.data_ref().map_or(0, bytes::Bytes::len));
        if left == 0 {
            return;
        }
    }
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Packing {
    /// All that are taken, by the names that HTTP and gRPC share.
    pub(crate) const NAMES: &str = "gzip,zstd";

    /// What a header names; nothing for what is not packed.
    pub(crate) fn of_name(name: &[u8]) -> Result<Option<Self>, Error> {
        match name.trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Ok(None),
            b"gzip" => Ok(Some(Self::Gzip)),
            b"zstd" => Ok(Some(Self::Zstd)),
            _ => Err(Error::Encoding),
        }
    }
}

/// Bytes unpacked between two looks at the budget.
const STEP: usize = 256 << 10;

/// The logarithm of zstd's largest window: 8 MiB, which RFC 9659 (section 3) demands of senders. A frame that wants more
/// is refused before the memory is there.
const WINDOW_LOG: u32 = 23;

/// Unpacks a message to at most so many bytes.
pub(crate) fn inflate(packing: Packing, packed: &[u8], most: usize, charge: &mut Charge) -> Result<Vec<u8>, Error> {
    match packing {
        Packing::Gzip => inflate_beside(packed.len(), packed, most, charge),
        Packing::Zstd => unzstd(packed, most, charge),
    }
}

/// Unpacks gzip that is part of a message; so many bytes are held beside what comes out.
pub(crate) fn inflate_beside(held: usize, packed: &[u8], most: usize, charge: &mut Charge) -> Result<Vec<u8>, Error> {
    read_up_to(most, MultiGzDecoder::new(packed), "gzip", |unpacked| charge.raise(held + unpacked))
}

/// Unpacks zstd, one frame or several. Of its window only as much is ever touched as has come out.
fn unzstd(packed: &[u8], most: usize, charge: &mut Charge) -> Result<Vec<u8>, Error> {
    let failed = |error: std::io::Error| Error::Malformed(format!("zstd: {error}"));
    let mut decoder = zstd::Decoder::with_buffer(packed).map_err(failed)?;
    decoder.window_log_max(WINDOW_LOG).map_err(failed)?;
    read_up_to(most, decoder, "zstd", |unpacked| charge.raise(packed.len() + unpacked + unpacked.min(1 << WINDOW_LOG)))
}

/// Reads to the end, at most so many bytes; before each step what will have been read is charged.
fn read_up_to(
    most: usize,
    mut decoder: impl Read,
    name: &str,
    mut charge: impl FnMut(usize) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let mut unpacked = Vec::new();
    loop {
        let room = STEP.min(most + 1 - unpacked.len());
        charge(unpacked.len() + room)?;
        let read = (&mut decoder).take(room as u64).read_to_end(&mut unpacked);
        let read = read.map_err(|error| Error::Malformed(format!("{name}: {error}")))?;
        if unpacked.len() > most {
            return Err(Error::TooLarge(most));
        }
        if read < room {
            return Ok(unpacked);
        }
    }
}

/// Unpacks snappy's block format to at most so many bytes. What it claims is looked at before anything is allocated:
/// three bytes stand for 64 at most.
pub(crate) fn unsnap(packed: &[u8], most: usize, charge: &mut Charge) -> Result<Vec<u8>, Error> {
    let malformed = |error: snap::Error| Error::Malformed(format!("snappy: {error}"));
    let claimed = snap::raw::decompress_len(packed).map_err(malformed)?;
    if claimed > most {
        return Err(Error::TooLarge(most));
    }
    if claimed > packed.len().saturating_mul(22) {
        return Err(Error::Malformed("snappy: it claims more than it can hold".to_owned()));
    }
    charge.raise(packed.len() + claimed)?;
    snap::raw::Decoder::new().decompress_vec(packed).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::limits::Budget;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 3).unwrap()
    }

    /// Packs bytes.
    type Pack = fn(&[u8]) -> Vec<u8>;
    /// Both ways, with one who packs so.
    const BOTH: [(Packing, Pack); 2] = [(Packing::Gzip, gzip), (Packing::Zstd, zstd)];

    #[test]
    fn what_was_packed_is_unpacked_up_to_the_limit() {
        let budget = Budget::new(16 << 20);
        for (packing, pack) in BOTH {
            for length in [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP] {
                let bytes: Vec<u8> = (0..length).map(|i| (i * i) as u8).collect();
                assert_eq!(inflate(packing, &pack(&bytes), length, &mut budget.charge()).unwrap(), bytes);
                if length > 0 {
                    let over = inflate(packing, &pack(&bytes), length - 1, &mut budget.charge());
                    assert!(matches!(over, Err(Error::TooLarge(_))));
                }
            }
        }
    }

    #[test]
    fn a_thousandfold_bomb_is_refused_without_its_memory() {
        for (packing, pack) in BOTH {
            // 1 GiB of zeros as 64 members or frames of 16 MiB: about 1 MiB packed as gzip, far less as zstd.
            let bomb = pack(&vec![0; 16 << 20]).repeat(64);
            let budget = Budget::new(8 << 20);
            assert!(matches!(inflate(packing, &bomb, 3 << 20, &mut budget.charge()), Err(Error::TooLarge(_))));
            assert!(matches!(inflate(packing, &bomb, 64 << 20, &mut budget.charge()), Err(Error::Busy(_))));
        }
    }

    #[test]
    fn zstd_of_a_window_over_the_limit_is_refused_and_one_at_the_limit_taken() {
        let budget = Budget::new(128 << 20);
        let framed = |log| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(log).unwrap();
            encoder.write_all(&vec![0; 32 << 20]).unwrap();
            encoder.finish().unwrap()
        };
        let taken = inflate(Packing::Zstd, &framed(WINDOW_LOG), 32 << 20, &mut budget.charge());
        assert_eq!(taken.unwrap().len(), 32 << 20);
        let refused = inflate(Packing::Zstd, &framed(WINDOW_LOG + 1), 32 << 20, &mut budget.charge());
        assert!(matches!(refused, Err(Error::Malformed(_))));
    }

    #[test]
    fn packings_are_known_by_their_names_alone() {
        for (name, want) in
            [("", None), ("identity", None), ("gzip", Some(Packing::Gzip)), (" ZSTD ", Some(Packing::Zstd))]
        {
            assert_eq!(Packing::of_name(name.as_bytes()).unwrap(), want, "{name}");
        }
        for name in ["br", "deflate", "gzip, zstd"] {
            assert!(matches!(Packing::of_name(name.as_bytes()), Err(Error::Encoding)), "{name}");
        }
    }

    #[test]
    fn snappy_is_unpacked_up_to_the_limit_and_its_claims_are_not_believed() {
        let budget = Budget::new(1 << 20);
        let bytes = vec![7; 100_000];
        let packed = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
        assert_eq!(unsnap(&packed, 100_000, &mut budget.charge()).unwrap(), bytes);
        assert!(matches!(unsnap(&packed, 99_999, &mut budget.charge()), Err(Error::TooLarge(_))));
        let claims = [0xff, 0xff, 0xff, 0x1f, 0, 0];
        assert!(matches!(unsnap(&claims, 64 << 20, &mut budget.charge()), Err(Error::Malformed(_))));
        for end in 0..packed.len() {
            assert!(unsnap(&packed[..end], 1 << 20, &mut budget.charge()).is_err(), "{end}");
        }
    }

    #[test]
    fn what_is_damaged_or_cut_is_malformed() {
        let budget = Budget::new(1 << 20);
        for (packing, pack) in BOTH {
            let packed = pack(b"some bytes that are packed");
            for end in 1..packed.len() {
                let cut = inflate(packing, &packed[..end], 1 << 10, &mut budget.charge());
                assert!(matches!(cut, Err(Error::Malformed(_))), "{packing:?} {end}");
            }
            let other = inflate(packing, b"not packed", 1 << 10, &mut budget.charge());
            assert!(matches!(other, Err(Error::Malformed(_))), "{packing:?}");
        }
    }
}
