//! Histograms: streaming states, and the ranges that are found on them.

use crate::algorithms::histogram::{self, RangeScratch, State, StateMut, UpdateScratch};
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::histogram::{
    self as params, HistogramParams, HistogramRangeParams, HistogramShape, HistogramSummary,
};
use crate::params::matrix::Matrix;
use crate::scratch;
use crate::status::{Error, Result, Status};
use core::ffi::c_void;

/// Fills the parameters of a histogram: 2048 bins, those of NNCF.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_params_default(params: *mut HistogramParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, HistogramParams::DEFAULT) };
}

/// Fills the parameters of `ptqk_histogram_range`: the search of NNCF.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_range_params_default(params: *mut HistogramRangeParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, HistogramRangeParams::DEFAULT) };
}

/// What a histogram of these parameters is like.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn shape(params: *const HistogramParams) -> Result<HistogramShape> {
    // SAFETY: the contract of this function.
    unsafe { check::params(params) }?.validate()
}

/// Size of the state of a histogram.
///
/// The state is also what is written to a file or sent to another process; `ptqk_histogram_load` checks
/// what comes back. Layout, in the byte order of the machine:
///
/// | offset | type | |
/// |---|---|---|
/// | 0 | `char[8]` | `PTQKHIST` |
/// | 8 | `uint32_t` | `0x01020304`; another value shows another byte order |
/// | 12 | `uint32_t` | version of this layout: 1 |
/// | 16 | `uint64_t` | size of the state in bytes: `88 + 8 * num_bins` |
/// | 24 | `uint64_t` | checksum of all other bytes |
/// | 32 | `uint32_t` | kind |
/// | 36 | `uint32_t` | `num_bins` |
/// | 40 | `uint32_t` | `upsample_rate` |
/// | 44 | `int32_t` | mergeable: the width of a bin is 2 to this power; parity: 0 |
/// | 48 | `int64_t` | mergeable: where bin 0 begins, in bins from 0; parity: 0 |
/// | 56 | `double` | smallest element, 0 if there is none |
/// | 64 | `double` | largest element, 0 if there is none |
/// | 72 | `uint64_t` | number of elements |
/// | 80 | `uint64_t` | number of updates |
/// | 88 | `double` or `uint64_t` | `num_bins` counts: parity `double`, mergeable `uint64_t` |
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param bytes  Receives the size: `88 + 8 * num_bins`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_state_size(
    ctx: *const Ctx,
    params: *const HistogramParams,
    bytes: *mut usize,
) -> Status {
    // SAFETY: the pointer contract of the header.
    let value = || Ok(StateMut::words(unsafe { shape(params) }?) * 8);
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// Makes an empty histogram.
///
/// @param ctx         May be NULL.
/// @param params      Not NULL.
/// @param state       Receives the state, at a multiple of 8. No call keeps the pointer: a state may be
///                    copied and moved.
/// @param state_bytes What `ptqk_histogram_state_size` gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_init(
    ctx: *const Ctx,
    params: *const HistogramParams,
    state: *mut c_void,
    state_bytes: usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let shape = unsafe { shape(params) }?;
        let words = StateMut::words(shape);
        let state = check::new_state(state, state_bytes, words * 8)?;
        // SAFETY: the pointer contract of the header.
        StateMut::init(shape, unsafe { state.slice() }).map(|_| ())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Size of the workspace of `ptqk_histogram_update` for a matrix of this shape, and of
/// `ptqk_histogram_merge` for no rows and columns. More rows or columns never need less.
///
/// @param ctx    May be NULL.
/// @param params Those of the histogram. Not NULL.
/// @param rows   Rows of the matrix.
/// @param cols   Columns of the matrix.
/// @param bytes  Receives the size, for a workspace at any address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_workspace_size(
    ctx: *const Ctx,
    params: *const HistogramParams,
    rows: usize,
    cols: usize,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        let shape = unsafe { shape(params) }?;
        scratch::needed(|scratch| UpdateScratch::carve(scratch, shape, rows, cols))
    };
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// Adds the elements of a matrix to a histogram.
///
/// f16 and bf16 are widened to f32 first. An element is in bin `j` if it is not below the bin's lower
/// edge, but below that of the next bin; the last bin holds its upper edge, too. Edges of the parity
/// kind are those of `numpy.histogram`, rounded to f32; a histogram of equal elements has the bins of
/// that number minus and plus 0.5.
///
/// With the mergeable kind, the state does not depend on the order of updates or on how elements are
/// shared among them, but for the number of updates; with the parity kind it does, as in NNCF.
///
/// A NaN or an infinity is refused with `PTQK_STATUS_NOT_FINITE` and its row-major index: the state is
/// as before, and after `PTQK_STATUS_CANCELLED`, too. An empty matrix changes nothing.
///
/// @param ctx             May be NULL.
/// @param src             The matrix.
/// @param state           The histogram.
/// @param state_bytes     Its size.
/// @param workspace       Memory at any address, which holds nothing afterwards.
/// @param workspace_bytes At least what `ptqk_histogram_workspace_size` gives for the matrix.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_update(
    ctx: *const Ctx,
    src: *const Matrix,
    state: *mut c_void,
    state_bytes: usize,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (src, src_span) = unsafe { check::matrix(src, c"src") }?;
        // SAFETY: as above.
        let (words, span) = unsafe { check::state(state.cast_const(), state_bytes, c"state") }?;
        let shape = State::open(words, c"state")?.shape();
        let (rows, cols) = (src.rows(), src.cols());
        let needed = scratch::needed(|scratch| UpdateScratch::carve(scratch, shape, rows, cols))?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        check::disjoint(&[span, workspace.span], &[src_span])?;
        if src.rows() == 0 || src.cols() == 0 {
            return Ok(());
        }
        let state = check::state_mut(state, state_bytes)?;
        // SAFETY: as above; the outputs are disjoint, and `words` is not used any more.
        let (words, workspace) = unsafe { (state.slice(), workspace.slice()) };
        let mut state = StateMut::open(words, c"state")?;
        histogram::update(dispatch::active(), exec, &mut state, src, workspace)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Adds the elements of another histogram of the same parameters.
///
/// With the mergeable kind, the state is the one that has seen the elements of both, whatever the order
/// of updates and merges. With the parity kind, counts are distributed over the bins of the common
/// range as NNCF does with those of earlier updates: merging `a` into `b` gives the counts of merging
/// `b` into `a`, but the shape of a tree of merges shows.
///
/// @param ctx             May be NULL.
/// @param other           The histogram that is added.
/// @param other_bytes     Its size.
/// @param state           The histogram that it is added to.
/// @param state_bytes     Its size.
/// @param workspace       Memory at any address, which holds nothing afterwards.
/// @param workspace_bytes At least what `ptqk_histogram_workspace_size` gives for 0 rows and columns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_merge(
    ctx: *const Ctx,
    other: *const c_void,
    other_bytes: usize,
    state: *mut c_void,
    state_bytes: usize,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (other, other_span) = unsafe { check::state(other, other_bytes, c"other") }?;
        let other = State::open(other, c"other")?;
        // SAFETY: as above.
        let (words, span) = unsafe { check::state(state.cast_const(), state_bytes, c"state") }?;
        let shape = State::open(words, c"state")?.shape();
        let needed = scratch::needed(|scratch| UpdateScratch::carve(scratch, shape, 0, 0))?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        check::disjoint(&[span, workspace.span], &[other_span])?;
        let state = check::state_mut(state, state_bytes)?;
        // SAFETY: as above; the outputs are disjoint, and `words` is not used any more.
        let (words, workspace) = unsafe { (state.slice(), workspace.slice()) };
        let mut state = StateMut::open(words, c"state")?;
        histogram::merge(&mut state, other, workspace)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// What a histogram holds.
///
/// @param ctx         May be NULL.
/// @param state       The histogram.
/// @param state_bytes Its size.
/// @param summary     Receives everything but the counts, or NULL.
/// @param counts      Receives the number of elements of each bin, or NULL. Fractions with the parity
///                    kind; rounded to `double` beyond 2^53.
/// @param counts_len  Room in `counts`: at least `num_bins`, unless that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_query(
    ctx: *const Ctx,
    state: *const c_void,
    state_bytes: usize,
    summary: *mut HistogramSummary,
    counts: *mut f64,
    counts_len: usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (words, span) = unsafe { check::state(state, state_bytes, c"state") }?;
        let state = State::open(words, c"state")?;
        let num_bins = state.shape().num_bins;
        if !counts.is_null() && counts_len < num_bins {
            let rule = c"must be at least the number of bins";
            let error = Error::new(Status::InvalidShape, c"counts_len", rule);
            return Err(Error { value: num_bins as f64, ..error });
        }
        let counts = check::Output::optional(counts, num_bins, c"counts")?;
        let summary = check::Output::optional(summary, 1, c"summary")?;
        check::disjoint(&[counts.span, summary.span], &[span])?;
        // SAFETY: as above; the outputs are disjoint.
        let (counts, summary) = unsafe { (counts.slice(), summary.slice()) };
        state.counts_into(counts);
        summary.iter_mut().for_each(|summary| *summary = state.summary());
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Checks the bytes of a state that comes from a file, another process or another machine, and then is
/// a state like any other.
///
/// Refused with `PTQK_STATUS_INVALID_PARAMETER` and the field of the layout: bytes that are not those
/// of a histogram, of another byte order or version, truncated or too many, damaged, or inconsistent.
/// Other functions check the header alone: memory that holds no state is refused by them, too, or
/// gives wrong numbers, but nothing worse.
///
/// @param ctx         May be NULL.
/// @param state       The bytes, at a multiple of 8.
/// @param state_bytes How many there are.
/// @param params      Receives the parameters of the histogram, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_load(
    ctx: *const Ctx,
    state: *const c_void,
    state_bytes: usize,
    params: *mut HistogramParams,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (words, span) = unsafe { check::state(state, state_bytes, c"state") }?;
        let state = State::load(words, c"state")?;
        let params = check::Output::optional(params, 1, c"params")?;
        check::disjoint(&[params.span], &[span])?;
        // SAFETY: as above.
        unsafe { params.slice() }.iter_mut().for_each(|params| *params = state.params());
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Size of the workspace of `ptqk_histogram_range`.
///
/// @param ctx      May be NULL.
/// @param params   Not NULL.
/// @param num_bins Number of bins of the histogram. Range: `16..65536`.
/// @param bytes    Receives the size, for a workspace at any address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_range_workspace_size(
    ctx: *const Ctx,
    params: *const HistogramRangeParams,
    num_bins: u32,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        unsafe { check::params(params) }?.validate()?;
        params::num_bins(num_bins, c"num_bins").map_err(|error| Error { field: None, ..error })?;
        scratch::needed(|scratch| RangeScratch::carve(scratch, num_bins as usize))
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// The range of a quantizer for the elements of a histogram, in which they are taken to be spread evenly
/// over their bins.
///
/// The results suit `ptqk_quantizer_from_min_max`. But for NNCF's search, the symmetric scheme gives
/// `-t` and `t`, or 0 and `t` if no element is negative, and no range exceeds that of the elements. If
/// all elements are equal, the range is theirs. A histogram without elements is refused.
///
/// Of 2048 or fewer possible ranges all are tried, else 2048 and the neighbours of the best; with both
/// ends free, one end is moved at a time, by turns.
///
/// @param ctx             May be NULL.
/// @param params          Not NULL.
/// @param state           The histogram, of any kind.
/// @param state_bytes     Its size.
/// @param min             Receives the lower end.
/// @param max             Receives the upper end.
/// @param workspace       Memory at any address, which holds nothing afterwards.
/// @param workspace_bytes At least what `ptqk_histogram_range_workspace_size` gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_histogram_range(
    ctx: *const Ctx,
    params: *const HistogramRangeParams,
    state: *const c_void,
    state_bytes: usize,
    min: *mut f32,
    max: *mut f32,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let rules = unsafe { check::params(params) }?.validate()?;
        // SAFETY: as above.
        let (words, span) = unsafe { check::state(state, state_bytes, c"state") }?;
        let state = State::open(words, c"state")?;
        let num_bins = state.shape().num_bins;
        let needed = scratch::needed(|scratch| RangeScratch::carve(scratch, num_bins))?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        let (min, max) = (check::output(min, c"min")?, check::output(max, c"max")?);
        check::disjoint(&[min.span, max.span, workspace.span], &[span])?;
        // SAFETY: as above; the outputs are disjoint.
        let (min, max, workspace) = unsafe { (min.slice(), max.slice(), workspace.slice()) };
        let (low, high) = histogram::range(state, rules, workspace)?;
        min.iter_mut().for_each(|min| *min = low);
        max.iter_mut().for_each(|max| *max = high);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
