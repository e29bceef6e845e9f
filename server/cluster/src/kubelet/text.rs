//! The text format of Prometheus, read as it arrives: pieces to lines, and a line of a family that is wanted to its
//! sample. Nothing is allocated for a line that came in one piece. Pure.

use memchr::{memchr, memchr2};

/// A longer line is nobody's metric.
const LONGEST: usize = 64 << 10;

/// Cuts what arrives in pieces into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not arrived.
    open: Vec<u8>,
    /// That line is too long already.
    skips: bool,
}

impl Lines {
    /// Takes a piece; gives each line that ends in it.
    pub(super) fn feed(&mut self, mut piece: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = memchr(b'\n', piece) {
            let line = &piece[..end];
            piece = &piece[end + 1..];
            if self.skips {
                self.skips = false;
            } else if self.open.is_empty() {
                each(line);
            } else {
                self.open.extend_from_slice(line);
                each(&self.open);
            }
            self.open.clear();
        }
        if self.skips || self.open.len() + piece.len() > LONGEST {
            self.open.clear();
            self.skips |= !piece.is_empty();
        } else {
            self.open.extend_from_slice(piece);
        }
    }

    /// Gives the last line, which nothing ended.
    pub(super) fn finish(self, mut each: impl FnMut(&[u8])) {
        if !self.skips && !self.open.is_empty() {
            each(&self.open);
        }
    }
}

/// The labels that are kept, as they stand in the line; empty where they are not there. What is escaped in them stays
/// so: no name of Kubernetes has anything to escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Labels<'a> {
    pub(super) namespace: &'a str,
    pub(super) pod: &'a str,
    pub(super) container: &'a str,
    pub(super) id: &'a str,
    pub(super) device: &'a str,
    pub(super) cpu: &'a str,
}

/// A sample of a family that is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample<'a, F> {
    pub(super) family: F,
    pub(super) labels: Labels<'a>,
    pub(super) value: f64,
    /// In milliseconds, where the exporter says when it measured.
    pub(super) at: Option<i64>,
}

/// The sample of a line, if `wanted` knows the family by its name and the value is a number.
pub(super) fn sample<F>(line: &[u8], wanted: impl FnOnce(&[u8]) -> Option<F>) -> Option<Sample<'_, F>> {
    let end = memchr2(b'{', b' ', line)?;
    let family = wanted(&line[..end])?;
    let mut labels = Labels::default();
    let rest = if line[end] == b'{' { labels.read(&line[end + 1..])? } else { &line[end..] };
    // What follows is an exemplar.
    let rest = memchr(b'#', rest).map_or(rest, |exemplar| &rest[..exemplar]);
    let mut words = std::str::from_utf8(rest).ok()?.split_ascii_whitespace();
    let value: f64 = words.next()?.parse().ok()?;
    let at = words.next().and_then(|word| word.parse().ok());
    value.is_finite().then_some(Sample { family, labels, value, at })
}

impl<'a> Labels<'a> {
    /// Reads up to the closing brace; gives what is behind it.
    fn read(&mut self, mut rest: &'a [u8]) -> Option<&'a [u8]> {
        loop {
            while let [b' ' | b',', more @ ..] = rest {
                rest = more;
            }
            if let [b'}', more @ ..] = rest {
                return Some(more);
            }
            let equals = memchr(b'=', rest)?;
            let key = rest[..equals].trim_ascii_end();
            let quoted = rest[equals + 1..].trim_ascii_start().strip_prefix(b"\"")?;
            let end = closing(quoted)?;
            if let Some(place) = self.place(key) {
                *place = std::str::from_utf8(&quoted[..end]).ok()?;
            }
            rest = &quoted[end + 1..];
        }
    }

    fn place(&mut self, key: &[u8]) -> Option<&mut &'a str> {
        Some(match key {
            b"namespace" => &mut self.namespace,
            b"pod" => &mut self.pod,
            b"container" => &mut self.container,
            b"id" => &mut self.id,
            b"device" => &mut self.device,
            b"cpu" => &mut self.cpu,
            _ => return None,
        })
    }
}

/// Where the quote is that ends a value.
fn closing(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr2(b'"', b'\\', text.get(from..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        from = at + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&str]) -> Vec<String> {
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        let mut each = |line: &[u8]| all.push(String::from_utf8_lossy(line).into_owned());
        for piece in pieces {
            lines.feed(piece.as_bytes(), &mut each);
        }
        lines.finish(&mut each);
        all
    }

    fn read(line: &str) -> Option<Sample<'_, ()>> {
        sample(line.as_bytes(), |name| (name == b"a_total").then_some(()))
    }

    #[test]
    fn lines_come_whole_however_they_arrive() {
        assert_eq!(lines(&["one\ntw", "o\n", "\nth", "re", "e"]), ["one", "two", "", "three"]);
        assert_eq!(lines(&[]), [""; 0]);
    }

    #[test]
    fn a_line_that_does_not_end_is_not_kept() {
        let long = "x".repeat(LONGEST / 2 + 1);
        assert_eq!(lines(&[&long, &long, &long, "\nnext\n"]), ["next"]);
        assert_eq!(lines(&[&long, &long]), [""; 0]);
        let mut endless = Lines::default();
        (0..1_000).for_each(|_| endless.feed(long.as_bytes(), |_| panic!("no line ended")));
        assert!(endless.open.capacity() <= 2 * LONGEST);
    }

    #[test]
    fn a_sample_has_its_labels_value_and_time() {
        let found =
            read(r#"a_total{container="app",id="/kube/x",image="r/a:1,}",pod="p-1",namespace="n",} 1.5e3 1700"#);
        let labels = Labels { namespace: "n", pod: "p-1", container: "app", id: "/kube/x", ..Labels::default() };
        assert_eq!(found, Some(Sample { family: (), labels, value: 1_500.0, at: Some(1_700) }));
        assert_eq!(read("a_total 7").map(|sample| (sample.value, sample.at)), Some((7.0, None)));
        let exemplar = read(r##"a_total{pod="p"} 3 # {trace_id="x"} 0.5 1.2"##);
        assert_eq!(exemplar.map(|sample| (sample.value, sample.at)), Some((3.0, None)));
        let escaped = read(r#"a_total{image="say \"}\" \\",pod="p"} 1"#);
        assert_eq!(escaped.map(|sample| sample.labels.pod), Some("p"));
    }

    #[test]
    fn what_is_no_sample_is_left_out() {
        for line in [
            "",
            "# TYPE a_total counter",
            "# HELP a_total {",
            "other{pod=\"p\"} 1",
            "a_total",
            "a_total{",
            "a_total{}",
            "a_total{pod",
            "a_total{pod=",
            "a_total{pod=\"",
            "a_total{pod=\"\\",
            "a_total{pod=\"p\"",
            "a_total{pod=\"p\"} ",
            "a_total{pod=\"p\"} many",
            "a_total{pod=\"p\"} NaN",
            "a_total{pod=\"p\"} +Inf 17",
            "a_total{\"pod\"} 1",
            "a_total{=\"\"",
            "{a_total} 1",
            " a_total 1",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
        assert_eq!(sample(b"a_total{pod=\"\xff\"} 1", |_| Some(())), None);
    }
}
