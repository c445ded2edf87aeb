//! Activation statistics, composed from reductions of matrices.

use super::Outputs;
use crate::case::{Case, Tensors};
use crate::library::{Granularity, Reduction, View, reduce};

/// Statistics of `[batch, tokens, channels]` or `[tokens, channels]`, reduced over the tokens.
pub fn reducers(case: &Case) -> Result<Tensors, String> {
    let tensor = case.input("x")?;
    let (batch, tokens, channels) = match *tensor.shape.as_slice() {
        [batch, tokens, channels] => (batch, tokens, channels),
        [tokens, channels] => (1, tokens, channels),
        _ => return Err("a tensor of two or three dimensions is needed".into()),
    };
    let axes = case.params.get("axes").and_then(|axes| axes.as_array());
    if !axes.is_some_and(|axes| axes.len() == 1 && axes.iter().all(|axis| *axis == -2)) {
        return Err("only the axis -2 is in use".into());
    }
    let x = tensor.f32()?;
    let mean_of_all = |values: &[f32]| {
        reduce(Reduction::Mean, View::new(values, values.len())?, Granularity::Tensor)
    };

    // One value per batch item and channel.
    let (mut variance, mut abs_max) = (Vec::new(), Vec::new());
    // One value per batch item and token.
    let mut token_means = Vec::new();
    for item in x.chunks(tokens * channels) {
        let view = View::new(item, channels)?;
        variance.extend(reduce(Reduction::Variance, view, Granularity::Column)?);
        abs_max.extend(reduce(Reduction::AbsMax, view, Granularity::Column)?);
        token_means.extend(reduce(Reduction::Mean, view, Granularity::Row)?);
    }
    let all_variances = View::new(&variance, variance.len())?;

    let mut outputs = Outputs::default();
    outputs.f32("out.mean_variance", mean_of_all(&variance)?);
    // A variance is not negative, so its largest magnitude is its maximum.
    let max_variance = reduce(Reduction::AbsMax, all_variances, Granularity::Tensor)?;
    outputs.f32("out.max_variance", max_variance);
    outputs.f32("out.mean_abs_max", mean_of_all(&abs_max)?);
    // The mean over everything but one axis. A tensor of two dimensions has its channels last.
    let by_channel = reduce(Reduction::Mean, View::new(x, channels)?, Granularity::Column)?;
    if tensor.shape.len() == 2 {
        outputs.f32("out.mean_per_channel_ax1", by_channel);
    } else {
        debug_assert_eq!(token_means.len(), batch * tokens);
        let token_means = View::new(&token_means, tokens)?;
        let by_token = reduce(Reduction::Mean, token_means, Granularity::Column)?;
        outputs.f32("out.mean_per_channel_ax1", by_token);
        outputs.f32("out.mean_per_channel_ax2", by_channel);
    }
    Ok(outputs.0)
}
