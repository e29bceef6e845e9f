//! A file in two places: as processes see it, in memory, and as the disk has it. What is dirty in memory reaches the disk
//! page by page, in any order, whenever the system likes, and for certain by a sync.

use std::collections::BTreeSet;

use super::random::Random;

/// What is written to the disk as a whole or not at all.
const PAGE: usize = 4096;

/// See the module.
pub struct Pages {
    memory: Vec<u8>,
    disk: Vec<u8>,
    dirty: BTreeSet<usize>,
    /// The least length that it was cut to since the last sync.
    cut: Option<usize>,
}

impl Pages {
    /// Of what the disk has.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { memory: bytes.clone(), disk: bytes, dirty: BTreeSet::new(), cut: None }
    }

    /// What processes see.
    pub fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// What the disk has.
    pub fn disk(&self) -> &[u8] {
        &self.disk
    }

    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.memory.len() < end {
            self.memory.resize(end, 0);
        }
        self.memory[at..end].copy_from_slice(bytes);
        self.dirty.extend(at / PAGE..end.div_ceil(PAGE));
    }

    pub fn truncate(&mut self, length: usize) {
        if length < self.memory.len() {
            self.cut = Some(self.cut.map_or(length, |cut| cut.min(length)));
            self.dirty.retain(|page| page * PAGE < length);
        }
        self.memory.resize(length, 0);
    }

    /// All of it reaches the disk.
    pub fn sync(&mut self) {
        self.cut_disk();
        std::mem::take(&mut self.dirty).into_iter().for_each(|page| self.put(page));
        self.disk.resize(self.memory.len(), 0);
    }

    /// Of what is dirty one in `many` pages reaches the disk.
    pub fn flush(&mut self, random: &mut Random, many: u64) {
        if random.once_in(many) {
            self.cut_disk();
        }
        let pages: Vec<usize> = self.dirty.iter().copied().filter(|_| random.once_in(many)).collect();
        for page in pages {
            self.dirty.remove(&page);
            self.put(page);
        }
    }

    /// A sync that fails: some of it reaches the disk, and no later one tries the rest, which Linux takes for clean.
    pub fn fail(&mut self, random: &mut Random) {
        self.flush(random, 2);
        self.dirty.clear();
    }

    fn cut_disk(&mut self) {
        if let Some(length) = self.cut.take() {
            self.disk.truncate(length);
        }
    }

    fn put(&mut self, page: usize) {
        let (from, to) = (page * PAGE, self.memory.len().min((page + 1) * PAGE));
        if self.disk.len() < to {
            self.disk.resize(to, 0);
        }
        self.disk[from..to].copy_from_slice(&self.memory[from..to]);
    }
}
