//! Hessians: sums that cuts and threads do not change, merges, and bytes that come back.

use crate::layer::F32;
use crate::rng::Rng;
use crate::stored::Stored;
use crate::tables::on_every_table;
use half::{bf16, f16};
use ptqk::ffi::{self, *};
use std::ptr::{null, null_mut};

const ITEMS: u32 = 0;
const TOKENS: u32 = 1;

/// A state as C holds it.
#[derive(Clone, PartialEq, Debug)]
struct State {
    params: HessianParams,
    words: Vec<u64>,
}

impl State {
    fn new(channels: usize, mean: u32) -> Self {
        let params = HessianParams { channels: channels as u64, mean, ..HessianParams::DEFAULT };
        let mut bytes = 0;
        // SAFETY: the pointers are to live values.
        let status = unsafe { ffi::ptqk_hessian_state_size(null(), &params, &mut bytes) };
        assert_eq!(status, Status::Ok);
        let mut words = vec![0xA7A7_A7A7_A7A7_A7A7; bytes / 8];
        let at = words.as_mut_ptr().cast();
        // SAFETY: the state has the size of the query.
        let status = unsafe { ffi::ptqk_hessian_init(null(), &params, at, bytes) };
        assert_eq!(status, Status::Ok);
        Self { params, words }
    }

    fn bytes(&self) -> usize {
        8 * self.words.len()
    }

    fn update(&mut self, x: &Stored, items: usize) -> Status {
        let x = x.matrix();
        let mut bytes = 0;
        // SAFETY: the pointers are to live values.
        let status =
            unsafe { ffi::ptqk_hessian_workspace_size(null(), &self.params, x.rows, &mut bytes) };
        assert_eq!(status, Status::Ok);
        let mut workspace = vec![0xA5_u8; bytes];
        let (size, at) = (self.bytes(), workspace.as_mut_ptr().cast());
        let state = self.words.as_mut_ptr().cast();
        // SAFETY: state and workspace have the sizes that are given.
        unsafe { ffi::ptqk_hessian_update(null(), &x, items, state, size, at, bytes) }
    }

    fn merge(&mut self, other: &Self) -> Status {
        let (from, n, m) = (other.words.as_ptr().cast(), other.bytes(), self.bytes());
        let to = self.words.as_mut_ptr().cast();
        // SAFETY: both states have the sizes that are given.
        unsafe { ffi::ptqk_hessian_merge(null(), from, n, to, m) }
    }

    fn finish(&self) -> Result<Vec<f32>, Status> {
        let n = self.params.channels as usize;
        let mut hessian = vec![f32::NAN; n * n];
        let to = MatrixMut {
            data: hessian.as_mut_ptr().cast(),
            rows: n,
            cols: n,
            row_stride: n,
            dtype: F32,
            reserved: 0,
        };
        let (state, bytes) = (self.words.as_ptr().cast(), self.bytes());
        // SAFETY: the state has its size, the matrix its shape.
        match unsafe { ffi::ptqk_hessian_finish(null(), state, bytes, &to) } {
            Status::Ok => Ok(hessian),
            status => Err(status),
        }
    }

    fn summary(&self) -> HessianSummary {
        let (state, bytes) = (self.words.as_ptr().cast(), self.bytes());
        let (mut params, mut summary) = (HessianParams::DEFAULT, HessianSummary::default());
        // SAFETY: the state has its size.
        let status =
            unsafe { ffi::ptqk_hessian_load(null(), state, bytes, &mut params, &mut summary) };
        assert_eq!((status, params), (Status::Ok, self.params));
        summary
    }
}

fn activations(rng: &mut Rng, tokens: usize, channels: usize) -> Vec<f32> {
    (0..tokens * channels).map(|_| rng.uniform()).collect()
}

fn of(x: &[f32], channels: usize, items: usize, mean: u32) -> State {
    let mut state = State::new(channels, mean);
    let x = Stored::new(x, x.len() / channels, channels, F32);
    assert_eq!(state.update(&x, items), Status::Ok);
    state
}

/// `factor * X^T X`, each sum one chain.
fn expected(x: &[f32], channels: usize, factor: f32) -> Vec<f32> {
    let sum = |i: usize, j: usize| {
        x.chunks(channels).fold(0.0_f32, |sum, x| x[i].mul_add(x[j], sum)) * factor
    };
    (0..channels * channels).map(|i| sum(i / channels, i % channels)).collect()
}

#[test]
fn sums_are_the_chains_of_the_header() {
    let mut rng = Rng(41);
    for (tokens, channels) in [(1, 1), (3, 7), (300, 40), (17, 130)] {
        let x = activations(&mut rng, tokens, channels);
        on_every_table(|isa| {
            let state = of(&x, channels, 5, ITEMS);
            let seen = HessianSummary { items: 5, tokens: tokens as u64 };
            assert_eq!(state.summary(), seen);
            let want = expected(&x, channels, 2.0 / 5.0);
            assert_eq!(state.finish().unwrap(), want, "table {isa}, {tokens} x {channels}");
            let want = expected(&x, channels, (2.0 / tokens as f64) as f32);
            assert_eq!(of(&x, channels, 5, TOKENS).finish().unwrap(), want, "table {isa}");
        });
    }
}

#[test]
fn cuts_do_not_show() {
    let mut rng = Rng(42);
    let channels = 37;
    let x = activations(&mut rng, 700, channels);
    let mut whole = of(&x, channels, 1, ITEMS);
    for cut in [1, 3, 256, 333] {
        let mut state = State::new(channels, ITEMS);
        let mut items = 0;
        for x in x.chunks(cut * channels) {
            assert_eq!(
                state.update(&Stored::new(x, x.len() / channels, channels, F32), 1),
                Status::Ok
            );
            items += 1;
        }
        assert_eq!(state.summary(), HessianSummary { items, tokens: 700 });
        // Without tokens nothing changes.
        let before = state.clone();
        assert_eq!(state.update(&Stored::new(&[], 0, channels, F32), 0), Status::Ok);
        assert_eq!(state, before);
        whole.words[5] = items;
        assert!(state == whole, "{cut}");
    }
}

#[test]
fn activations_of_16_bits() {
    let mut rng = Rng(43);
    let (tokens, channels) = (50, 33);
    let x = activations(&mut rng, tokens, channels);
    for dtype in [1, 2] {
        let wide: Vec<f32> =
            x.iter()
                .map(|x| {
                    if dtype == 1 {
                        f16::from_f32(*x).to_f32()
                    } else {
                        bf16::from_f32(*x).to_f32()
                    }
                })
                .collect();
        let mut state = State::new(channels, ITEMS);
        assert_eq!(state.update(&Stored::new(&x, tokens, channels, dtype), 1), Status::Ok);
        assert!(state == of(&wide, channels, 1, ITEMS));
    }
}

#[test]
fn merges_add() {
    let mut rng = Rng(44);
    let channels = 21;
    let parts: Vec<Vec<f32>> =
        [4, 1, 30].map(|tokens| activations(&mut rng, tokens, channels)).into();
    let states: Vec<State> = parts.iter().map(|x| of(x, channels, 2, ITEMS)).collect();
    let mut all = State::new(channels, ITEMS);
    states.iter().for_each(|state| assert_eq!(all.merge(state), Status::Ok));
    assert_eq!(all.summary(), HessianSummary { items: 6, tokens: 35 });
    let want: Vec<f64> =
        expected(&parts.concat(), channels, 2.0 / 6.0).into_iter().map(f64::from).collect();
    for (got, want) in all.finish().unwrap().iter().zip(&want) {
        assert!((f64::from(*got) - want).abs() < 1e-5, "{got}, {want}");
    }
    // An empty one adds nothing; one of other parameters is refused.
    let before = all.clone();
    assert_eq!(all.merge(&State::new(channels, ITEMS)), Status::Ok);
    assert_eq!(all.merge(&State::new(channels, TOKENS)), Status::InvalidParameter);
    assert_eq!(all.merge(&State::new(channels + 1, ITEMS)), Status::InvalidParameter);
    let mut many = states[0].clone();
    many.words[5] = u64::MAX;
    assert_eq!(all.merge(&many), Status::SizeOverflow);
    assert!(all == before);
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut rng = Rng(45);
    let channels = 12;
    let x = activations(&mut rng, 6, channels);
    let sound = of(&x, channels, 1, ITEMS);
    let mut state = sound.clone();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = x.clone();
        x[40] = bad;
        assert_eq!(state.update(&Stored::new(&x, 6, channels, F32), 1), Status::NotFinite);
    }
    let of = |cols: usize| Stored::new(&x, x.len() / cols, cols, F32);
    assert_eq!(state.update(&of(channels), 0), Status::InvalidParameter);
    assert_eq!(state.update(&of(channels / 2), 1), Status::InvalidShape);
    assert_eq!(state.update(&of(channels), usize::MAX), Status::SizeOverflow);
    assert!(state == sound);
    assert_eq!(State::new(channels, ITEMS).finish(), Err(Status::InvalidParameter));
}

/// Every bit of a state flipped: refused, or a state that is safe to use.
#[test]
fn damage_is_refused_or_harmless() {
    let x: Vec<f32> = (0..12).map(|i| i as f32 / 8.0 - 0.5).collect();
    let sound = of(&x, 3, 1, ITEMS);
    let mut refused = 0;
    for bit in 0..8 * sound.bytes() {
        let mut damaged = sound.clone();
        damaged.words[bit / 64] ^= 1 << (bit % 64);
        let (state, bytes) = (damaged.words.as_ptr().cast(), damaged.bytes());
        let mut params = HessianParams::DEFAULT;
        // SAFETY: the state has so many bytes.
        let status =
            unsafe { ffi::ptqk_hessian_load(null(), state, bytes, &mut params, null_mut()) };
        if status == Status::Ok {
            damaged.params = params;
            let _ = damaged.finish();
            let _ = damaged.update(&Stored::new(&x, 4, 3, F32), 1);
            let _ = damaged.merge(&sound);
        } else {
            refused += 1;
            assert_eq!(damaged.update(&Stored::new(&x, 4, 3, F32), 1), status, "bit {bit}");
            assert_eq!(damaged.merge(&sound), status, "bit {bit}");
            assert!(damaged.finish().is_err(), "bit {bit}");
        }
    }
    // All of magic, byte order, version, size, parameters but the mean's lowest bit, and what is
    // reserved.
    assert!(refused >= 8 * (40 + 8) - 1, "{refused}");
    for bytes in [0, 8, 56, 64, sound.bytes() - 8, sound.bytes() - 1] {
        let state = sound.words.as_ptr().cast();
        // SAFETY: the state has at least so many bytes.
        let status =
            unsafe { ffi::ptqk_hessian_load(null(), state, bytes, null_mut(), null_mut()) };
        assert_eq!(status, Status::InvalidParameter, "{bytes} bytes");
    }
}
