//! A tree of stacks as a page can show it: the nodes that matter, what is smaller summed where it hangs, and the
//! functions that cost most. Pure.

use std::cmp::Reverse;

use hashbrown::HashMap;
use model::{Frame, FrameCost, FrameTree, OTHER_FRAME};

use crate::block::stacks::Stacks;

/// Functions that are told of each order: by what they cost themselves, with all below, and by how that changed.
const FUNCTIONS: usize = 100;

/// What was measured by stack.
pub(super) struct Sums {
    /// Of exactly this stack.
    pub(super) own: Vec<i64>,
    /// Of all that continue it, too.
    pub(super) total: Vec<i64>,
}

impl Sums {
    pub(super) fn of(stacks: &Stacks, own: &[i64]) -> Self {
        let mut total = own.to_vec();
        for stack in (1..stacks.len()).rev() {
            let outer = stacks.get(stack as u32).0 as usize;
            total[outer] = total[outer].saturating_add(total[stack]);
        }
        Self { own: own.to_vec(), total }
    }

    fn share(&self, value: i64) -> f64 {
        if self.total[0] == 0 { 0.0 } else { value as f64 / self.total[0] as f64 }
    }
}

/// The tree, but for what all of it is.
pub(super) fn tree(stacks: &Stacks, of: &Sums, before: Option<&Sums>, nodes: usize) -> FrameTree {
    let mut pruner = Pruner { stacks, of, before, tree: FrameTree::default(), frames: HashMap::new() };
    pruner.nodes(nodes);
    pruner.functions();
    pruner.tree
}

struct Pruner<'a> {
    stacks: &'a Stacks,
    of: &'a Sums,
    before: Option<&'a Sums>,
    tree: FrameTree,
    /// Numbers in the tree by frame of the stacks; of what is summed by nothing.
    frames: HashMap<Option<u32>, u32>,
}

/// What is put into the tree next.
struct Next {
    frame: Option<u32>,
    depth: u32,
    own: [i64; 2],
    total: [i64; 2],
    /// The stack, where it is one.
    stack: Option<u32>,
}

impl Pruner<'_> {
    /// What stands at a stack, now and before.
    fn both(&self, column: impl Fn(&Sums) -> &Vec<i64>, stack: usize) -> [i64; 2] {
        [column(self.of)[stack], self.before.map_or(0, |before| column(before)[stack])]
    }

    /// The greater share of both.
    fn weight(&self, [now, before]: [i64; 2]) -> f64 {
        self.of.share(now).max(self.before.map_or(0.0, |sums| sums.share(before)))
    }

    fn nodes(&mut self, most: usize) {
        let kept = self.kept(most);
        let mut inner: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut rest: HashMap<u32, [i64; 2]> = HashMap::new();
        for stack in 1..self.stacks.len() {
            let outer = self.stacks.get(stack as u32).0;
            if kept[stack] {
                inner.entry(outer).or_default().push(stack as u32);
            } else if kept[outer as usize] {
                let [now, before] = self.both(|sums| &sums.total, stack);
                let sum = rest.entry(outer).or_default();
                *sum = [sum[0].saturating_add(now), sum[1].saturating_add(before)];
            }
        }
        let mut waiting = self.below(0, 0, &inner, &rest);
        while let Some(next) = waiting.pop() {
            let frame = self.frame(next.frame);
            self.tree.frame.push(frame);
            self.tree.depth.push(next.depth);
            self.tree.own.push(next.own[0]);
            self.tree.total.push(next.total[0]);
            if self.before.is_some() {
                self.tree.own_before.push(next.own[1]);
                self.tree.total_before.push(next.total[1]);
            }
            if let Some(stack) = next.stack {
                waiting.extend(self.below(stack, next.depth + 1, &inner, &rest));
            }
        }
    }

    /// Which stacks are told apart: the heaviest, and so all that they continue.
    fn kept(&self, most: usize) -> Vec<bool> {
        let weights: Vec<f64> =
            (0..self.stacks.len()).map(|stack| self.weight(self.both(|sums| &sums.total, stack))).collect();
        let mut heaviest: Vec<u32> =
            (1..self.stacks.len() as u32).filter(|stack| weights[*stack as usize] > 0.0).collect();
        if heaviest.len() > most {
            // Of equal ones the outer come first.
            heaviest.select_nth_unstable_by(most, |a, b| {
                weights[*b as usize].total_cmp(&weights[*a as usize]).then(a.cmp(b))
            });
            heaviest.truncate(most);
        }
        let mut kept = vec![false; self.stacks.len()];
        kept[0] = true;
        heaviest.iter().for_each(|stack| kept[*stack as usize] = true);
        kept
    }

    /// What hangs on a stack, the last first: the heaviest first, and what is summed last.
    fn below(
        &self,
        stack: u32,
        depth: u32,
        inner: &HashMap<u32, Vec<u32>>,
        rest: &HashMap<u32, [i64; 2]>,
    ) -> Vec<Next> {
        let mut all: Vec<Next> =
            inner.get(&stack).into_iter().flatten().map(|stack| self.next(*stack, depth)).collect();
        all.sort_by(|a, b| {
            let name = |next: &Next| next.frame.map(|frame| self.stacks.frame_of(frame));
            self.weight(b.total).total_cmp(&self.weight(a.total)).then_with(|| name(a).cmp(&name(b)))
        });
        if let Some(sum) = rest.get(&stack).filter(|sum| **sum != [0, 0]) {
            all.push(Next { frame: None, depth, own: *sum, total: *sum, stack: None });
        }
        all.reverse();
        all
    }

    fn next(&self, stack: u32, depth: u32) -> Next {
        let at = stack as usize;
        let (own, total) = (self.both(|sums| &sums.own, at), self.both(|sums| &sums.total, at));
        Next { frame: Some(self.stacks.get(stack).1), depth, own, total, stack: Some(stack) }
    }

    /// The number of a frame in the tree, given when it is new.
    fn frame(&mut self, frame: Option<u32>) -> u32 {
        let Self { stacks, tree, frames, .. } = self;
        *frames.entry(frame).or_insert_with(|| {
            let (name, file) = frame.map_or((OTHER_FRAME, ""), |frame| stacks.frame_of(frame));
            tree.frames.push(Frame { name: name.to_owned(), file: file.to_owned() });
            (tree.frames.len() - 1) as u32
        })
    }

    /// The functions that cost most, of all stacks.
    fn functions(&mut self) {
        let mut costs = self.costs();
        costs.retain(|cost| cost.total != 0 || cost.total_before != 0);
        let own = |cost: &FrameCost| self.weight([cost.own, cost.own_before]);
        let total = |cost: &FrameCost| self.weight([cost.total, cost.total_before]);
        let change = |cost: &FrameCost| {
            let before = self.before.map_or(0.0, |before| before.share(cost.total_before));
            (self.of.share(cost.total) - before).abs()
        };
        let orders: [&dyn Fn(&FrameCost) -> f64; 3] = [&change, &own, &total];
        let mut told = vec![false; costs.len()];
        for order in &orders[usize::from(self.before.is_none())..] {
            let mut places: Vec<usize> = (0..costs.len()).collect();
            places.sort_by(|a, b| order(&costs[*b]).total_cmp(&order(&costs[*a])));
            places.iter().take(FUNCTIONS).for_each(|place| told[*place] = true);
        }
        let mut told = told.into_iter();
        costs.retain(|_| told.next().unwrap_or_default());
        costs.sort_by_key(|cost| Reverse((cost.own, cost.total)));
        for cost in costs {
            let frame = self.frame(Some(cost.frame));
            self.tree.functions.push(FrameCost { frame, ..cost });
        }
    }

    /// What each frame of the stacks costs; on a stack that it is on twice it counts once.
    fn costs(&self) -> Vec<FrameCost> {
        let none = |frame| FrameCost { frame, own: 0, total: 0, own_before: 0, total_before: 0 };
        let mut costs: Vec<FrameCost> = (0..self.stacks.frames() as u32).map(none).collect();
        let mut on_path = vec![0_u32; self.stacks.frames()];
        let (depths, mut path) = (self.stacks.depths(), Vec::new());
        for stack in self.stacks.order().into_iter().skip(1) {
            while path.len() >= depths[stack as usize] as usize {
                let Some(left) = path.pop() else { break };
                on_path[left as usize] -= 1;
            }
            let frame = self.stacks.get(stack).1;
            let cost = &mut costs[frame as usize];
            let [own, own_before] = self.both(|sums| &sums.own, stack as usize);
            cost.own = cost.own.saturating_add(own);
            cost.own_before = cost.own_before.saturating_add(own_before);
            if on_path[frame as usize] == 0 {
                let [total, total_before] = self.both(|sums| &sums.total, stack as usize);
                cost.total = cost.total.saturating_add(total);
                cost.total_before = cost.total_before.saturating_add(total_before);
            }
            on_path[frame as usize] += 1;
            path.push(frame);
        }
        costs
    }
}
