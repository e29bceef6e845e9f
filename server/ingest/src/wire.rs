//! The one walker over protobuf bytes: fields of a message, borrowed, one after another. It allocates nothing, never
//! recurses on what it is sent and knows no message; whether a field's type fits is for who reads it.

/// Why bytes are not the message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// A field's value as the wire has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wire<'a> {
    /// Type 0.
    Varint(u64),
    /// Type 1.
    Fixed64(u64),
    /// Type 2: text, bytes, a message.
    Bytes(&'a [u8]),
    /// Types 3 and 4: skipped as a whole; no message of ours has one.
    Group,
    /// Type 5.
    Fixed32(u32),
}

/// Groups inside groups deeper than this are refused, as other decoders do.
const GROUP_DEPTH: usize = 100;

/// Reads the fields of one message.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// At the first field of a message.
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field and its number; nothing at the end.
    #[inline]
    pub(crate) fn field(&mut self) -> Result<Option<(u32, Wire<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, kind) = self.tag()?;
        let value = match kind {
            3 => {
                self.skip_group(number)?;
                Wire::Group
            }
            _ => self.value(kind)?,
        };
        Ok(Some((number, value)))
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, u8), Malformed> {
        let key = u32::try_from(self.varint()?).map_err(|_| Malformed("a field number is too large"))?;
        match key >> 3 {
            0 => Err(Malformed("a field has the number 0")),
            number => Ok((number, (key & 7) as u8)),
        }
    }

    #[inline]
    fn value(&mut self, kind: u8) -> Result<Wire<'a>, Malformed> {
        Ok(match kind {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                if length > self.rest.len() as u64 {
                    return Err(Malformed("a field ends after its message"));
                }
                let (bytes, rest) = self.rest.split_at(length as usize);
                self.rest = rest;
                Wire::Bytes(bytes)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.array()?)),
            4 => return Err(Malformed("a group ends that did not begin")),
            _ => return Err(Malformed("a field has an unknown wire type")),
        })
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for (i, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if *byte < 0x80 {
                if i == 9 && *byte > 1 {
                    return Err(Malformed("a number has more than 64 bits"));
                }
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err(Malformed("a number does not end"))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed("a field ends after its message"))?;
        self.rest = rest;
        Ok(*array)
    }

    /// Skips to the end of a group whose start was read, with its inner groups on a stack of their numbers.
    fn skip_group(&mut self, number: u32) -> Result<(), Malformed> {
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            match self.tag()? {
                (number, 3) if open.len() < GROUP_DEPTH => open.push(number),
                (_, 3) => return Err(Malformed("groups are nested too deeply")),
                (number, 4) if number == innermost => {
                    open.pop();
                }
                (_, kind) => {
                    self.value(kind)?;
                }
            }
        }
        Ok(())
    }
}

/// Each of the varints that are packed into one field.
pub(crate) fn varints(packed: &[u8], mut each: impl FnMut(u64)) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(packed);
    while !cursor.rest.is_empty() {
        each(cursor.varint()?);
    }
    Ok(())
}

/// Text of a field: UTF-8, as proto3 demands.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed("a text is not UTF-8"))
}

/// A field that the message declares with another type.
pub(crate) const WRONG_TYPE: Malformed = Malformed("a field has another type than its message declares");

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u32, Wire<'_>)>, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let mut all = Vec::new();
        while let Some(field) = cursor.field()? {
            all.push(field);
        }
        Ok(all)
    }

    #[test]
    fn every_wire_type_is_read() {
        let bytes = [
            0x08, 0x96, 0x01, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x1a, 2, b'h', b'i', 0x25, 2, 0, 0, 0, 0x2b, 0x08, 1, 0x2c,
        ];
        assert_eq!(
            fields(&bytes),
            Ok(vec![
                (1, Wire::Varint(150)),
                (2, Wire::Fixed64(1)),
                (3, Wire::Bytes(b"hi")),
                (4, Wire::Fixed32(2)),
                (5, Wire::Group),
            ])
        );
    }

    #[test]
    fn nonsense_is_refused() {
        let endless = [0xff; 11];
        let mut too_many_bits = [0xff; 11];
        too_many_bits[0] = 0x08;
        too_many_bits[10] = 0x02;
        for wrong in [
            &[0x00, 0x01][..],
            &[0x08],
            &[0x0e, 0x01],
            &[0x0f],
            &[0x0a, 0x05, 1],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x09, 1, 2, 3],
            &[0x0d, 1],
            &[0x0c],
            &[0x0b, 0x14],
            &[0x0b, 0x08, 0x01],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
            &endless,
            &too_many_bits,
        ] {
            assert!(fields(wrong).is_err(), "{wrong:02x?}");
        }
    }

    #[test]
    fn groups_nested_without_end_are_refused_without_recursion() {
        assert!(fields(&vec![0x0b; 1_000_000]).is_err());
    }
}
