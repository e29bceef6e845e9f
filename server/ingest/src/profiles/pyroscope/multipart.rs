//! One part of a form (RFC 7578), as far as profilers write it. Its boundary is what it begins with.

/// The content of the part with a name.
pub(super) fn part<'a>(body: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let boundary = &body[..find(body, b"\r\n")?];
    // A boundary has 70 bytes at most, behind two dashes (RFC 2046).
    if boundary.len() > 72 {
        return None;
    }
    let end = [b"\r\n", boundary].concat();
    let wanted = format!("name=\"{name}\"");
    let mut rest = &body[boundary.len()..];
    loop {
        let content = find(rest, b"\r\n\r\n")?;
        let (head, after) = (&rest[..content], &rest[content + 4..]);
        let length = find(after, &end)?;
        if find(head, wanted.as_bytes()).is_some() {
            return Some(&after[..length]);
        }
        rest = &after[length + end.len()..];
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
