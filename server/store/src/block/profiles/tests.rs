use model::Timestamp;

use super::*;

/// Profiles of random stacks of a few functions, some of them the same.
fn random(seed: u64, profiles: usize) -> ProfileColumns {
    let mut state = seed;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut columns = ProfileColumns::default();
    for profile in 0..profiles {
        let mut samples = Vec::new();
        for _ in 0..below(60) {
            let mut stack = 0;
            for _ in 0..=below(6) {
                let frame = columns.stacks.frame(&format!("f{}", below(5)), &format!("file{}.rs", below(2)));
                stack = columns.stacks.stack(stack, frame);
            }
            samples.push((stack, below(1 << 40) as i64));
        }
        let (kind, unit) = [("cpu", "nanoseconds"), ("inuse_space", "bytes"), ("inuse_space", "")][below(3) as usize];
        let at = Timestamp(1_000_000_000 * below(1_000) as i64);
        let owner = below(4) as u32;
        let duration = 10 * profile as i64;
        columns.push(&ProfileRow { owner, at, duration, kind, unit, samples: &samples });
    }
    columns
}

/// Everything as text, in an order of its own.
fn told(columns: &ProfileColumns) -> Vec<String> {
    let stacks = &columns.stacks;
    let mut names: Vec<String> = vec![String::new()];
    for stack in 1..stacks.len() as u32 {
        let (outer, frame) = stacks.get(stack);
        names.push(format!("{};{:?}", names[outer as usize], stacks.frame_of(frame)));
    }
    let mut told: Vec<String> = (0..columns.owner.len())
        .map(|profile| {
            let text = |number: u32| stacks.texts.get(number);
            let mut samples: Vec<String> = columns
                .samples(profile)
                .map(|row| format!("{} {}", names[columns.stack[row] as usize], columns.value[row]))
                .collect();
            samples.sort();
            let (owner, at, duration) = (columns.owner[profile], columns.at[profile], columns.duration[profile]);
            let (kind, unit) = (text(columns.kind[profile]), text(columns.unit[profile]));
            format!("{owner} {at} {duration} {kind}:{unit} {samples:?}")
        })
        .collect();
    told.sort();
    told
}

#[test]
fn profiles_come_back_from_a_block() {
    for seed in 0..50 {
        let columns = random(seed, 40);
        let read = ProfileColumns::unseal(&columns.seal(3).unwrap()).unwrap();
        assert_eq!(told(&read), told(&columns), "seed {seed}");
        let again = ProfileColumns::unseal(&read.seal(1).unwrap()).unwrap();
        assert_eq!(told(&again), told(&columns), "seed {seed}");
    }
    let none = ProfileColumns::default();
    assert_eq!(ProfileColumns::unseal(&none.seal(1).unwrap()).unwrap().len(), 0);
}

#[test]
fn joined_columns_hold_the_profiles_of_both_and_each_stack_once() {
    let (mut all, other) = (random(1, 30), random(2, 30));
    let mut expected = [told(&all), told(&other)].concat();
    expected.sort();
    let owners = [0, 1, 2, 3];
    all.append(&other, &owners);
    assert_eq!(told(&all), expected);
    let stacks = all.stacks.len();
    all.append(&other, &owners);
    assert_eq!(all.stacks.len(), stacks);
}

#[test]
fn what_says_nothing_is_left_out_and_what_comes_twice_is_summed() {
    let mut columns = ProfileColumns::default();
    let frame = columns.stacks.frame("main", "");
    let stack = columns.stacks.stack(0, frame);
    let mut push = |samples: &[(u32, i64)]| {
        columns.push(&ProfileRow { owner: 0, at: Timestamp(1), duration: -5, kind: "cpu", unit: "ns", samples });
    };
    push(&[(stack, 0), (stack, -3), (99, 7)]);
    push(&[(stack, 5), (0, 1), (stack, 6)]);
    assert_eq!((columns.owner.len(), columns.len()), (1, 2));
    assert_eq!((columns.value.as_slice(), columns.duration.as_slice()), (&[1, 11][..], &[0][..]));
}

#[test]
fn a_filter_knows_owners_and_types() {
    let columns = random(3, 30);
    let stored = columns.filter();
    let may = |owners: &[u32], kind, unit| filter::may_match(&stored, owners, &[hash_of(kind, unit)]).unwrap();
    assert!(may(&[1, 9], "cpu", "nanoseconds") && may(&[0], "inuse_space", ""));
    assert!(!may(&[9], "cpu", "nanoseconds") && !may(&[1], "cpu", "bytes"));
}

#[test]
fn damage_of_a_body_is_an_error_and_never_a_panic() {
    let columns = random(4, 8);
    let sealed = columns.seal(1).unwrap();
    let body = crate::block::open(bytes::MAGIC, bytes::FORMAT, &sealed).unwrap();
    let read = |body: &[u8]| {
        let sealed = crate::block::seal(bytes::MAGIC, bytes::FORMAT, body, 1).unwrap();
        ProfileColumns::unseal(&sealed).map(|columns| columns.seal(1).map(|_| ()))
    };
    for at in 0..body.len() {
        let mut wrong = body.clone();
        wrong[at] ^= 1 << (at % 8);
        _ = read(&wrong);
    }
    for end in (0..body.len()).step_by(7) {
        assert!(read(&body[..end]).is_err(), "{end}");
    }
    for at in 0..sealed.len() {
        let mut wrong = sealed.clone();
        wrong[at] ^= 1;
        assert!(ProfileColumns::unseal(&wrong).is_err(), "{at}");
    }
}

/// Profiles of so many samples in all.
pub(crate) fn of_samples(count: usize) -> ProfileColumns {
    let mut columns = ProfileColumns::default();
    let stacks: Vec<u32> = (0..1_000)
        .map(|n| {
            let frame = columns.stacks.frame(&n.to_string(), "");
            columns.stacks.stack(0, frame)
        })
        .collect();
    let mut left = count;
    while left > 0 {
        let samples: Vec<(u32, i64)> = stacks.iter().take(left).map(|stack| (*stack, 1)).collect();
        left -= samples.len();
        columns.push(&ProfileRow { owner: 0, at: Timestamp(1), duration: 0, kind: "cpu", unit: "", samples: &samples });
    }
    columns
}

#[test]
fn what_a_block_cannot_hold_is_not_written() {
    let full = of_samples(SAMPLES);
    assert_eq!(ProfileColumns::unseal(&full.seal(1).unwrap()).unwrap().len(), SAMPLES);
    let over = of_samples(SAMPLES + 1);
    let why = over.seal(1).unwrap_err();
    assert!(matches!(&why, Error::TooMuch(what) if what.contains("samples of profiles")), "{why}");
    let mut deep = ProfileColumns::default();
    let frame = deep.stacks.frame("f", "");
    let innermost = (0..stacks::MOST).fold(0, |outer, _| deep.stacks.stack(outer, frame));
    let samples = [(innermost, 1)];
    deep.push(&ProfileRow { owner: 0, at: Timestamp(1), duration: 0, kind: "cpu", unit: "", samples: &samples });
    assert!(matches!(deep.seal(1), Err(Error::TooMuch(what)) if what.contains("stacks")));
    assert!(!full.fits_beside(&of_samples(1)) && of_samples(SAMPLES - 1).fits_beside(&of_samples(1)));
}
