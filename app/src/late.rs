//! A view that is drawn when it is needed and not before. A boundary on the server walks what it holds once more only
//! to see what is awaited (`dry_resolve`), and would draw a whole page to throw it away; it walks it again to wait for
//! each part (`resolve`), in a future a node, though all that was waited for has been read before.

use leptos::prelude::*;
use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::ssr::StreamBuilder;
use leptos::tachys::view::add_attr::AddAnyAttr;
use leptos::tachys::view::{Position, PositionState};

/// See the module. What is read of answers has to be read before it is made: what is read in `draw` is not awaited.
pub(crate) struct Late {
    draw: Box<dyn FnOnce() -> AnyView + Send>,
    still: bool,
}

impl Late {
    /// Boundaries in it wait as they do elsewhere.
    pub(crate) fn new(draw: impl FnOnce() -> AnyView + Send + 'static) -> Self {
        Self { draw: Box::new(draw), still: false }
    }

    /// Without any boundary in it: written in one piece, which takes half the time.
    pub(crate) fn still(draw: impl FnOnce() -> AnyView + Send + 'static) -> Self {
        Self { draw: Box::new(draw), still: true }
    }
}

impl Render for Late {
    type State = <AnyView as Render>::State;

    fn build(self) -> Self::State {
        (self.draw)().build()
    }

    fn rebuild(self, state: &mut Self::State) {
        (self.draw)().rebuild(state);
    }
}

impl AddAnyAttr for Late {
    type Output<NewAttr: Attribute> = <AnyView as AddAnyAttr>::Output<NewAttr>;

    fn add_any_attr<NewAttr: Attribute>(self, attr: NewAttr) -> Self::Output<NewAttr>
    where
        Self::Output<NewAttr>: RenderHtml,
    {
        (self.draw)().add_any_attr(attr)
    }
}

impl RenderHtml for Late {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = <AnyView as RenderHtml>::MIN_LENGTH;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self::AsyncOutput {
        self
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        (self.draw)().to_html_with_buf(buf, position, escape, mark_branches, extra_attrs);
    }

    fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
        self,
        buf: &mut StreamBuilder,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        if !self.still {
            return (self.draw)().to_html_async_with_buf::<OUT_OF_ORDER>(
                buf,
                position,
                escape,
                mark_branches,
                extra_attrs,
            );
        }
        let mut html = String::new();
        self.to_html_with_buf(&mut html, position, escape, mark_branches, extra_attrs);
        buf.push_sync(&html);
    }

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Self::State {
        (self.draw)().hydrate::<FROM_SERVER>(cursor, position)
    }

    async fn hydrate_async(self, cursor: &Cursor, position: &PositionState) -> Self::State {
        (self.draw)().hydrate_async(cursor, position).await
    }

    fn into_owned(self) -> Self::Owned {
        self
    }
}
