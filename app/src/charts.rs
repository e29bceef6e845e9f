//! Charts: geometry as one SVG string made by pure functions, every text around it as HTML placed in percent.
//!
//! Paths are written by hand and not through plotters: its SVG backend rounds to whole pixels and bakes colours into
//! attributes (so dark mode would redraw, and every stroke would need rewriting afterwards), and it costs 26 KB more.

pub(crate) mod flame;
pub(crate) mod frame;
pub(crate) mod hover;
pub(crate) mod path;
pub(crate) mod scale;
pub(crate) mod scatter;
pub(crate) mod spark;
