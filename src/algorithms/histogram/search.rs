//! Finds the window with the least loss: of all symmetric ones, or by turns of its two ends.

/// Windows that are tried in one direction before the best is refined.
const CANDIDATES: usize = 2048;

/// Most turns of the ends of a window.
const TURNS: usize = 4;

/// The number of `from..=to` with the least loss, the largest of equals: all of them, or evenly
/// spread ones and then the neighbours of the best, at half the distance each time.
pub(super) fn best(from: i64, to: i64, loss: impl Fn(i64) -> f64) -> i64 {
    let mut best = (loss(to), to);
    let mut step = (to - from).unsigned_abs().div_ceil(CANDIDATES as u64).max(1) as i64;
    let mut consider = |at: i64| {
        if (from..to).contains(&at) {
            let loss = loss(at);
            if loss < best.0 || (loss == best.0 && at > best.1) {
                best = (loss, at);
            }
        }
        best.1
    };
    let (mut at, mut found) = (to - step, to);
    while at >= from {
        found = consider(at);
        at -= step;
    }
    while step > 1 {
        step = step / 2 + step % 2;
        consider(found - step);
        found = consider(found + step);
    }
    found
}

/// The window of at least `least` bins in `0..len` with the least loss that is found by moving its
/// ends by turns, from all bins on; the first move is that of either end.
pub(super) fn window(len: i64, least: i64, loss: impl Fn(i64, i64) -> f64) -> (i64, i64) {
    let end_first = descend(len, least, &loss);
    // The same with the ends swapped: bins are counted from the other side.
    let (end, start) = descend(len, least, |end, start| loss(len - start, len - end));
    let start_first = (len - start, len - end);
    if loss(start_first.0, start_first.1) < loss(end_first.0, end_first.1) {
        start_first
    } else {
        end_first
    }
}

/// Moves the end, then the start, and so on, to where the loss is least, while it gets less.
fn descend(len: i64, least: i64, loss: impl Fn(i64, i64) -> f64) -> (i64, i64) {
    let (mut start, mut end) = (0, len);
    for _ in 0..TURNS {
        let before = (start, end);
        end = best((start + least).min(len), len, |end| loss(start, end));
        // Counted from the end, so that of equals the widest window is taken here, too.
        start = end - best(least.min(end), end, |bins| loss(end - bins, end));
        if before == (start, end) {
            break;
        }
    }
    (start, end)
}
