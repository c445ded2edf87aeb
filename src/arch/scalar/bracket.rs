/// Counts `x < low`, `low <= x <= high` and `x > high`; writes the elements between to `room`, in
/// order, while there is some.
pub(super) fn run(
    src: &[f32],
    (low, high): (f32, f32),
    magnitude: bool,
    room: &mut [f32],
) -> [usize; 3] {
    let mut room = room.iter_mut();
    let [mut below, mut between, mut above] = [0; 3];
    for x in src {
        let x = if magnitude { x.abs() } else { *x };
        below += usize::from(x < low);
        above += usize::from(x > high);
        if x >= low && x <= high {
            between += 1;
            if let Some(to) = room.next() {
                *to = x;
            }
        }
    }
    [below, between, above]
}
