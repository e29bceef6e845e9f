//! Where each frame of a flame graph stands, and what colour it has: the root above, callees below. Pure.

use model::{FrameTree, OTHER_FRAME};

/// A node as it is drawn; `left` and `width` are parts of the whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) node: usize,
    pub(crate) left: f64,
    pub(crate) width: f64,
    pub(crate) row: u32,
}

/// What is thinner can't be seen.
const LEAST: f64 = 0.0008;

/// Cells of a tree, or of what hangs on one of its nodes, which is then as wide as all above it. Where two profiles
/// are compared, a node is as wide as its shares of both, so that what went away is still seen.
pub(crate) fn layout(tree: &FrameTree, root: Option<usize>) -> Vec<Cell> {
    let weight = |node: usize| {
        let before = tree.total_before.get(node).map_or(0.0, |before| tree.share_before(*before));
        tree.share(tree.total[node]) + before
    };
    let above = root.map_or_else(Vec::new, |root| tree.above(root));
    let first = above.len() as u32;
    let (nodes, whole) = match root {
        Some(root) => (root..tree.end_of(root), weight(root)),
        None => (0..tree.len(), (0..tree.len()).filter(|node| tree.depth[*node] == 0).map(weight).sum()),
    };
    let full = |(row, node): (usize, usize)| Cell { node, left: 0.0, width: 1.0, row: row as u32 };
    let mut cells: Vec<Cell> = above.into_iter().enumerate().map(full).collect();
    if whole <= 0.0 {
        return cells;
    }
    // Where the next node of each row begins.
    let mut lefts = vec![0.0];
    for node in nodes {
        let row = (tree.depth[node] - first) as usize;
        let width = weight(node) / whole;
        lefts.truncate(row + 1);
        let left = lefts[row];
        lefts[row] += width;
        lefts.push(left);
        if width >= LEAST {
            cells.push(Cell { node, left, width, row: tree.depth[node] });
        }
    }
    cells
}

/// The class of a frame's colour: frames of one package have the same.
pub(crate) fn hue(name: &str, file: &str) -> &'static str {
    const HUES: [&str; 6] = ["h0", "h1", "h2", "h3", "h4", "h5"];
    if name == OTHER_FRAME || name.starts_with('[') {
        return "h-none";
    }
    let package = package(name).unwrap_or(if file.is_empty() { name } else { file });
    let hash = package.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    HUES[(hash % HUES.len() as u32) as usize]
}

/// What comes before a function's own name: `net/http` of `net/http.(*conn).serve`, `tokio` of `tokio::spawn`.
fn package(name: &str) -> Option<&str> {
    let from = name.rfind('/').map_or(0, |slash| slash + 1);
    let end = name[from..].find(['.', ':'])?;
    Some(&name[..from + end]).filter(|package| !package.is_empty())
}

/// The class of a change of a share: worse when it grew.
pub(crate) fn change(by: f64) -> &'static str {
    match by {
        by if by >= 0.05 => "worse-3",
        by if by >= 0.01 => "worse-2",
        by if by >= 0.001 => "worse-1",
        by if by <= -0.05 => "better-3",
        by if by <= -0.01 => "better-2",
        by if by <= -0.001 => "better-1",
        _ => "same",
    }
}

/// Which way the keys go from a node: out, in, or to a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Out,
    In,
    Before,
    After,
}

/// The cell where a key leads; the first where none was chosen.
pub(crate) fn step(cells: &[Cell], from: Option<usize>, way: Way) -> Option<usize> {
    let Some(at) = from.and_then(|from| cells.iter().find(|cell| cell.node == from)) else {
        return cells.first().map(|cell| cell.node);
    };
    let of_row = |row: u32| cells.iter().filter(move |cell| cell.row == row);
    let middle = at.left + at.width / 2.0;
    let next = match way {
        Way::Out => of_row(at.row.checked_sub(1)?).find(|cell| cell.left <= middle && middle <= cell.left + cell.width),
        Way::In => of_row(at.row + 1)
            .filter(|cell| cell.left >= at.left - LEAST && cell.left < at.left + at.width)
            .max_by(|a, b| a.width.total_cmp(&b.width)),
        Way::Before => of_row(at.row).rfind(|cell| cell.left < at.left),
        Way::After => of_row(at.row).find(|cell| cell.left > at.left),
    };
    next.map(|cell| cell.node)
}

#[cfg(test)]
mod tests {
    use model::{Cost, Frame};

    use super::*;

    /// main → a → b, main → c, other.
    fn tree() -> FrameTree {
        let frame = |name: &str| Frame { name: name.into(), file: String::new() };
        FrameTree {
            frames: ["main", "a", "b", "c", "other"].map(frame).to_vec(),
            frame: vec![0, 1, 2, 3, 4],
            depth: vec![0, 1, 2, 1, 0],
            own: vec![0; 5],
            total: vec![80, 60, 20, 20, 20],
            all: Cost { value: 100, profiles: 1 },
            ..FrameTree::default()
        }
    }

    fn told(cells: &[Cell]) -> Vec<(usize, u32, u32, u32)> {
        let percent = |part: f64| (part * 100.0).round() as u32;
        cells.iter().map(|cell| (cell.node, percent(cell.left), percent(cell.width), cell.row)).collect()
    }

    #[test]
    fn callees_stand_below_their_caller() {
        let cells = layout(&tree(), None);
        assert_eq!(told(&cells), [(0, 0, 80, 0), (1, 0, 60, 1), (2, 0, 20, 2), (3, 60, 20, 1), (4, 80, 20, 0)]);
    }

    #[test]
    fn what_is_zoomed_to_is_as_wide_as_what_is_above_it() {
        let cells = layout(&tree(), Some(1));
        assert_eq!(told(&cells), [(0, 0, 100, 0), (1, 0, 100, 1), (2, 0, 33, 2)]);
    }

    #[test]
    fn what_went_away_is_as_wide_as_it_was() {
        let before = Some(Cost { value: 10, profiles: 1 });
        let tree =
            FrameTree { own_before: vec![0; 5], total_before: vec![10, 0, 0, 10, 0], all_before: before, ..tree() };
        assert_eq!(told(&layout(&tree, None))[3], (3, 30, 60, 1));
        let gone = FrameTree { total: vec![0; 5], all: Cost::default(), ..tree };
        assert_eq!(told(&layout(&gone, None)), [(0, 0, 100, 0), (3, 0, 100, 1)]);
    }

    #[test]
    fn keys_lead_to_callers_callees_and_neighbours() {
        let cells = layout(&tree(), None);
        let from = |node, way| step(&cells, Some(node), way);
        assert_eq!(step(&cells, None, Way::In), Some(0));
        assert_eq!((from(0, Way::In), from(0, Way::Out), from(0, Way::After)), (Some(1), None, Some(4)));
        assert_eq!((from(3, Way::Out), from(3, Way::Before), from(3, Way::In)), (Some(0), Some(1), None));
    }

    #[test]
    fn functions_of_one_package_have_one_colour() {
        assert_eq!(package("net/http.(*conn).serve"), Some("net/http"));
        assert_eq!(package("tokio::runtime::park"), Some("tokio"));
        assert_eq!((package("main"), package("<lambda>")), (None, None));
        assert_eq!(hue("runtime.malloc", "a.go"), hue("runtime.free", "b.go"));
        assert_eq!((hue("[libc.so]", ""), hue(OTHER_FRAME, "")), ("h-none", "h-none"));
    }
}
