//! How weights fall into groups.

use crate::params::weights::{
    GroupAction, GroupChoice, GroupFallback, WeightFormat, WeightLayout, WeightMode,
};
use crate::status::{Error, Result, Status};
use core::num::NonZeroUsize;

/// How groups lie in a matrix: `rows x cols` of them, each `group` elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// Rows of the matrix of groups.
    pub rows: usize,
    /// Columns of the matrix of groups.
    pub cols: usize,
    /// Elements of a group.
    pub group: NonZeroUsize,
}

impl Grouping {
    /// The groups of a matrix of `rows x cols`.
    pub fn new(format: &WeightFormat, rows: usize, cols: usize) -> Result<Self> {
        let channel = if format.by_column { rows } else { cols };
        let group = format.group.or(NonZeroUsize::new(channel)).unwrap_or(NonZeroUsize::MIN);
        if channel % group != 0 {
            let rule = if format.by_column { c"must divide rows" } else { c"must divide cols" };
            return Err(Error::field(c"params", c"group_size", rule, group.get() as f64));
        }
        Ok(if format.by_column {
            Self { rows: rows / group, cols, group }
        } else {
            Self { rows, cols: cols / group, group }
        })
    }

    /// Number of groups, `None` if that exceeds the address space.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        self.rows.checked_mul(self.cols)
    }
}

/// Sizes of the outputs for weights of `rows x cols`.
pub fn layout(format: &WeightFormat, rows: usize, cols: usize) -> Result<WeightLayout> {
    let groups = Grouping::new(format, rows, cols)?.count();
    let sizes = || {
        let groups = groups?;
        let code_row_bytes = format.code_type().row_bytes(cols)?;
        let code_bytes = code_row_bytes.checked_mul(rows)?;
        let scale_bytes = groups.checked_mul(format.scales.bytes())?;
        let tensor_scale_bytes = if format.mode == WeightMode::Nvfp4 { 4 } else { 0 };
        let zero_point_bytes = if format.mode.is_asymmetric() { groups } else { 0 };
        let total_bytes = code_bytes
            .checked_add(scale_bytes)?
            .checked_add(tensor_scale_bytes)?
            .checked_add(zero_point_bytes)?;
        isize::try_from(total_bytes).ok()?;
        Some(WeightLayout {
            code_type: format.code_type() as u32,
            bits: format.bits(),
            code_row_bytes,
            code_bytes,
            groups,
            scale_bytes,
            tensor_scale_bytes,
            zero_point_bytes,
            total_bytes,
        })
    };
    let rule = c"must have sizes that fit into the address space";
    sizes().ok_or(Error::new(Status::SizeOverflow, c"rows", rule))
}

/// What to do with a weight of `channel` input channels when `group` is wished for.
pub fn resolve_group(
    fallback: GroupFallback,
    group: Option<NonZeroUsize>,
    smallest: usize,
    channel: usize,
) -> Result<GroupChoice> {
    let choice = |action: GroupAction, group_size: usize| {
        // Sizes come from an `i32` or are at most the channel size, whose excess is refused.
        i32::try_from(group_size)
            .map(|group_size| GroupChoice { action: action as u32, group_size })
            .map_err(|_| {
                let rule = c"must have a power of two of at most 30 bits";
                let error = Error::new(Status::InvalidShape, c"channel_size", rule);
                Error { value: channel as f64, ..error }
            })
    };
    let per_channel = |action: GroupAction| GroupChoice { action: action as u32, group_size: -1 };
    let Some(group) = group else { return Ok(per_channel(GroupAction::Compress)) };
    if channel % group == 0 {
        return choice(GroupAction::Compress, group.get());
    }
    match fallback {
        GroupFallback::Error => {
            let rule = c"must divide channel_size";
            Err(Error::field(c"params", c"group_size", rule, group.get() as f64))
        }
        GroupFallback::Ignore => choice(GroupAction::Skip, 0),
        GroupFallback::Adjust => {
            let largest = channel & channel.wrapping_neg();
            if largest >= smallest {
                choice(GroupAction::Compress, largest)
            } else {
                Ok(per_channel(GroupAction::Backup))
            }
        }
    }
}
