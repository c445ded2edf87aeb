//! The tolerance rules of the index.
//!
//! Values are compared as `f64`, which holds every element type exactly. A NaN equals a NaN where a rule
//! compares values, and -0 equals 0. Where a rule could be met by an impossible value (an empty tensor,
//! an index beyond its table, a code beyond its format, any number where infinity is expected), the
//! value is refused.

use crate::case::{Data, Tensors};
use serde_json::Value;

/// How a candidate tensor may differ from the expected one.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Equal values.
    Exact,
    /// `|c - e| <= atol + rtol * |e|` for all but a share `max_frac` of the elements.
    Close { rtol: f64, atol: f64, max_frac: f64 },
    /// Integers: a share of at most `max_frac` differs, none by more than `max_diff`.
    Codes { max_frac: f64, max_diff: f64 },
    /// Codes of a small float format, compared by value: a share of at most `max_frac` differs.
    FloatCodes { format: Format, max_frac: f64 },
    /// `c <= e * (1 + rtol) + 1e-30`: an error that must not be larger.
    UpperBound { rtol: f64 },
    /// `norm(c - e) <= rtol * norm(e)`, Frobenius norms.
    RelFrobenius { rtol: f64 },
    /// Element `i` is a column of row `i` of the tensor `table`, whose value there is at most the
    /// row's minimum times `1 + rtol`.
    ArgMinWithin { table: String, rtol: f64 },
    /// Recorded for information, never compared.
    Info,
}

/// A float format of at most eight bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    E4m3,
    E5m2,
    E2m1,
    Nf4,
}

impl Rule {
    /// Reads the rule of one tensor.
    pub fn parse(rule: &Value) -> Result<Rule, String> {
        let number = |key: &str| match rule.get(key).and_then(Value::as_f64) {
            Some(value) if value.is_finite() && value >= 0.0 => Ok(value),
            _ => Err(format!("rule {rule} without a number `{key}`")),
        };
        let text = |key: &str| {
            rule.get(key).and_then(Value::as_str).ok_or(format!("rule {rule} without `{key}`"))
        };
        Ok(match text("mode")? {
            "exact" => Rule::Exact,
            "allclose" => {
                Rule::Close { rtol: number("rtol")?, atol: number("atol")?, max_frac: 0.0 }
            }
            "allclose_fraction" => Rule::Close {
                rtol: number("rtol")?,
                atol: number("atol")?,
                max_frac: number("max_frac")?,
            },
            "codes" => Rule::Codes { max_frac: number("max_frac")?, max_diff: number("max_diff")? },
            "fpcode" => Rule::FloatCodes {
                format: Format::parse(text("format")?)?,
                max_frac: number("max_frac")?,
            },
            "upper_bound" => Rule::UpperBound { rtol: number("rtol")? },
            "rel_frobenius" => Rule::RelFrobenius { rtol: number("rtol")? },
            "argmin_within" => {
                Rule::ArgMinWithin { table: text("table")?.into(), rtol: number("rtol")? }
            }
            "info" => Rule::Info,
            other => return Err(format!("unknown tolerance mode `{other}`")),
        })
    }

    /// Compares; the error says how far off the candidate is. `tensors` are those of the case.
    pub fn check(
        &self,
        candidate: &Data,
        expected: &Data,
        tensors: &Tensors,
    ) -> Result<(), String> {
        if *self == Rule::Info {
            return Ok(());
        }
        if candidate.len() != expected.len() {
            return Err(format!("{} elements, expected {}", candidate.len(), expected.len()));
        }
        if expected.len() == 0 {
            return Err("an empty tensor proves nothing".into());
        }
        let (c, e) = (candidate.to_f64(), expected.to_f64());
        match self {
            Rule::Info => Ok(()),
            Rule::Exact => share(&c, &e, 0.0, same),
            Rule::Close { rtol, atol, max_frac } => {
                share(&c, &e, *max_frac, |c, e| close(c, e, *rtol, *atol))
            }
            Rule::Codes { max_frac, max_diff } => codes(&c, &e, *max_frac, *max_diff),
            Rule::FloatCodes { format, max_frac } => share(
                &c,
                &e,
                *max_frac,
                |c, e| matches!((format.decode(c), format.decode(e)), (Some(c), Some(e)) if same(c, e)),
            ),
            Rule::UpperBound { rtol } => share(&c, &e, 0.0, |c, e| match expected {
                // The bound of a float tensor is computed in its own precision.
                Data::F32(_) => c <= f64::from(e as f32 * (1.0 + rtol) as f32 + 1e-30),
                _ => c <= e * (1.0 + rtol) + 1e-30,
            }),
            Rule::RelFrobenius { rtol } => {
                let difference = norm(c.iter().zip(&e).map(|(c, e)| c - e));
                let relative = difference / norm(e.iter().copied()).max(1e-30);
                verdict(relative <= *rtol, || format!("{relative:.3e} off, allowed {rtol:.3e}"))
            }
            Rule::ArgMinWithin { table, rtol } => {
                let table = tensors.get(table).ok_or(format!("no table {table}"))?.data.to_f64();
                argmin_within(&c, &table, *rtol)
            }
        }
    }
}

impl Format {
    fn parse(name: &str) -> Result<Format, String> {
        match name {
            "e4m3" => Ok(Format::E4m3),
            "e5m2" => Ok(Format::E5m2),
            "e2m1" => Ok(Format::E2m1),
            "nf4" => Ok(Format::Nf4),
            other => Err(format!("unknown format `{other}`")),
        }
    }

    /// The value of a code (of NF4: the code itself); `None` if there is no such code.
    fn decode(self, code: f64) -> Option<f64> {
        let (exponent_bits, mantissa_bits, bias) = match self {
            Format::E4m3 => (4, 3, 7),
            Format::E5m2 => (5, 2, 15),
            Format::E2m1 => (2, 1, 1),
            Format::Nf4 => return (0..16).map(f64::from).find(|&index| index == code),
        };
        let width = exponent_bits + mantissa_bits;
        let code = (0..2_u32 << width).find(|&index| f64::from(index) == code)?;
        let sign = if code >> width == 1 { -1.0 } else { 1.0 };
        let exponent = (code >> mantissa_bits) & ((1 << exponent_bits) - 1);
        let mantissa = code & ((1 << mantissa_bits) - 1);
        let fraction = f64::from(mantissa) / f64::from(1 << mantissa_bits);
        let magnitude = match (self, exponent, mantissa) {
            (Format::E4m3, 15, 7) => f64::NAN,
            (Format::E5m2, 31, 0) => f64::INFINITY,
            (Format::E5m2, 31, _) => f64::NAN,
            (_, 0, _) => fraction * 2.0_f64.powi(1 - bias),
            _ => (1.0 + fraction) * 2.0_f64.powi(exponent.cast_signed() - bias),
        };
        Some(sign * magnitude)
    }
}

/// Equal, or both NaN.
fn same(c: f64, e: f64) -> bool {
    c == e || (c.is_nan() && e.is_nan())
}

/// The same, or within the tolerance of a finite value.
fn close(c: f64, e: f64, rtol: f64, atol: f64) -> bool {
    same(c, e) || (e.is_finite() && (c - e).abs() <= atol + rtol * e.abs())
}

/// `Ok` if the condition holds, else the reason.
fn verdict(ok: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if ok { Ok(()) } else { Err(reason()) }
}

/// Allows a share `max_frac` of pairs that do not agree; the reason quotes the first.
fn share(
    c: &[f64],
    e: &[f64],
    max_frac: f64,
    agree: impl Fn(f64, f64) -> bool,
) -> Result<(), String> {
    let bad = || c.iter().zip(e).enumerate().filter(|(_, (c, e))| !agree(**c, **e));
    let (count, total) = (bad().count(), e.len());
    verdict(count as f64 / total as f64 <= max_frac, || {
        let first = bad().next().map(|(at, (c, e))| format!("first [{at}] {c:e} for {e:e}"));
        format!("{count}/{total} differ, allowed {max_frac}; {}", first.unwrap_or_default())
    })
}

/// Integer codes: few may differ, and those by little.
fn codes(c: &[f64], e: &[f64], max_frac: f64, max_diff: f64) -> Result<(), String> {
    share(c, e, max_frac, |c, e| c == e)?;
    share(c, e, 0.0, |c, e| (c - e).abs() <= max_diff)
        .map_err(|reason| format!("more than {max_diff} apart: {reason}"))
}

/// The square root of the sum of squares.
fn norm(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|x| x * x).sum::<f64>().sqrt()
}

/// Each index must point to a value near the least of its row of the table.
fn argmin_within(c: &[f64], table: &[f64], rtol: f64) -> Result<(), String> {
    let columns = table.len() / c.len();
    if columns == 0 || columns * c.len() != table.len() {
        return Err(format!("a table of {} for {} rows", table.len(), c.len()));
    }
    let bad = c.iter().zip(table.chunks_exact(columns)).enumerate().find(|(_, (index, row))| {
        let chosen = (0..columns).find(|&column| column as f64 == **index);
        let Some(chosen) = chosen.and_then(|column| row.get(column)) else { return true };
        // A row with a NaN has no minimum: every choice is refused.
        !row.iter().all(|value| *chosen <= value * (1.0 + rtol))
    });
    match bad {
        None => Ok(()),
        Some((row, (index, _))) => Err(format!("row {row}: column {index} is not the least")),
    }
}
