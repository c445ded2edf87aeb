//! One search for the value of a rank.

use crate::algorithms::quantile::passes::{Passes, least, sample};
use crate::kernels::Kernels;

/// Values that are compared with each other without a further pass.
pub(super) const FEW: usize = 64;

/// Passes that trust a sample.
const GUESSES: u32 = 8;

/// Bits as integers in the order of the floats.
fn key(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

/// The float of a key.
fn value(key: i32) -> f32 {
    f32::from_bits((key ^ ((key >> 31) as u32 >> 1) as i32) as u32)
}

/// The values of a pass: from here to there, both included.
#[derive(Clone, Copy)]
pub(super) struct Bracket {
    low: i32,
    high: i32,
}

impl Bracket {
    const ALL: Self = Self { low: i32::MIN, high: i32::MAX };

    pub fn limits(self) -> (f32, f32) {
        // Beyond the infinities there is only NaN.
        let finite = |key: i32| {
            let (low, high) = (self::key(f32::NEG_INFINITY), self::key(f32::INFINITY));
            value(key.clamp(low, high))
        };
        (finite(self.low), finite(self.high))
    }

    /// The lower half.
    fn half(self) -> Self {
        let middle = (i64::from(self.low) + i64::from(self.high)) >> 1;
        Self { low: self.low, high: middle as i32 }
    }

    /// What is above.
    fn above(self) -> Self {
        Self { low: self.high.saturating_add(1), high: i32::MAX }
    }
}

/// What is known about the value of `rank` among `n`: it lies in `bracket`, `below` values are less
/// than all of that, and `between` are in it. A NaN is in every bracket, and so in what is left last.
pub(super) struct Search {
    n: usize,
    pub rank: usize,
    pub bracket: Bracket,
    pub below: usize,
    pub between: usize,
    /// What the next pass looks for.
    pub trial: Bracket,
    /// How many values of the bracket the caller has in its room.
    pub sampled: usize,
    passes: u32,
}

/// What comes after a pass.
pub(super) enum Step {
    /// Another one.
    Again,
    /// The bracket has one value alone, and perhaps NaN.
    Value(f32),
    /// All values of the bracket are in the caller's room.
    Kept,
}

impl Search {
    pub fn new(n: usize, rank: usize) -> Self {
        let (bracket, trial) = (Bracket::ALL, Bracket::ALL);
        Self { n, rank, bracket, below: 0, between: n, trial, sampled: 0, passes: 0 }
    }

    /// Chooses the trial from `len` values of the bracket, of which `of` gives that of a rank: wide
    /// enough that it is rarely missed.
    pub fn aim(&mut self, len: usize, mut of: impl FnMut(usize) -> f32) {
        if self.passes >= GUESSES || len == 0 {
            self.trial = self.bracket.half();
            return;
        }
        // The two zeros are one number but two keys, so counts can overlap a little.
        let wanted = self.rank.saturating_sub(self.below);
        let share = wanted as f64 / self.between as f64;
        let place = share * len as f64;
        // Twice the standard deviation of the rank in a random sample: one in twenty misses.
        let margin = 2.0 * libm::sqrt(place * (1.0 - share).max(0.0)) + 1.0;
        let (low, high) = (place - margin, place + margin);
        let Bracket { low: least, high: most } = self.bracket;
        let low = if low < 0.0 { least } else { key(of(low as usize)).max(least) };
        // The value after the wanted one should be within as well.
        let last = (len - 1) as f64;
        let high = if high >= last { most } else { key(of(high as usize + 1)).min(most) };
        self.trial = Bracket { low, high };
    }

    /// Takes in what a pass with the trial found, of which the caller has `kept` values.
    pub fn learn(&mut self, [below, between]: [usize; 2], kept: usize) -> Step {
        self.passes += 1;
        if self.rank < below {
            self.bracket.high = self.trial.low.saturating_sub(1);
            self.between = below.saturating_sub(self.below);
        } else if self.rank - below >= between {
            self.bracket.low = self.trial.high.saturating_add(1);
            self.between = (self.below + self.between).saturating_sub(below + between);
            self.below = below + between;
        } else {
            self.bracket = self.trial;
            (self.below, self.between, self.sampled) = (below, between, kept);
            return if self.trial.low >= self.trial.high {
                Step::Value(self.trial.limits().0)
            } else if kept == between {
                Step::Kept
            } else {
                Step::Again
            };
        }
        // The caller has values of the trial, which are no longer any of the bracket.
        self.sampled = 0;
        Step::Again
    }

    /// The value of the next rank, if that is one and lies above the bracket.
    pub fn next_above<P: Passes + ?Sized>(
        &self,
        k: &Kernels,
        src: &P,
        magnitude: bool,
    ) -> Option<f32> {
        let next = self.rank + 1;
        let outside = next < self.n && next >= self.below + self.between;
        outside.then(|| least(k, src, self.bracket.above().limits().0, magnitude))
    }
}

/// Puts at most [`FEW`] values at their ranks, of equal ones all at the first; answers whether none
/// is NaN, else the ranks are wrong.
fn rank(k: &Kernels, values: &[f32], ranked: &mut [f32; FEW]) -> bool {
    let mut ranks = [0; FEW];
    let ranks = ranks.get_mut(..values.len()).unwrap_or_default();
    k.ranks(values, ranks);
    *ranked = [f32::NAN; FEW];
    let mut numbers = true;
    for (x, rank) in values.iter().zip(ranks) {
        numbers &= !x.is_nan();
        if let Some(to) = ranked.get_mut(*rank as usize) {
            *to = *x;
        }
    }
    numbers
}

/// The value of a rank, of the last if there is none.
fn of_rank(ranked: &[f32; FEW], rank: usize) -> f32 {
    let upto = ranked.get(..=rank.min(FEW - 1)).unwrap_or_default();
    upto.iter().rev().find(|x| !x.is_nan()).copied().unwrap_or(f32::NAN)
}

/// Whether a value is NaN: nothing else lies between these limits.
pub(super) fn has_nan(k: &Kernels, values: &[f32]) -> bool {
    let [_, nan] = k.bracket(values, &[], (f32::INFINITY, f32::NEG_INFINITY), false, &mut []);
    nan > 0
}

/// The values of `rank` and the next one (or of the last twice); `None` if a value is NaN. More room
/// makes it faster.
pub(super) fn among(
    k: &Kernels,
    values: &[f32],
    rank: usize,
    room: &mut [f32],
) -> Option<(f32, f32)> {
    let mut ranked = [f32::NAN; FEW];
    let mut stack = [0.0; FEW];
    let mut stack = Some(&mut stack[..]);
    let (mut values, mut rank, mut room) = (values, rank, room);
    let mut above = None;
    while values.len() > FEW {
        if room.len() < FEW {
            // What a pass leaves here is few enough.
            room = stack.take().unwrap_or_default();
        }
        let mut at = Search::new(values.len(), rank);
        let step = loop {
            if at.sampled == 0 {
                let room = room.get_mut(..FEW).unwrap_or_default();
                at.sampled = sample(k, values, at.bracket.limits(), false, room);
            }
            let sampled = room.get(..at.sampled.min(FEW)).unwrap_or_default();
            if !self::rank(k, sampled, &mut ranked) {
                return None;
            }
            at.aim(sampled.len(), |rank| of_rank(&ranked, rank));
            let found = k.bracket(values, &[], at.trial.limits(), false, room);
            let [_, between] = found;
            match at.learn(found, between.min(room.len())) {
                Step::Again => (),
                step => break step,
            }
        };
        above = above.or_else(|| at.next_above(k, values, false));
        if let Step::Value(x) = step {
            return (!has_nan(k, values)).then_some((x, above.unwrap_or(x)));
        }
        let (kept, rest) = room.split_at_mut_checked(at.between).unwrap_or_default();
        (values, rank, room) = (kept, rank.saturating_sub(at.below), rest);
    }
    let numbers = self::rank(k, values, &mut ranked);
    numbers.then(|| (of_rank(&ranked, rank), above.unwrap_or(of_rank(&ranked, rank + 1))))
}
