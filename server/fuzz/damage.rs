// What a test without a fuzzer does with a target: its corpus, and damage to it that seeds decide.

/// Feeds a target what its corpus has and so many damaged forms of each. What made it panic is said.
fn feed(name: &str, damaged: u64, target: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let corpus: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!corpus.is_empty());
    for (at, whole) in corpus.iter().enumerate() {
        target(whole);
        for seed in 0..damaged {
            let mut random = seed << 8 | at as u64;
            let bytes = damage(whole, &corpus, &mut random);
            let fed = std::panic::catch_unwind(|| target(&bytes));
            assert!(fed.is_ok(), "seed {seed} of {}: {bytes:?}", paths[at].display());
        }
    }
}

/// One to four changes: a bit, a byte, a number at its ends, a piece left out, said twice, or taken from another.
fn damage(whole: &[u8], corpus: &[Vec<u8>], random: &mut u64) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=below(random, 4) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = below(random, bytes.len());
        let length = 1 + below(random, (bytes.len() - at).min(32));
        match below(random, 8) {
            0 | 1 => bytes[at] ^= 1 << below(random, 8),
            2 => bytes[at] = below(random, 256) as u8,
            3 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][below(random, 5)],
            4 => drop(bytes.drain(at..at + length)),
            5 => bytes.truncate(at),
            6 => {
                let piece = bytes[at..at + length].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            _ => {
                let other = &corpus[below(random, corpus.len())];
                let piece = other.iter().skip(below(random, other.len().max(1))).take(length).copied();
                let piece: Vec<u8> = piece.collect();
                drop(bytes.splice(at..at + length, piece));
            }
        }
    }
    bytes
}

/// The next number of a seed (splitmix64), less than `end`.
fn below(random: &mut u64, end: usize) -> usize {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *random;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) % end as u64) as usize
}
