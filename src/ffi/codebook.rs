//! Estimation of a codebook.

use crate::algorithms::codebook::{self, Layer, Shape};
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::codebook::{CODEBOOK_VALUES_F32, CodebookParams, CodebookRules};
use crate::params::context::Ctx;
use crate::params::matrix::Matrix;
use crate::scratch;
use crate::status::{Error, Result, Status};
use core::ffi::c_void;

/// The `value_type` of a codebook whose values stay f32.
pub const PTQK_CODEBOOK_VALUES_F32: u32 = 0xFFFF_FFFF;

const _: () = assert!(PTQK_CODEBOOK_VALUES_F32 == CODEBOOK_VALUES_F32);

/// Fills the parameters of `ptqk_estimate_codebook`: 16 values of E4M3 for one weight `[out, in]`,
/// per channel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_codebook_params_default(params: *mut CodebookParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, CodebookParams::DEFAULT) };
}

/// The arrays of the layers.
#[derive(Clone, Copy)]
struct Layers<'a> {
    weights: &'a [Matrix],
    importance: &'a [*const f32],
    activations: &'a [Matrix],
}

impl<'a> Layers<'a> {
    /// Checks the arrays, not what they point to; gives their spans, too.
    ///
    /// # Safety
    /// The pointer contract of the header.
    unsafe fn new(
        rules: &CodebookRules,
        weights: *const Matrix,
        importance: *const *const f32,
        activations: *const Matrix,
        count: usize,
    ) -> Result<(Self, [check::Span; 3])> {
        if count == 0 || (count > 1 && !rules.across_blocks) {
            let several = c"must be at least 1";
            let rule = if count == 0 { several } else { c"must be 1 without across_blocks" };
            let error = Error::new(Status::InvalidShape, c"count", rule);
            return Err(Error { value: count as f64, ..error });
        }
        // SAFETY: the contract of this function.
        unsafe {
            let (weights, a) = check::array(weights, count, c"weights")?;
            let (importance, b) = check::optional_array(importance, count, c"importance")?;
            let (activations, c) = check::optional_array(activations, count, c"activations")?;
            Ok((Self { weights, importance, activations }, [a, b, c]))
        }
    }

    /// The shapes of all layers, as they are stated.
    fn shapes(self, rules: &'a CodebookRules) -> impl Iterator<Item = Shape> + Clone {
        self.weights.iter().enumerate().map(move |(i, weights)| {
            let samples = self.activations.get(i).map(|x| x.cols);
            Shape::new(rules, (weights.rows, weights.cols), samples)
        })
    }

    /// Checks a layer; gives it and the spans of its parts.
    ///
    /// # Safety
    /// The pointer contract of the header.
    unsafe fn layer(
        &self,
        rules: &CodebookRules,
        i: usize,
    ) -> Result<(Layer<'a>, [check::Span; 3])> {
        let pointer =
            |matrices: &'a [Matrix]| matrices.get(i).map_or(core::ptr::null(), core::ptr::from_ref);
        // SAFETY: the contract of this function.
        let (weights, weights_span) = unsafe { check::matrix(pointer(self.weights), c"weights") }?;
        let inputs = if rules.by_column { weights.rows() } else { weights.cols() };
        let importance = self.importance.get(i).copied().unwrap_or_default();
        // SAFETY: as above.
        let (importance, importance_span) =
            unsafe { check::optional_array(importance, inputs, c"importance") }?;
        let mut layer = Layer { weights, importance, activations: None };
        if self.activations.is_empty() {
            return Ok((layer, [weights_span, importance_span, importance_span]));
        }
        // SAFETY: as above.
        let (x, span) = unsafe { check::matrix(pointer(self.activations), c"activations") }?;
        if x.rows() != inputs {
            let rule = c"must be the number of input channels of the weights";
            return Err(Error::shape(c"activations", c"rows", rule, x.rows() as f64));
        }
        if x.cols() == 0 {
            let rule = c"must be at least 1";
            return Err(Error::shape(c"activations", c"cols", rule, 0.0));
        }
        layer.activations = Some(x);
        Ok((layer, [weights_span, importance_span, span]))
    }
}

/// The default codebook of the parameters.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn default_codebook<'a>(
    params: &CodebookParams,
    rules: &CodebookRules,
) -> Result<(&'a [f32], check::Span)> {
    let name = c"params.default_codebook";
    // SAFETY: the contract of this function.
    let (values, span) =
        unsafe { check::array(params.default_codebook, rules.default_size, name) }?;
    check::ascending(values, name)?;
    Ok((values, span))
}

/// Bytes of the workspace of `ptqk_estimate_codebook` with the same arguments. Of the matrices, only
/// `rows` and `cols` are read.
///
/// @param ctx         May be NULL.
/// @param params      Not NULL.
/// @param weights     `count` matrices.
/// @param activations `count` matrices, or NULL.
/// @param count       Number of weights. Range: 1, or `>= 1` with `params->across_blocks`.
/// @param bytes       Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_estimate_codebook_workspace_size(
    ctx: *const Ctx,
    params: *const CodebookParams,
    weights: *const Matrix,
    activations: *const Matrix,
    count: usize,
    bytes: *mut usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let rules = unsafe { check::params(params) }?.validate()?;
        let none = core::ptr::null();
        // SAFETY: as above.
        let (layers, spans) = unsafe { Layers::new(&rules, weights, none, activations, count) }?;
        let out = check::output(bytes, c"bytes")?;
        check::disjoint(&[out.span], &spans)?;
        let value = codebook::workspace_size(&rules, layers.shapes(&rules))?;
        // SAFETY: as above; the output is disjoint.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Finds a codebook for weights, for `PTQK_WEIGHT_MODE_CODEBOOK`: a weighted k-means proposes
/// codebooks, and the one is taken that changes the results of the layers the least.
///
/// 1. Weights are divided by the scale of their group, `amax / max`, where `amax` is the largest
///    magnitude of the group and `max` that of the default codebook; a scale below `2^-23` in
///    magnitude becomes `2^-23`. The quotients go into a histogram of `intervals` bins of equal
///    width from their minimum to their maximum: each bin sums the importances of its elements, and
///    importances times elements. Bins without importance do not count.
/// 2. There are `n = num_elements` centroids. The first and the last are the minimum and the
///    maximum; number `i` between them is the mean of the centers of two bins: of the last one up
///    to which the share of the importances is at most `i / (n - 1)`, and the same for `i + 1`.
///    Then, ascending, one that is within 5 % of the next (relative to the larger) becomes the mean
///    of its neighbours. If the minimum is not positive, the centroid nearest to 0 becomes 0 and
///    stays there, as the ends stay.
/// 3. In every iteration each bin belongs to the centroid that is nearest to its center (in the
///    middle: to the lower one), and each centroid becomes the weighted mean of its elements,
///    unless it has none. This ends after `max_iterations`, or once every centroid moves by less
///    than `tolerance`.
/// 4. Candidates are, in this order: the default codebook if it has `n` values, else the initial
///    centroids; the integers from `-n / 2` (rounded towards 0) on; the centroids before every
///    fifth iteration from the eleventh on; the centroids at the end. Each is rounded to
///    `value_type`, saturating. Where this makes neighbours equal they move to the next numbers of
///    the type, upwards, but not beyond the last value: a codebook is always strictly ascending,
///    and no entry is wasted.
/// 5. Every candidate compresses the weights as `ptqk_compress_weights` does with scales in f32.
///    The first with the smallest error wins. The error of a layer is the mean of `|(W - W^) X|`
///    over output channels and samples; with `across_blocks` it is multiplied by the mean of `|X|`
///    and summed over the layers. Without activations it is the mean of `s (W - W^)^2` over the
///    elements, with their importances `s`, summed over the layers.
///
/// If all quotients are equal or no importance is positive, there are no centroids, and the
/// candidates are the default codebook, if it has `n` values, and the integers. The same holds for
/// weights without elements; all errors are 0 then, so the first candidate wins.
///
/// NNCF differs in corners: its histogram moves the element that is nearest to a border of two
/// bins into the upper one, it keeps equal values, it drops the end of a clustering of at most
/// five iterations, and its last centroid moves where the minimum is 0. `signed_scale` and
/// `fp8_through_f16` are options here.
///
/// A NaN or an infinity in the weights or activations gives `PTQK_STATUS_NOT_FINITE` with its
/// row-major index, to which the sizes of the matrices before it are added; `codebook` is not
/// written then.
///
/// Source: NNCF `CodebookEstimation`, 3.4.0.
///
/// @param ctx             May be NULL. Progress counts the parts of one layer after another.
/// @param params          Not NULL.
/// @param weights         `count` matrices, `[out, in]` or `[in, out]` as `params->reduction_axis`
///                        says. Shapes may differ.
/// @param importance      `count` pointers to one number per input channel, finite and not
///                        negative: NNCF takes the largest magnitude of each row of the
///                        activations. A NULL in it, or in its place, stands for all 1.
/// @param activations     `count` matrices `[in, samples]` with at least one sample, or NULL.
/// @param count           Number of weights. Range: 1, or `>= 1` with `params->across_blocks`.
/// @param workspace       At any address; its contents do not matter before and after.
/// @param workspace_bytes Range: at least what `ptqk_estimate_codebook_workspace_size` says.
/// @param codebook        Receives `params->num_elements` values, strictly ascending.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_estimate_codebook(
    ctx: *const Ctx,
    params: *const CodebookParams,
    weights: *const Matrix,
    importance: *const *const f32,
    activations: *const Matrix,
    count: usize,
    workspace: *mut c_void,
    workspace_bytes: usize,
    codebook: *mut f32,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?;
        let rules = params.validate()?;
        // SAFETY: as above.
        let (given, given_span) = unsafe { default_codebook(&params, &rules) }?;
        // SAFETY: as above.
        let (layers, arrays) =
            unsafe { Layers::new(&rules, weights, importance, activations, count) }?;
        let workspace = check::Output::<u8>::new(workspace.cast(), workspace_bytes, c"workspace")?;
        let codebook = check::Output::new(codebook, rules.elements, c"codebook")?;
        let outputs = [workspace.span, codebook.span];
        check::disjoint(&outputs, &[given_span])?;
        check::disjoint(&outputs, &arrays)?;
        for i in 0..count {
            // SAFETY: as above.
            let (layer, spans) = unsafe { layers.layer(&rules, i) }?;
            check::disjoint(&outputs, &spans)?;
            let rule = c"must be finite and not negative";
            let ok = |s: f32| (0.0..f32::INFINITY).contains(&s);
            check::every(layer.importance, c"importance", rule, ok)?;
        }
        let needed = codebook::workspace_size(&rules, layers.shapes(&rules))?;
        if workspace_bytes < needed {
            return Err(scratch::too_small(needed));
        }
        // SAFETY: as above; the outputs are disjoint.
        let (workspace, codebook) = unsafe { (workspace.slice(), codebook.slice()) };
        // SAFETY: as above; every layer was checked.
        let all = (0..count).filter_map(|i| unsafe { layers.layer(&rules, i) }.ok());
        let all = all.map(|(layer, _)| layer);
        codebook::estimate(dispatch::active(), exec, &rules, given, all, workspace, codebook)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
