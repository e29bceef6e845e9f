//! A small generator of random numbers (SplitMix64): the same seed gives the same cluster, on every machine.

/// Random numbers from a seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator for a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// A generator of its own for something that has a name, whatever else is drawn meanwhile.
    pub(crate) fn of(seed: u64, name: &str) -> Self {
        Self::new(seed.wrapping_add(hash(name.as_bytes())))
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1, 1 left out.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Below a count, or 0 where the count is 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }

    /// Between two numbers.
    pub(crate) fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.unit()
    }

    /// Roughly log-normal around 1: what durations of requests look like.
    pub(crate) fn spread(&mut self, width: f64) -> f64 {
        let bell = (0..4).map(|_| self.unit()).sum::<f64>() - 2.0;
        (bell * width).exp()
    }

    /// Letters and digits as Kubernetes draws them for names.
    pub(crate) fn suffix(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(LETTERS[self.below(LETTERS.len())])).collect()
    }
}

/// Without vowels and what looks like them, so that no words come out.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// FNV-1a, 64 bits.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A hash in the letters of Kubernetes' names, as in `pod-template-hash`.
pub(crate) fn safe_hash(bytes: &[u8], length: usize) -> String {
    Random::new(hash(bytes)).suffix(length)
}

/// A UUID from a seed and a number.
pub(crate) fn uuid(seed: u64, number: u64) -> String {
    let mut random = Random::new(seed.rotate_left(17) ^ number.wrapping_mul(0xa076_1d64_78bd_642f));
    let (high, low) = (random.next(), random.next());
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0x0fff);
    format!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}", 0x8000 | (low >> 50), low & 0xffff_ffff_ffff)
}

/// A SHA-256 as images and containers are named, from a text.
pub(crate) fn digest(text: &str) -> String {
    let mut random = Random::new(hash(text.as_bytes()));
    (0..4).map(|_| format!("{:016x}", random.next())).collect()
}
