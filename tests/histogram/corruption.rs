//! States as bytes: what comes back is the same, and what is damaged is refused.

use crate::rng::Rng;
use crate::support::{Histogram, KINDS, MERGEABLE, PARITY, load, params, sample};

/// Words of the header.
const HEADER: usize = 11;

fn mix(sum: u64, word: u64) -> u64 {
    let sum = (sum ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    sum ^ sum >> 32
}

/// Makes the checksum right, so that other checks have to find what is wrong.
fn forge(state: &mut [u64]) {
    let (header, counts) = state.split_at_mut(HEADER);
    let others = header.iter().enumerate().filter(|(i, _)| *i != 3);
    let mut sums = [1, 2, 3, others.fold(4, |sum, (_, word)| mix(sum, *word))];
    let (fours, rest) = counts.as_chunks::<4>();
    for four in fours {
        sums.iter_mut().zip(four).for_each(|(sum, word)| *sum = mix(*sum, *word));
    }
    header[3] = rest.iter().chain(&sums).fold(5, |sum, word| mix(sum, *word));
}

fn histogram(kind: u32) -> Histogram {
    let mut rng = Rng(9);
    let mut histogram = Histogram::new(params(kind, 19));
    for style in [0, 1, 4] {
        histogram.update(&sample(&mut rng, style, 50));
    }
    histogram
}

#[test]
fn a_saved_state_goes_on() {
    let mut rng = Rng(10);
    for kind in KINDS {
        let mut histogram = histogram(kind);
        let bytes: Vec<u8> = bytemuck::cast_slice(&histogram.state).to_vec();
        let mut state = vec![0; histogram.state.len()];
        bytemuck::cast_slice_mut(&mut state).copy_from_slice(&bytes);
        assert_eq!(load(&state, bytes.len()), Ok(histogram.params));
        let mut loaded = Histogram { params: histogram.params, state };
        let more = sample(&mut rng, 4, 500);
        histogram.update(&more);
        loaded.update(&more);
        assert!(histogram.state == loaded.state);
        let empty = Histogram::new(histogram.params);
        assert_eq!(load(&empty.state, empty.bytes()), Ok(empty.params));
    }
}

#[test]
fn layout() {
    let histogram = Histogram::of(MERGEABLE, 16, &[-3.0, -3.0, 2.5]);
    let bytes: &[u8] = bytemuck::cast_slice(&histogram.state);
    let u32_at = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let u64_at = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
    let f64_at = |at: usize| f64::from_bits(u64_at(at));
    assert_eq!(&bytes[..8], b"PTQKHIST");
    assert_eq!((u32_at(8), u32_at(12), u64_at(16)), (0x0102_0304, 1, 88 + 8 * 16));
    assert_eq!((u32_at(32), u32_at(36), u32_at(40)), (MERGEABLE, 16, 16));
    // Cells of 0.5: -6 to 5.
    assert_eq!((u32_at(44) as i32, u64_at(48) as i64), (-1, -6));
    assert_eq!((f64_at(56), f64_at(64)), (-3.0, 2.5));
    assert_eq!((u64_at(72), u64_at(80)), (3, 1));
    assert_eq!((u64_at(88), u64_at(88 + 8 * 11)), (2, 1));
}

#[test]
fn every_damaged_bit_is_found() {
    for kind in KINDS {
        let histogram = histogram(kind);
        for bit in 0..histogram.bytes() * 8 {
            let mut state = histogram.state.clone();
            state[bit / 64] ^= 1 << (bit % 64);
            assert!(load(&state, histogram.bytes()).is_err(), "bit {bit}");
        }
        for word in 1..histogram.state.len() {
            let mut state = histogram.state.clone();
            state.swap(word - 1, word);
            let same = state == histogram.state;
            assert_eq!(load(&state, histogram.bytes()).is_ok(), same, "word {word}");
        }
    }
}

#[test]
fn other_lengths() {
    for kind in KINDS {
        let histogram = histogram(kind);
        for bytes in 0..histogram.bytes() {
            assert_eq!(load(&histogram.state, bytes), Err("bytes"), "{bytes}");
        }
        let mut state = histogram.state.clone();
        state.push(0);
        for more in 1..=8 {
            assert_eq!(load(&state, histogram.bytes() + more), Err("bytes"));
        }
    }
}

#[test]
fn bytes_of_something_else() {
    let histogram = histogram(PARITY);
    let bytes = histogram.bytes();
    let with = |at: usize, word: u64| {
        let mut state = histogram.state.clone();
        state[at] = word;
        forge(&mut state);
        state
    };
    assert_eq!(load(&vec![0; histogram.state.len()], bytes), Err("magic"));
    let swapped: Vec<u64> = histogram.state.iter().map(|word| word.swap_bytes()).collect();
    assert_eq!(load(&swapped, bytes), Err("magic"));
    // As another machine would write it: text as it is, numbers the other way round.
    let mut foreign = histogram.state.clone();
    let fields: &mut [u32] = bytemuck::cast_slice_mut(&mut foreign);
    fields[2] = fields[2].swap_bytes();
    fields[3] = fields[3].swap_bytes();
    assert_eq!(load(&foreign, bytes), Err("byte_order"));
    let mut newer = histogram.state.clone();
    bytemuck::cast_slice_mut::<u64, u32>(&mut newer)[3] = 2;
    forge(&mut newer);
    assert_eq!(load(&newer, bytes), Err("version"));
    assert_eq!(load(&with(2, bytes as u64 + 8), bytes), Err("bytes"));
    assert_eq!(
        load(&with(3, 0).iter().map(|word| word ^ 1).collect::<Vec<_>>(), bytes),
        Err("magic")
    );
    let mut damaged = histogram.state.clone();
    damaged[3] ^= 1 << 40;
    assert_eq!(load(&damaged, bytes), Err("checksum"));
}

/// A right checksum does not make a state.
#[test]
fn inconsistent_states() {
    for kind in KINDS {
        let histogram = histogram(kind);
        let bytes = histogram.bytes();
        let check = |field: &str, change: &dyn Fn(&mut [u64])| {
            let mut state = histogram.state.clone();
            change(&mut state);
            forge(&mut state);
            assert_eq!(load(&state, bytes), Err(field), "kind {kind}");
        };
        let halves = |state: &mut [u64], at: usize, value: u32| {
            bytemuck::cast_slice_mut::<u64, u32>(state)[at] = value;
        };
        check("kind", &|state| halves(state, 8, 2));
        check("num_bins", &|state| halves(state, 9, 0));
        check("num_bins", &|state| halves(state, 9, 70_000));
        check("bytes", &|state| halves(state, 9, 20));
        check("upsample_rate", &|state| halves(state, 10, 0));
        check("exponent", &|state| halves(state, 11, 5));
        check("exponent", &|state| halves(state, 11, i32::MIN as u32));
        check("exponent", &|state| state[6] = state[6].wrapping_add(1));
        for low in [f64::NAN, f64::NEG_INFINITY, 0.1 + 0.2, -1e300] {
            check("min", &|state| state[7] = low.to_bits());
        }
        check("max", &|state| state[8] = f64::INFINITY.to_bits());
        check("max", &|state| state[8] = (-1e6_f64).to_bits());
        check("total", &|state| state[9] += 1);
        check("total", &|state| state[HEADER + 3] ^= 1 << 62);
        check("updates", &|state| state[10] = 0);
        check("updates", &|state| state[10] = 1000);
        check("min", &|state| {
            state[9] = 0;
            state[10] = 0;
        });
        if kind == PARITY {
            check("total", &|state| state[HEADER + 3] = f64::NAN.to_bits());
            check("total", &|state| state[HEADER + 3] = (-1.0_f64).to_bits());
            check("total", &|state| state[HEADER + 3] = f64::INFINITY.to_bits());
        } else {
            check("total", &|state| {
                state[HEADER] = u64::MAX;
                state[HEADER + 1] = u64::MAX;
            });
        }
    }
}
