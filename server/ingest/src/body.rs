//! Bodies off a connection, and out of their gzip: never more than the limit, never faster than the budget, never
//! longer than the deadline. No length that a sender claims is allocated.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::limits::Charge;
use crate::{Error, Limits};

/// Reads a body of at most so many bytes, each charged before it is kept.
pub(crate) async fn receive(
    body: &mut Body,
    most: usize,
    limits: &Limits,
    charge: &mut Charge,
) -> Result<Vec<u8>, Error> {
    let mut received = Vec::new();
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

/// Bytes unpacked between two looks at the budget.
const STEP: usize = 256 << 10;

/// Unpacks gzip to at most so many bytes.
pub(crate) fn inflate(packed: &[u8], most: usize, charge: &mut Charge) -> Result<Vec<u8>, Error> {
    inflate_beside(packed.len(), packed, most, charge)
}

/// Unpacks gzip that is part of a message; so many bytes are held beside what comes out.
pub(crate) fn inflate_beside(held: usize, packed: &[u8], most: usize, charge: &mut Charge) -> Result<Vec<u8>, Error> {
    let mut decoder = MultiGzDecoder::new(packed);
    let mut unpacked = Vec::new();
    loop {
        let room = STEP.min(most + 1 - unpacked.len());
        charge.raise(held + unpacked.len() + room)?;
        let read = (&mut decoder).take(room as u64).read_to_end(&mut unpacked);
        let read = read.map_err(|error| Error::Malformed(format!("gzip: {error}")))?;
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

    #[test]
    fn what_was_packed_is_unpacked_up_to_the_limit() {
        let budget = Budget::new(16 << 20);
        for length in [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP] {
            let bytes: Vec<u8> = (0..length).map(|i| (i * i) as u8).collect();
            assert_eq!(inflate(&gzip(&bytes), length, &mut budget.charge()).unwrap(), bytes);
            if length > 0 {
                let over = inflate(&gzip(&bytes), length - 1, &mut budget.charge());
                assert!(matches!(over, Err(Error::TooLarge(_))));
            }
        }
    }

    #[test]
    fn a_thousandfold_bomb_is_refused_without_its_memory() {
        // 1 GiB of zeros as 64 members of 16 MiB: about 1 MiB packed.
        let member = gzip(&vec![0; 16 << 20]);
        let bomb = member.repeat(64);
        let budget = Budget::new(8 << 20);
        assert!(matches!(inflate(&bomb, 4 << 20, &mut budget.charge()), Err(Error::TooLarge(_))));
        assert!(matches!(inflate(&bomb, 64 << 20, &mut budget.charge()), Err(Error::Busy(_))));
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
    fn damaged_or_cut_gzip_is_malformed() {
        let budget = Budget::new(1 << 20);
        let packed = gzip(b"some bytes that are packed");
        for end in 1..packed.len() {
            assert!(
                matches!(inflate(&packed[..end], 1 << 10, &mut budget.charge()), Err(Error::Malformed(_))),
                "{end}"
            );
        }
        assert!(matches!(inflate(b"no gzip", 1 << 10, &mut budget.charge()), Err(Error::Malformed(_))));
    }
}
