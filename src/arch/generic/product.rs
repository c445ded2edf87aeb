use crate::arch::simd::{BLOCK, Simd};

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
