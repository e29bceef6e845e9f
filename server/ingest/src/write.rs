//! The ends of the translation: protobuf's numbers and lengths, and bytes out of hexadecimal and base64.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

pub(crate) fn tag(number: u32, kind: u64) -> u64 {
    u64::from(number) << 3 | kind
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Room that is left for the length of a message until it is known: a varint may be padded.
pub(crate) const LENGTH: usize = 5;

/// Writes a message's length into the room left before it; a short message moves up, so that nothing is wasted.
pub(crate) fn close(out: &mut Vec<u8>, at: usize) {
    let start = at + LENGTH;
    let length = out.len() - start;
    if length < 0x80 {
        out[at] = length as u8;
        out.copy_within(start.., at + 1);
        out.truncate(at + 1 + length);
        return;
    }
    for (i, byte) in out[at..start].iter_mut().enumerate() {
        let more = if i + 1 < LENGTH { 0x80 } else { 0 };
        *byte = (length >> (7 * i)) as u8 & 0x7f | more;
    }
}

pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Either alphabet, padded or not, as protobuf's JSON mapping takes it.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}
