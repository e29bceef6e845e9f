//! The waterfall: rows of fixed height, only those on the screen in the document, however long the trace.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::html::Div;
use leptos::prelude::*;
use model::{SpanId, TracePage, TraceRow, duration_text};

use crate::charts::scale::nice;

use super::tree::{ROW, first_choice, on_screen, visible};
use crate::ui::keys::unfocused;

/// Style classes of services, in order of appearance.
const SERIES: [&str; 6] = ["s1", "s2", "s3", "s5", "s6", "s4"];

/// Where the reader is in the waterfall.
#[derive(Clone, Copy)]
struct Reader {
    page: StoredValue<Arc<TracePage>>,
    chosen: RwSignal<Option<SpanId>>,
    collapsed: RwSignal<BTreeSet<u32>>,
    rows: Memo<Vec<u32>>,
    scrolled: RwSignal<f64>,
    height: RwSignal<f64>,
    list: NodeRef<Div>,
}

/// The rows of a trace, with keys: arrows move and fold, Enter opens.
#[component]
pub(super) fn Waterfall(page: Arc<TracePage>, chosen: RwSignal<Option<SpanId>>) -> impl IntoView {
    let collapsed = RwSignal::new(BTreeSet::new());
    let scale = scale(page.duration);
    let page = StoredValue::new(page);
    let rows = Memo::new(move |_| page.with_value(|page| collapsed.with(|set| visible(&page.spans, set))));
    let reader = Reader {
        page,
        chosen,
        collapsed,
        rows,
        scrolled: RwSignal::new(0.0),
        height: RwSignal::new(900.0),
        list: NodeRef::new(),
    };
    Effect::new(move |_| reader.begin());
    unfocused(move |event| reader.key(event));
    // Rows are drawn again at each move: what they look like is read here, for all of them. A signal forgets listeners
    // that are gone only when it changes, so each row with its own would be kept.
    let drawn = move || {
        let (scrolled, height, chosen) = (reader.scrolled.get(), reader.height.get(), reader.chosen.get());
        rows.with(|rows| {
            collapsed.with(|collapsed| {
                let range = on_screen(rows.len(), scrolled, height);
                range.map(|line| reader.row(line, rows[line], chosen, collapsed)).collect_view()
            })
        })
    };
    let tall = move || format!("height:{}px", rows.with(Vec::len) as f64 * ROW);
    view! {
        <section class="card waterfall" aria-label="Spans">
            <div class="waterfall-head">
                <span>"Service and operation"</span>
                <div class="waterfall-scale" aria-hidden="true">
                    {scale}
                </div>
            </div>
            <div
                class="waterfall-list"
                node_ref=reader.list
                role="treegrid"
                aria-rowcount=move || rows.with(Vec::len).to_string()
                tabindex="0"
                on:scroll=move |_| reader.follow()
                on:keydown=move |event| reader.key(&event)
            >
                <div class="waterfall-rows" role="rowgroup" style=tall>
                    {drawn}
                </div>
            </div>
        </section>
    }
}

/// Round times over the bars, as long as there is room for them.
fn scale(duration: i64) -> AnyView {
    let whole = duration.max(1) as f64;
    let step = nice(whole / 5.0);
    let at = |i: i32| {
        let time = f64::from(i) * step;
        let (share, text) = (100.0 * time / whole, if i == 0 { "0".to_owned() } else { duration_text(time) });
        (share <= 95.0).then(|| view! { <span style=format!("left:{share:.2}%")>{text}</span> })
    };
    (0..=5).filter_map(at).collect_view().into_any()
}

impl Reader {
    /// Opens with the failure, or the root.
    fn begin(self) {
        self.follow();
        if self.chosen.get_untracked().is_none() {
            self.choose(self.page.with_value(|page| first_choice(&page.spans)));
        }
    }

    fn choose(self, at: Option<usize>) {
        self.chosen.set(self.page.with_value(|page| at.and_then(|at| page.spans.get(at)).map(|row| row.id)));
    }

    fn follow(self) {
        if let Some(list) = self.list.get_untracked() {
            self.scrolled.set(list.scroll_top().into());
            self.height.set(f64::from(list.client_height()).max(1.0));
        }
    }

    fn toggle(self, at: u32) {
        self.collapsed.update(|set| {
            if !set.remove(&at) {
                set.insert(at);
            }
        });
    }

    fn key(self, event: &web_sys::KeyboardEvent) {
        let line = self.page.with_value(|page| {
            self.rows.with_untracked(|rows| {
                rows.iter().position(|at| Some(page.spans[*at as usize].id) == self.chosen.get_untracked())
            })
        });
        let now = line.unwrap_or(0);
        let at = self.rows.with_untracked(|rows| rows.get(now).copied()).unwrap_or(0);
        let folded = self.collapsed.with_untracked(|set| set.contains(&at));
        match event.key().as_str() {
            "ArrowDown" | "j" => self.go(now + usize::from(line.is_some())),
            "ArrowUp" | "k" => self.go(now.saturating_sub(1)),
            "Home" => self.go(0),
            "End" => self.go(self.rows.with_untracked(Vec::len).saturating_sub(1)),
            "ArrowLeft" if !folded => self.toggle(at),
            "ArrowRight" if folded => self.toggle(at),
            _ => return,
        }
        event.prevent_default();
    }

    /// Chooses a line and brings it onto the screen.
    fn go(self, line: usize) {
        let Some(at) = self.rows.with_untracked(|rows| rows.get(line).copied()) else { return };
        self.choose(Some(at as usize));
        if let Some(list) = self.list.get_untracked() {
            let (top, height) = (line as f64 * ROW, f64::from(list.client_height()));
            let scrolled = f64::from(list.scroll_top());
            if top < scrolled {
                list.set_scroll_top(top as i32);
            } else if top + ROW > scrolled + height {
                list.set_scroll_top((top + ROW - height) as i32);
            }
        }
    }

    fn row(self, line: usize, at: u32, chosen: Option<SpanId>, collapsed: &BTreeSet<u32>) -> AnyView {
        self.page.with_value(|page| {
            let row = &page.spans[at as usize];
            let service = page.services.get(row.service as usize).cloned().unwrap_or_default();
            let colour = SERIES[row.service as usize % SERIES.len()];
            let (is_chosen, folded) = (chosen == Some(row.id), collapsed.contains(&at));
            view! {
                <div
                    class=format!("span {colour}")
                    class:chosen=is_chosen
                    class:failed=row.failed
                    role="row"
                    attr:aria-level=(row.depth + 1).to_string()
                    aria-expanded=(row.descendants > 0).then(|| (!folded).to_string())
                    aria-selected=is_chosen.to_string()
                    data-testid="span-row"
                    style=format!("top:{}px;--depth:{}", line as f64 * ROW, row.depth.min(40))
                    on:click=move |_| self.choose(Some(at as usize))
                >
                    <div class="span-name" role="gridcell" title=format!("{service} {}", row.name)>
                        {self.fold(at, row.descendants, folded)}
                        <i class="swatch"></i>
                        <strong>{service.clone()}</strong>
                        <span class="operation">{row.name.clone()}</span>
                    </div>
                    {bar(row, page.duration)}
                </div>
            }
            .into_any()
        })
    }

    /// The button that folds a subtree.
    fn fold(self, at: u32, descendants: u32, folded: bool) -> AnyView {
        if descendants == 0 {
            return view! { <i class="fold"></i> }.into_any();
        }
        let label = if folded { format!("Show {descendants} spans below") } else { "Fold".to_owned() };
        view! {
            <button
                type="button"
                class="fold"
                class:folded=folded
                tabindex="-1"
                aria-label=label
                on:click=move |event| {
                    event.stop_propagation();
                    self.toggle(at);
                }
            ></button>
        }
        .into_any()
    }
}

/// The bar with its length, written where there is room: inside, right of it, or left.
fn bar(row: &TraceRow, total: i64) -> AnyView {
    let total = total.max(1) as f64;
    let left = (row.offset as f64 / total * 100.0).clamp(0.0, 100.0);
    let width = (row.duration as f64 / total * 100.0).clamp(0.0, 100.0 - left);
    let mut text = duration_text(row.duration as f64);
    if !row.note.is_empty() {
        text = format!("{text} · {}", row.note);
    }
    let (side, place) = if width > 45.0 {
        ("inside", format!("left:{left:.3}%;width:{width:.3}%"))
    } else if left + width < 62.0 {
        ("right", format!("left:{:.3}%", left + width))
    } else {
        ("left", format!("right:{:.3}%", 100.0 - left))
    };
    view! {
        <div class="span-bar" role="gridcell">
            <i class="bar-fill" style=format!("left:{left:.3}%;width:{width:.3}%")></i>
            <span class=format!("bar-text {side}") style=place>
                {text}
            </span>
        </div>
    }
    .into_any()
}
