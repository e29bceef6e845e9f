//! The flame graph: frames as boxes whose text is text, one line that tells of the frame that is pointed at, and the
//! way back out. A click or Enter zooms, arrow keys go from frame to frame, Escape goes back to all.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{FrameTree, SampleType};
use wasm_bindgen::JsCast;

use super::Shown;
use super::summary::amount;
use crate::charts::flame::{Cell, Way, change, hue, layout, step};
use crate::range::use_requery;
use crate::ui::number;
use crate::url::Query;

/// Narrower boxes have no room for a text.
const NAMED: f64 = 0.012;

type Tree = Arc<FrameTree>;

/// Graph, way out and what is pointed at.
pub(super) fn flame(tree: &Tree, sample: SampleType, shown: Shown) -> AnyView {
    let pointed = RwSignal::new(None::<usize>);
    let root = {
        let paths = tree.paths();
        Memo::new(move |_| shown.at.get().and_then(|at| paths.iter().position(|path| *path == at)))
    };
    let zoom = zoom(tree, pointed);
    let key = key(tree, root, pointed, zoom);
    let over = move |event: web_sys::MouseEvent| {
        if let Some(node) = node_of(event.target()) {
            pointed.set(Some(node));
        }
    };
    let click = move |event: web_sys::MouseEvent| {
        if let Some(node) = node_of(event.target()) {
            zoom.run(Some(node));
        }
    };
    let drawn = |draw: fn(&FrameTree, Option<usize>, &str) -> AnyView| {
        let tree = Arc::clone(tree);
        move || draw(&tree, root.get(), &shown.text.get())
    };
    let (of_told, of_cursor, of_rows) = (Arc::clone(tree), Arc::clone(tree), Arc::clone(tree));
    let rows = move || 1 + layout(&of_rows, root.get()).iter().map(|cell| cell.row).max().unwrap_or(0);
    view! {
        {drawn(crumbs)}
        <p class="flame-told" aria-live="polite" data-testid="flame-told">
            {move || told(&of_told, &sample, pointed.get().or(root.get()))}
        </p>
        <div
            class="flame"
            data-testid="flame"
            tabindex="0"
            role="group"
            aria-label="Flame graph. Arrow keys go from frame to frame, Enter zooms, Escape shows all."
            style=move || format!("--rows:{}", rows())
            on:keydown=key
            on:mouseover=over
            on:click=click
        >
            {drawn(boxes)}
            {move || cursor(&of_cursor, root.get(), pointed.get())}
        </div>
    }
    .into_any()
}

/// Goes to a node in the address, or to all.
fn zoom(tree: &Tree, pointed: RwSignal<Option<usize>>) -> Callback<Option<usize>> {
    let (params, requery, paths) = (use_query_map(), use_requery(), tree.paths());
    Callback::new(move |node: Option<usize>| {
        let path = node.map(|node| format!("{:x}", paths[node]));
        let to = params.with_untracked(Query::of).with("at", &path.unwrap_or_default());
        pointed.set(None);
        requery(to, false);
    })
}

fn key(
    tree: &Tree,
    root: Memo<Option<usize>>,
    pointed: RwSignal<Option<usize>>,
    zoom: Callback<Option<usize>>,
) -> impl Fn(web_sys::KeyboardEvent) + 'static {
    let tree = Arc::clone(tree);
    move |event: web_sys::KeyboardEvent| {
        let way = match event.key().as_str() {
            "ArrowUp" => Way::Out,
            "ArrowDown" => Way::In,
            "ArrowLeft" => Way::Before,
            "ArrowRight" => Way::After,
            "Enter" => return zoom.run(pointed.get_untracked().or(root.get_untracked())),
            "Escape" => return zoom.run(None),
            _ => return,
        };
        event.prevent_default();
        let cells = layout(&tree, root.get_untracked());
        if let Some(node) = step(&cells, pointed.get_untracked().or(root.get_untracked()), way) {
            pointed.set(Some(node));
        }
    }
}

/// The node of the box that an event is of.
fn node_of(target: Option<web_sys::EventTarget>) -> Option<usize> {
    let element = target?.dyn_into::<web_sys::Element>().ok()?;
    element.closest("[data-n]").ok()??.get_attribute("data-n")?.parse().ok()
}

fn place(cell: &Cell) -> String {
    format!("left:{:.3}%;width:{:.3}%;--row:{}", cell.left * 100.0, cell.width * 100.0, cell.row)
}

/// All boxes. Those that don't match what is looked for are faint.
fn boxes(tree: &FrameTree, root: Option<usize>, text: &str) -> AnyView {
    let one = |cell: Cell| {
        let frame = tree.frame_of(cell.node);
        let colour = tree.change(cell.node).map_or_else(|| hue(&frame.name, &frame.file), change);
        let found = match text.is_empty() {
            true => "",
            false if frame.name.to_lowercase().contains(text) => " found",
            false => " dim",
        };
        let name = (cell.width >= NAMED).then(|| frame.name.clone());
        view! {
            <div class=format!("box {colour}{found}") data-n=cell.node.to_string() style=place(&cell)>
                {name}
            </div>
        }
    };
    layout(tree, root).into_iter().map(one).collect_view().into_any()
}

/// Where the keys or the pointer are.
fn cursor(tree: &FrameTree, root: Option<usize>, pointed: Option<usize>) -> AnyView {
    let cells = layout(tree, root);
    let cell = pointed.and_then(|node| cells.iter().find(|cell| cell.node == node).copied());
    cell.map(|cell| view! { <div class="cursor" style=place(&cell)></div> }).into_any()
}

/// The way from all to what is zoomed to, and what is found.
fn crumbs(tree: &FrameTree, root: Option<usize>, text: &str) -> AnyView {
    let (params, path) = (use_query_map(), use_location().pathname);
    let paths = tree.paths();
    let link = |node: Option<usize>, word: String| {
        let at = node.map(|node| format!("{:x}", paths[node])).unwrap_or_default();
        let to = move || format!("{}{}", path.get(), params.with(Query::of).with("at", &at));
        view! {
            <a href=to data-noscroll>
                {word}
            </a>
        }
    };
    let found = (!text.is_empty()).then(|| {
        let share = number::share(tree.matched(text));
        view! { <span class="matched" data-testid="matched">{format!("{share} in what is found")}</span> }
    });
    let way = root.map(|root| {
        let mut above = tree.above(root);
        // A long way is told by its end.
        let left_out = above.len().saturating_sub(4);
        above.drain(..left_out);
        let gap = (left_out > 0).then(|| view! { <span class="faint">"… ›"</span> });
        let steps = above.into_iter().map(|node| {
            view! {
                {link(Some(node), tree.frame_of(node).name.clone())}
                <span aria-hidden="true">"›"</span>
            }
        });
        view! {
            <span aria-hidden="true">"›"</span>
            {gap}
            {steps.collect_view()}
            <strong>{tree.frame_of(root).name.clone()}</strong>
        }
    });
    view! {
        <nav class="crumbs flame-crumbs" aria-label="What is zoomed to" data-testid="flame-crumbs">
            {link(None, "All".to_owned())} {way} {found}
        </nav>
    }
    .into_any()
}

/// What a frame costs, in a line.
fn told(tree: &FrameTree, sample: &SampleType, node: Option<usize>) -> AnyView {
    let Some(node) = node else {
        return view! { <span class="faint">"Point at a frame to read what it costs; click to zoom in."</span> }
            .into_any();
    };
    let frame = tree.frame_of(node);
    let share = number::share(tree.share(tree.total[node]));
    let (own, total) = (amount(sample, tree.all, tree.own[node]), amount(sample, tree.all, tree.total[node]));
    let before = tree.total_before.get(node).filter(|_| tree.is_compared()).map(|before| {
        let share = number::share(tree.share_before(*before));
        format!(", before {share} ({})", amount(sample, tree.all_before.unwrap_or_default(), *before))
    });
    view! {
        <strong>{frame.name.clone()}</strong>
        {format!(" {share} of all: {total}, {own} in itself{}", before.unwrap_or_default())}
        <span class="faint file">{frame.file.clone()}</span>
    }
    .into_any()
}
