//! Profiles of the fake: a small tree, whose names may be hostile.

use model::*;

use super::{Fake, minutes_ago};

impl Fake {
    /// The Profiles tab.
    pub(crate) fn profile_page(&self, window: Window, words: &ProfileWords) -> ProfilePage {
        let hash = |hash: &str| RevisionHash(hash.into());
        let row = |name: &str, unit: &str| ProfileType {
            sample: SampleType::new(name, unit),
            profiles: 40,
            last: minutes_ago(1),
        };
        let types = ProfileTypes {
            types: vec![row("cpu", "nanoseconds"), row("inuse_space", "bytes")],
            pods: vec![self.text("checkout-7d9f-a"), "checkout-7d9f-b".into()],
            revisions: vec![hash("7d9f")],
            covered_from: None,
        };
        let is_compared = !words.against.is_empty();
        let revision = |hash: RevisionHash, name: String| ProfiledRevision { hash, name };
        ProfilePage {
            types,
            revisions: vec![revision(hash("7d9f"), self.text("v2.14.0")), revision(hash("6c8e"), "v2.13.2".into())],
            revision: is_compared.then(|| hash("7d9f")),
            against: is_compared.then(|| hash("6c8e")),
            length: window.length(),
            shown: Some((SampleType::new("cpu", "nanoseconds"), self.frames(is_compared))),
        }
    }

    /// main → pay → tax, main → price.
    fn frames(&self, is_compared: bool) -> FrameTree {
        let frame = |name: &str| Frame { name: self.text(name), file: self.text("shop/checkout.go") };
        let cost = |frame, own, total, total_before| FrameCost { frame, own, total, own_before: 0, total_before };
        let before = |column: [i64; 4]| if is_compared { column.to_vec() } else { Vec::new() };
        FrameTree {
            frames: ["main.main", "main.pay", "main.tax", "main.price"].map(frame).to_vec(),
            frame: vec![0, 1, 2, 3],
            depth: vec![0, 1, 2, 1],
            own: vec![0, 10, 50, 40].into_iter().map(|value| value * 1_000_000_000).collect(),
            total: vec![100, 60, 50, 40].into_iter().map(|value| value * 1_000_000_000).collect(),
            own_before: before([0, 10, 10, 30]),
            total_before: before([50, 20, 10, 30]),
            functions: vec![cost(2, 50_000_000_000, 50_000_000_000, 10), cost(0, 0, 100_000_000_000, 50)],
            all: Cost { value: 100_000_000_000, profiles: 40 },
            all_before: is_compared.then_some(Cost { value: 50, profiles: 20 }),
            covered_from: None,
            covered_before: None,
        }
    }
}
