//! Codebooks to choose from, as they would be stored.

use crate::algorithms::codebook::clusters::SNAPSHOT;
use crate::algorithms::coding::{Coding, Float, Table, UNSCALED};
use crate::formats::CB4;
use crate::kernels::Kernels;
use crate::params::codebook::CodebookRules;
use crate::scratch::Scratch;
use crate::status::Result;
use bytemuck::{Pod, Zeroable};

/// What the search in a codebook needs besides its values.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Search {
    table: Table,
    largest: f32,
    has_table: u32,
}

/// A codebook to be judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) values: &'a [f32],
    /// How elements become indices and back.
    pub(super) coding: Coding<'a>,
    /// The largest magnitude.
    pub(super) largest: f32,
}

/// The list of candidates.
#[derive(Debug)]
pub(super) struct Candidates<'a> {
    values: &'a mut [f32],
    searches: &'a mut [Search],
    elements: usize,
    count: usize,
}

/// Most candidates: the default codebook, the integers, snapshots from the tenth iteration on, the
/// end.
pub(super) fn most(rules: &CodebookRules) -> usize {
    3 + rules.max_iterations / SNAPSHOT
}

impl<'a> Candidates<'a> {
    pub(super) fn carve(scratch: &mut Scratch<'a>, rules: &CodebookRules) -> Result<Self> {
        let (most, elements) = (most(rules), rules.elements);
        let values = scratch.array(most.saturating_mul(elements))?;
        Ok(Self { values, searches: scratch.array(most)?, elements, count: 0 })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Adds a codebook, rounded to the type of the values.
    pub(super) fn push(
        &mut self,
        k: &Kernels,
        rules: &CodebookRules,
        codebook: impl Iterator<Item = f32>,
    ) {
        let start = self.count * self.elements;
        let values = self.values.get_mut(start..start + self.elements);
        let (Some(values), Some(search)) = (values, self.searches.get_mut(self.count)) else {
            return;
        };
        values.iter_mut().zip(codebook).for_each(|(to, from)| *to = from);
        round(k, rules, values);
        let table = Table::new(values);
        *search = Search {
            table: table.unwrap_or(Table::nf4()),
            largest: largest(values),
            has_table: u32::from(table.is_some()),
        };
        self.count += 1;
    }

    /// The integers from `-n / 2`, rounded up.
    pub(super) fn push_integers(&mut self, k: &Kernels, rules: &CodebookRules) {
        let n = rules.elements as i32;
        self.push(k, rules, (-(n / 2)..).map(|i| i as f32));
    }

    pub(super) fn get(&self, i: usize) -> Option<Candidate<'_>> {
        let search = self.searches.get(i).filter(|_| i < self.count)?;
        let values = self.values.get(i * self.elements..(i + 1) * self.elements)?;
        let coding = match search.has_table {
            0 => Coding::Codebook(values),
            _ => Coding::Table(&search.table),
        };
        Some(Candidate { values, coding, largest: search.largest })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Candidate<'_>> {
        (0..self.count).filter_map(|i| self.get(i))
    }
}

/// The default codebook.
pub(super) fn default_codebook<'a>(rules: &CodebookRules, given: &'a [f32]) -> &'a [f32] {
    if rules.default_size == 0 { &CB4 } else { given }
}

/// The largest magnitude.
pub(super) fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |most: f32, x| if x.abs() > most { x.abs() } else { most })
}

/// Rounds ascending values to the type of the codebook. Those that become equal move apart, to the
/// nearest numbers of the type that make them strictly ascending, between the ends as far as there
/// is room.
fn round(k: &Kernels, rules: &CodebookRules, values: &mut [f32]) {
    // Numbers of a type in ascending order are counted by their bits without sign, with the sign.
    if let Some(format) = rules.values {
        let float = Float { through_f16: rules.through_f16, ..Float::saturating(format) };
        let sign = format.sign();
        spread(values, i32::from(format.largest()), |x| {
            let mut code = [0];
            Coding::Float(float).encode(k, false, &[x], &UNSCALED, &mut code);
            let [code] = code;
            let magnitude = i32::from(code & (sign - 1));
            if code & sign == 0 { magnitude } else { -magnitude }
        });
        for x in values {
            let rank = x.to_bits() as i32;
            let magnitude = format.magnitude(rank.unsigned_abs() as u8);
            *x = if rank < 0 { -magnitude } else { magnitude };
        }
    } else {
        spread(values, f32::MAX.to_bits() as i32, |x| {
            let magnitude = (x.to_bits() & 0x7FFF_FFFF) as i32;
            if x < 0.0 { -magnitude } else { magnitude }
        });
        for x in values {
            let rank = x.to_bits() as i32;
            let sign = if rank < 0 { 1 << 31 } else { 0 };
            *x = f32::from_bits(rank.unsigned_abs() | sign);
        }
    }
}

/// Puts the rank of every value in its place, as bits: strictly ascending, in `-limit..=limit`.
fn spread(values: &mut [f32], limit: i32, rank: impl Fn(f32) -> i32) {
    let room = values.len() as i32 - 1;
    let low = values.first().map_or(0, |x| rank(*x)).min(limit - room);
    let high = values.last().map_or(0, |x| rank(*x)).max(low.saturating_add(room)).min(limit);
    let mut at = low.min(high - room);
    for x in values.iter_mut() {
        let to = rank(*x).max(at);
        *x = f32::from_bits(to as u32);
        at = to + 1;
    }
    let mut at = high;
    for x in values.iter_mut().rev() {
        let to = (x.to_bits() as i32).min(at);
        *x = f32::from_bits(to as u32);
        at = to - 1;
    }
}
