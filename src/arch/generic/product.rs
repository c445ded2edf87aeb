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
