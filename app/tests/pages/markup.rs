//! Reads a page as a browser would, as far as to tell what in it is an element: by the states of the tokenizer in the
//! HTML standard (§13.2.5) that pages can reach. Knows no page.

/// An element as its tag opens it.
#[derive(Debug, PartialEq)]
pub(crate) struct Element {
    /// In lower case.
    pub(crate) name: String,
    /// Names in lower case, values as they are written.
    pub(crate) attributes: Vec<(String, String)>,
}

impl Element {
    /// An attribute's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// All elements of a page in its order. What is in scripts, styles and comments is none; what is in a title or a
/// text area neither.
pub(crate) fn elements(html: &str) -> Vec<Element> {
    let (mut found, mut rest) = (Vec::new(), html);
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            // `<!-->` and `<!--->` are whole comments.
            let closed = comment.strip_prefix('>').or_else(|| comment.strip_prefix("->"));
            rest = closed.unwrap_or_else(|| after(comment, "-->"));
        } else if rest.starts_with(['!', '?']) {
            rest = after(rest, ">");
        } else if rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
            let (element, behind) = tag(rest);
            rest = match element.name.as_str() {
                name @ ("script" | "style" | "title" | "textarea" | "iframe" | "noscript") => text_of(behind, name),
                _ => behind,
            };
            found.push(element);
        }
    }
    found
}

/// What follows a text, nothing where it does not come.
fn after<'a>(rest: &'a str, text: &str) -> &'a str {
    rest.split_once(text).map_or("", |(_, behind)| behind)
}

/// What follows the text of an element that holds no other, at its end tag.
fn text_of<'a>(rest: &'a str, name: &str) -> &'a str {
    let end = format!("</{name}");
    let at = rest.to_ascii_lowercase().find(&end);
    at.map_or("", |at| &rest[at..])
}

/// A tag from its name on, and what follows it.
fn tag(rest: &str) -> (Element, &str) {
    let (name, mut rest) = word(rest, &['/', '>']);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        match rest.strip_prefix('>') {
            Some(behind) => return (Element { name, attributes }, behind),
            None if rest.is_empty() => return (Element { name, attributes }, rest),
            None => {}
        }
        // A name may begin with `=`.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let (tail, behind) = word(&rest[first..], &['/', '>', '=']);
        let name = format!("{}{tail}", rest[..first].to_ascii_lowercase());
        let (value, behind) = value(behind);
        attributes.push((name, value.to_owned()));
        rest = behind;
    }
}

/// Up to white space or one of these, in lower case.
fn word<'a>(rest: &'a str, ends: &[char]) -> (String, &'a str) {
    let end = rest.find(|c: char| c.is_ascii_whitespace() || ends.contains(&c)).unwrap_or(rest.len());
    (rest[..end].to_ascii_lowercase(), &rest[end..])
}

/// An attribute's value, where it has one.
fn value(rest: &str) -> (&str, &str) {
    let Some(value) = rest.trim_ascii_start().strip_prefix('=') else { return ("", rest) };
    let value = value.trim_ascii_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = value.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(value.len());
    value.split_at(end)
}

#[test]
fn elements_are_told_from_text_as_a_browser_tells_them() {
    let names = |html: &str| elements(html).into_iter().map(|element| element.name).collect::<Vec<_>>();
    assert_eq!(names("<!DOCTYPE html><!><p>a < b<!-- <i> --><b/>&lt;u&gt;</p>"), ["p", "b"]);
    assert_eq!(names("<!--><i>"), ["i"]);
    assert_eq!(names("<script>'<i>'</script><title>x<b></TITLE><u>"), ["script", "title", "u"]);
    assert_eq!(names("<script>'</script><i>'"), ["script", "i"], "a string does not hold a script open");
    let found = elements("<A href=\"x>y\" title='\"><img src=x>' open data-n=1><q \"onload=x>");
    let attribute = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(found[0].attributes[..2], [attribute("href", "x>y"), attribute("title", "\"><img src=x>")]);
    assert_eq!((found[0].get("open"), found[0].get("data-n")), (Some(""), Some("1")));
    assert_eq!(found[1].attributes, [attribute("\"onload", "x")]);
}
