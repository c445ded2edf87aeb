use crate::arch::scalar::triangle::root;
use crate::arch::simd::{BLOCK, Simd};

/// Some rows of a solution at once, each with its row of the triangle.
macro_rules! solve_rows {
    ($name:ident: $count:literal, $($l:ident $acc:ident),+) => {
        /// `l` begins at the first of the rows, `at` is its number.
        #[inline(always)]
        fn $name<S: Simd>(s: S, l: &[f32], stride: usize, done: &[[f32; BLOCK]], x: &mut [[f32; BLOCK]]) {
            let at = done.len();
            let mut rows = l.chunks(stride.max(1));
            $(let $l = rows.next().unwrap_or_default();)+
            let [$($acc),+] = x else { return };
            $(let to = $acc; let mut $acc = (s.load(to), to);)+
            let values = solve_rows!(@zip done.iter(), $($l),+);
            for solve_rows!(@pattern x, $($l),+) in values {
                let x = s.load(x);
                $($acc.0 = s.fnma(s.splat(*$l), x, $acc.0);)+
            }
            $(let $l = $l.get(at..).and_then(|l| l.first_chunk::<$count>()).unwrap_or(&[0.0; $count]);)+
            solve_rows!(@triangle s, 0, $($l $acc),+);
            $(s.store($acc.0, $acc.1);)+
        }
    };
    (@triangle $s:ident, $i:expr, $l:ident $acc:ident) => {
        $acc.0 = $s.mul($acc.0, $s.splat($l[$i]));
    };
    (@triangle $s:ident, $i:expr, $l:ident $acc:ident, $($rest:ident $more:ident),+) => {
        $acc.0 = $s.mul($acc.0, $s.splat($l[$i]));
        $($more.0 = $s.fnma($s.splat($rest[$i]), $acc.0, $more.0);)+
        solve_rows!(@triangle $s, $i + 1, $($rest $more),+);
    };
    (@zip $x:expr, $a:ident) => { $x.zip($a) };
    (@zip $x:expr, $a:ident, $($rest:ident),+) => { solve_rows!(@zip $x.zip($a), $($rest),+) };
    (@pattern $x:pat, $a:ident) => { ($x, $a) };
    (@pattern $x:pat, $a:ident, $($rest:ident),+) => { solve_rows!(@pattern ($x, $a), $($rest),+) };
}

solve_rows!(one: 1, l0 x0);
solve_rows!(two: 2, l0 x0, l1 x1);
solve_rows!(eight: 8, l0 x0, l1 x1, l2 x2, l3 x3, l4 x4, l5 x5, l6 x6, l7 x7);

#[inline(always)]
pub(crate) fn solve<S: Simd>(s: S, l: &[f32], stride: usize, x: &mut [f32]) {
    let (x, _) = x.as_chunks_mut::<BLOCK>();
    let many = if S::WIDE { 8 } else { 2 };
    let (mut at, mut l) = (0, l);
    while let Some((done, rest)) = x.split_at_mut_checked(at) {
        let left = rest.len();
        let step = if left >= many { many } else { 1 };
        let (now, _) = rest.split_at_mut(step.min(left));
        match now.len() {
            8 => eight(s, l, stride, done, now),
            2 => two(s, l, stride, done, now),
            1 => one(s, l, stride, done, now),
            _ => return,
        }
        at += step;
        l = l.get(step.saturating_mul(stride)..).unwrap_or_default();
    }
}

/// Subtracts from some columns what the columns before `from` contribute.
macro_rules! update_columns {
    ($name:ident: $count:literal, $($l:ident $acc:ident),+) => {
        #[inline(always)]
        fn $name<S: Simd>(s: S, lane: usize, done: &[[f32; BLOCK]], x: &mut [[f32; BLOCK]]) {
            let [$($acc),+] = x else { return };
            $(let to = $acc; let mut $acc = (s.load(to), to);)+
            for x in done {
                let Some([$($l),+]) = x.get(lane..).and_then(|x| x.first_chunk::<$count>()) else { return };
                let x = s.load(x);
                $($acc.0 = s.fnma(s.splat(*$l), x, $acc.0);)+
            }
            $(s.store($acc.0, $acc.1);)+
        }
    };
}

update_columns!(update_one: 1, l0 x0);
update_columns!(update_two: 2, l0 x0, l1 x1);
update_columns!(update_eight: 8, l0 x0, l1 x1, l2 x2, l3 x3, l4 x4, l5 x5, l6 x6, l7 x7);

#[inline(always)]
pub(crate) fn factor<S: Simd>(s: S, x: &mut [f32], from: usize) -> usize {
    let (x, _) = x.as_chunks_mut::<BLOCK>();
    let Some((done, x)) = x.split_at_mut_checked(from) else { return 0 };
    let count = x.len().min(BLOCK);
    let (x, _) = x.split_at_mut(count);
    let many = if S::WIDE { 8 } else { 2 };
    for (i, x) in x.chunks_mut(many).enumerate() {
        match x.len() {
            8 => update_eight(s, many * i, done, x),
            2 => update_two(s, many * i, done, x),
            _ => {
                for (j, x) in x.chunks_mut(1).enumerate() {
                    update_one(s, many * i + j, done, x);
                }
            }
        }
    }
    for lane in 0..count {
        let Some((done, rest)) = x.split_at_mut_checked(lane) else { return lane };
        let Some(column) = rest.first_mut() else { return lane };
        let mut acc = s.load(column);
        for x in done.iter() {
            acc = s.fnma(s.splat(x.get(lane).copied().unwrap_or_default()), s.load(x), acc);
        }
        s.store(acc, column);
        let Some(root) = root(column, lane) else { return lane };
        s.store(s.mul(acc, s.splat(1.0 / root)), column);
        column.iter_mut().skip(lane).take(1).for_each(|x| *x = root);
    }
    count
}
