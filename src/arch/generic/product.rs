use crate::arch::simd::{BLOCK, Simd, fold, padded, unpad};

/// A tile of some rows whose accumulators stay in registers.
macro_rules! tile {
    ($name:ident: $($a:ident $acc:ident),+) => {
        #[inline(always)]
        fn $name<S: Simd>(s: S, a: &[f32], x: &[[f32; BLOCK]], acc: &mut [[f32; BLOCK]]) {
            let mut rows = a.chunks_exact(x.len().max(1));
            $(let $a = rows.next().unwrap_or_default();)+
            let [$($acc),+] = acc else { return };
            tile!(@run s, x, [], $($a $acc),+);
        }
    };
    (@run $s:ident, $x:ident, [], $($a:ident $acc:ident),+) => {
        $(let to = $acc; let mut $acc = ($s.load(to), to);)+
        let values = tile!(@zip $x.iter(), $($a),+);
        for tile!(@pattern x, $($a),+) in values {
            let x = $s.load(x);
            $($acc.0 = $s.fma($s.splat(*$a), x, $acc.0);)+
        }
        $($s.store($acc.0, $acc.1);)+
    };
    (@zip $x:expr, $a:ident) => { $x.zip($a) };
    (@zip $x:expr, $a:ident, $($rest:ident),+) => { tile!(@zip $x.zip($a), $($rest),+) };
    (@pattern $x:pat, $a:ident) => { ($x, $a) };
    (@pattern $x:pat, $a:ident, $($rest:ident),+) => { tile!(@pattern ($x, $a), $($rest),+) };
}

tile!(one: a0 c0);
tile!(two: a0 c0, a1 c1);
tile!(four: a0 c0, a1 c1, a2 c2, a3 c3);
tile!(eight: a0 c0, a1 c1, a2 c2, a3 c3, a4 c4, a5 c5, a6 c6, a7 c7);

#[inline(always)]
pub(crate) fn rows<S: Simd>(s: S, a: &[f32], x: &[f32], acc: &mut [f32]) {
    let (x, _) = x.as_chunks::<BLOCK>();
    let (acc, _) = acc.as_chunks_mut::<BLOCK>();
    let depth = x.len().max(1);
    let many = if S::WIDE { 8 } else { 2 };
    let tiles = a.chunks(depth.saturating_mul(many)).zip(acc.chunks_mut(many));
    for (a, acc) in tiles {
        match acc.len() {
            8 => eight(s, a, x, acc),
            4 => four(s, a, x, acc),
            2 => two(s, a, x, acc),
            _ => {
                for (a, acc) in a.chunks(depth).zip(acc.chunks_mut(1)) {
                    one(s, a, x, acc);
                }
            }
        }
    }
}

/// What turns elements of a block of rows into numbers.
struct Steps<S: Simd>(Option<(S::F32, S::F32)>);

impl<S: Simd> Steps<S> {
    #[inline(always)]
    fn new(s: S, zero: &[f32], scale: &[f32]) -> Self {
        if scale.is_empty() {
            return Self(None);
        }
        Self(Some((s.load(&padded(zero, 0.0)), s.load(&padded(scale, 0.0)))))
    }

    /// `acc + h x` for an element of each row.
    #[inline(always)]
    fn add(&self, s: S, h: f32, line: &[f32; BLOCK], acc: S::F32) -> S::F32 {
        let mut x = s.load(line);
        if let Some((zero, scale)) = self.0 {
            x = s.mul(s.sub(x, zero), scale);
        }
        s.fma(s.splat(h), x, acc)
    }
}

#[inline(always)]
pub(crate) fn vector<S: Simd>(
    s: S,
    h: &[f32],
    b: &[f32],
    zero: &[f32],
    scale: &[f32],
    acc: &mut [f32],
) {
    let cols = h.len().max(1);
    let (fours, last) = h.as_chunks::<4>();
    let blocks = b.chunks(cols.saturating_mul(BLOCK)).zip(acc.chunks_mut(BLOCK));
    for (at, (rows, acc)) in blocks.enumerate() {
        let span = at * BLOCK..at * BLOCK + acc.len();
        let (zero, scale) = (zero.get(span.clone()), scale.get(span));
        let steps = Steps::new(s, zero.unwrap_or_default(), scale.unwrap_or_default());
        let mut sums = s.load(&padded(acc, 0.0));
        for (i, h) in fours.iter().enumerate() {
            let mut lines = [[0.0; BLOCK]; 4];
            if rows.len() == cols * BLOCK {
                transpose(s, (rows, cols, 4 * i), &mut lines);
            } else {
                for (j, line) in lines.iter_mut().enumerate() {
                    *line = column(rows, cols, 4 * i + j);
                }
            }
            for (h, line) in h.iter().zip(&lines) {
                sums = steps.add(s, *h, line, sums);
            }
        }
        for (j, h) in last.iter().enumerate() {
            sums = steps.add(s, *h, &column(rows, cols, 4 * fours.len() + j), sums);
        }
        let mut result = [0.0; BLOCK];
        s.store(sums, &mut result);
        unpad(&result, acc);
    }
}

/// Four columns of a block of whole rows.
#[inline(always)]
fn transpose<S: Simd>(
    s: S,
    (rows, cols, start): (&[f32], usize, usize),
    lines: &mut [[f32; BLOCK]; 4],
) {
    let [l0, l1, l2, l3] = lines;
    let parts: [&mut [[f32; 8]; BLOCK / 8]; 4] = [
        bytemuck::must_cast_mut(l0),
        bytemuck::must_cast_mut(l1),
        bytemuck::must_cast_mut(l2),
        bytemuck::must_cast_mut(l3),
    ];
    let [l0, l1, l2, l3] = parts;
    let to = l0.iter_mut().zip(l1).zip(l2).zip(l3);
    for (rows, (((t0, t1), t2), t3)) in rows.chunks_exact(8 * cols).zip(to) {
        let from = [
            quad(rows, start),
            quad(rows, cols + start),
            quad(rows, 2 * cols + start),
            quad(rows, 3 * cols + start),
            quad(rows, 4 * cols + start),
            quad(rows, 5 * cols + start),
            quad(rows, 6 * cols + start),
            quad(rows, 7 * cols + start),
        ];
        let [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f), Some(g), Some(h)] = from else {
            return;
        };
        s.transpose_eight([a, b, c, d, e, f, g, h], [t0, t1, t2, t3]);
    }
}

/// Four elements.
#[inline(always)]
fn quad(rows: &[f32], at: usize) -> Option<&[f32; 4]> {
    rows.get(at..)?.first_chunk()
}

/// A column of at most a block of rows.
#[inline(always)]
fn column(rows: &[f32], cols: usize, at: usize) -> [f32; BLOCK] {
    let mut line = [0.0; BLOCK];
    for (to, row) in line.iter_mut().zip(rows.chunks_exact(cols)) {
        *to = row.get(at).copied().unwrap_or_default();
    }
    line
}

#[inline(always)]
pub(crate) fn dot<S: Simd>(s: S, a: &[f32], b: &[f32]) -> f32 {
    let mut acc = s.splat(0.0);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<BLOCK>(), b.as_chunks::<BLOCK>());
    for (a, b) in a.iter().zip(b) {
        acc = s.fma(s.load(a), s.load(b), acc);
    }
    if !a_rest.is_empty() && !b_rest.is_empty() {
        acc = s.fma(s.load(&padded(a_rest, 0.0)), s.load(&padded(b_rest, 0.0)), acc);
    }
    let mut lanes = [0.0; BLOCK];
    s.store(acc, &mut lanes);
    fold(lanes)
}

#[inline(always)]
pub(crate) fn add_scaled<S: Simd>(s: S, factor: f32, x: &[f32], acc: &mut [f32]) {
    let ((x, x_rest), (acc, acc_rest)) = (x.as_chunks::<BLOCK>(), acc.as_chunks_mut::<BLOCK>());
    let scale = s.splat(factor);
    for (x, acc) in x.iter().zip(acc) {
        s.store(s.fma(scale, s.load(x), s.load(acc)), acc);
    }
    let mut last = padded(acc_rest, 0.0);
    let sum = s.fma(scale, s.load(&padded(x_rest, 0.0)), s.load(&last));
    s.store(sum, &mut last);
    unpad(&last, acc_rest);
}
