//! A text with indented blocks: folds, is searched and copied. While something is searched nothing is folded.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::ui::number::plural;

/// A line with the lines that are indented below it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    number: u32,
    text: String,
    below: Vec<Block>,
}

/// Lines by their indentation.
fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<(u32, &str)> = (1..).zip(text.lines()).collect();
    nested(&lines)
}

fn nested(lines: &[(u32, &str)]) -> Vec<Block> {
    let mut out = Vec::new();
    let mut rest = lines;
    while let Some(((number, text), after)) = rest.split_first() {
        let depth = indent(text);
        let below = if text.trim().is_empty() { 0 } else { deeper(after, depth) };
        out.push(Block { number: *number, text: (*text).to_owned(), below: nested(&after[..below]) });
        rest = &after[below..];
    }
    out
}

/// How many lines are indented deeper; an empty one between such lines is one of them.
fn deeper(lines: &[(u32, &str)], depth: usize) -> usize {
    let mut end = 0;
    for (at, (_, line)) in lines.iter().enumerate() {
        match line.trim().is_empty() {
            true => {}
            false if indent(line) > depth => end = at + 1,
            false => break,
        }
    }
    end
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The text with what is done to it above.
pub(super) fn yaml(text: &str, search: RwSignal<String>) -> AnyView {
    let text = StoredValue::new(text.to_owned());
    let (copied, set_copied) = signal(false);
    let copy = move |_| set_copied.set(text.with_value(|text| copied_text(text)));
    let hits = move || {
        let wanted = search.get().to_lowercase();
        (!wanted.is_empty()).then(|| {
            let hits =
                text.with_value(|text| text.lines().filter(|line| line.to_lowercase().contains(&wanted)).count());
            plural(hits as u64, "line", "lines")
        })
    };
    let body = move || {
        let wanted = search.get();
        text.with_value(|text| match wanted.is_empty() {
            true => blocks(text).iter().map(block).collect_view().into_any(),
            false => {
                (1..).zip(text.lines()).map(|(number, line)| found(number, line, &wanted)).collect_view().into_any()
            }
        })
    };
    view! {
        <div class="yaml-tools">
            <label>
                <span class="sr">"Search in the text"</span>
                <input
                    type="text"
                    class="search"
                    placeholder="Search…"
                    autocomplete="off"
                    spellcheck="false"
                    data-testid="yaml-search"
                    prop:value=move || search.get()
                    on:input=move |event| searched(search, event_target_value(&event))
                />
            </label>
            <span class="faint" data-testid="yaml-hits">
                {hits}
            </span>
            <button type="button" on:click=move |_| fold_all(true) data-testid="fold-all">
                "Fold"
            </button>
            <button type="button" on:click=move |_| fold_all(false)>
                "Unfold"
            </button>
            <button type="button" on:click=copy data-testid="copy">
                {move || if copied.get() { "Copied" } else { "Copy" }}
            </button>
        </div>
        <div class="yaml scroll-x" data-testid="yaml">
            {body}
        </div>
    }
    .into_any()
}

fn block(of: &Block) -> AnyView {
    if of.below.is_empty() {
        return view! { <div class="yaml-line">{line(of.number, &of.text)}</div> }.into_any();
    }
    view! {
        <details open>
            <summary class="yaml-line">{line(of.number, &of.text)}</summary>
            {of.below.iter().map(block).collect_view()}
        </details>
    }
    .into_any()
}

fn line(number: u32, text: &str) -> AnyView {
    let (key, value) = key_and_value(text);
    view! {
        <span class="line-number">{number.to_string()}</span>
        <span class="key">{key.to_owned()}</span>
        <span>{value.to_owned()}</span>
    }
    .into_any()
}

/// `  name: web` as `  name:` and ` web`; what has no key is all value.
fn key_and_value(text: &str) -> (&str, &str) {
    let quoted = text.trim_start_matches([' ', '-']).starts_with('"');
    let end = if quoted { text.find("\":").map(|at| at + 1) } else { text.find(':') };
    match end {
        Some(at) if text[at + 1..].is_empty() || text[at + 1..].starts_with(' ') => text.split_at(at + 1),
        _ => ("", text),
    }
}

/// A line with what was found in it marked.
fn found(number: u32, text: &str, wanted: &str) -> AnyView {
    let parts = marked(text, wanted).into_iter().map(|(part, hit)| match hit {
        true => view! { <mark>{part}</mark> }.into_any(),
        false => view! { <span>{part}</span> }.into_any(),
    });
    view! {
        <div class="yaml-line">
            <span class="line-number">{number.to_string()}</span>
            {parts.collect_view()}
        </div>
    }
    .into_any()
}

/// The parts of a text, and whether each is what was searched; capitals don't count.
fn marked(text: &str, wanted: &str) -> Vec<(String, bool)> {
    let (low, wanted) = (text.to_lowercase(), wanted.to_lowercase());
    // Some letters have another length in lower case: then the line is only shown.
    if low.len() != text.len() || wanted.is_empty() {
        return vec![(text.to_owned(), false)];
    }
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, hit) in low.match_indices(&wanted) {
        let (Some(before), Some(hit)) = (text.get(from..at), text.get(at..at + hit.len())) else { continue };
        parts.extend((!before.is_empty()).then(|| (before.to_owned(), false)));
        parts.push((hit.to_owned(), true));
        from = at + hit.len();
    }
    let rest = text.get(from..).unwrap_or_default();
    parts.extend((!rest.is_empty()).then(|| (rest.to_owned(), false)));
    parts
}

/// Searches, and brings what was found first into sight.
fn searched(search: RwSignal<String>, wanted: String) {
    search.set(wanted);
    request_animation_frame(|| {
        if let Ok(Some(first)) = document().query_selector(".yaml mark") {
            first.scroll_into_view();
        }
    });
}

/// Folds or unfolds every block but the outermost.
fn fold_all(fold: bool) {
    let Ok(Some(yaml)) = document().query_selector(".yaml") else { return };
    let blocks = yaml.get_elements_by_tag_name("details");
    for at in 0..blocks.length() {
        let Some(block) = blocks.item(at) else { continue };
        // An element takes an attribute of a valid name.
        _ = if fold { block.remove_attribute("open") } else { block.set_attribute("open", "") };
    }
}

/// Puts a text on the clipboard, which browsers allow on safe origins only; says whether it could.
fn copied_text(text: &str) -> bool {
    let clipboard = js_sys::Reflect::get(&window(), &"navigator".into())
        .and_then(|navigator| js_sys::Reflect::get(&navigator, &"clipboard".into()));
    let Ok(clipboard) = clipboard else { return false };
    let write = js_sys::Reflect::get(&clipboard, &"writeText".into()).ok();
    let write = write.and_then(|write| write.dyn_into::<js_sys::Function>().ok());
    write.is_some_and(|write| write.call1(&clipboard, &text.into()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_nest_by_their_indentation() {
        let all = blocks("data:\n  f: |\n    one\n\n    two\n  g: x\nkind: ConfigMap\n");
        assert_eq!(all.len(), 2);
        let data = &all[0];
        assert_eq!((data.text.as_str(), data.below.len()), ("data:", 2));
        assert_eq!(
            data.below[0].below.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
            ["    one", "", "    two"]
        );
        assert_eq!(all[1].number, 7);
    }

    #[test]
    fn keys_are_told_from_values() {
        assert_eq!(key_and_value("  image: web:v1"), ("  image:", " web:v1"));
        assert_eq!(key_and_value("  - name: a"), ("  - name:", " a"));
        assert_eq!(key_and_value("spec:"), ("spec:", ""));
        assert_eq!(key_and_value("    - http://x"), ("", "    - http://x"));
        assert_eq!(key_and_value("  \"a: b\": c"), ("  \"a: b\":", " c"));
    }

    #[test]
    fn what_is_searched_is_marked_whatever_its_capitals() {
        let part = |text: &str, hit: bool| (text.to_owned(), hit);
        assert_eq!(marked("Image: image", "image"), [part("Image", true), part(": ", false), part("image", true)]);
        assert_eq!(marked("nothing", "x"), [part("nothing", false)]);
        assert_eq!(marked("ä ß İ", "i").len(), 1);
    }
}
