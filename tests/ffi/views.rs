//! Everything that can be wrong with a matrix, whatever its kind.

#![allow(dead_code, reason = "each test uses a part")]

use crate::calls::{code_bytes, code_row_bytes, dtype_bytes};
use crate::harness::*;
use ptqk::ffi::{self, Status};

/// A matrix structure.
pub trait View: Copy {
    /// Name of the stride field.
    const STRIDE: &'static str;
    /// Name of the type field and the first number that is no type.
    const TYPE: Option<(&'static str, u32)>;
    fn rows(&mut self) -> &mut usize;
    fn cols(&mut self) -> &mut usize;
    fn stride(&mut self) -> &mut usize;
    fn data(&self) -> usize;
    fn set_data(&mut self, data: *mut u8);
    /// Type and reserved field.
    fn tail(&mut self) -> Option<(&mut u32, &mut u32)>;
    /// Bytes of a unit of the stride, and of an element that must be aligned.
    fn sizes(&self) -> (usize, usize);
    /// Units of a row of `cols` elements, as an exact number.
    fn row_units(&self, cols: usize) -> u128;
}

macro_rules! view {
    ($name:ident, $stride:ident, $type:ident, $last:literal) => {
        impl View for ffi::$name {
            const STRIDE: &'static str = stringify!($stride);
            const TYPE: Option<(&'static str, u32)> = Some((stringify!($type), $last));
            fn rows(&mut self) -> &mut usize {
                &mut self.rows
            }
            fn cols(&mut self) -> &mut usize {
                &mut self.cols
            }
            fn stride(&mut self) -> &mut usize {
                &mut self.$stride
            }
            fn data(&self) -> usize {
                self.data.addr()
            }
            fn set_data(&mut self, data: *mut u8) {
                self.data = data.cast();
            }
            fn tail(&mut self) -> Option<(&mut u32, &mut u32)> {
                Some((&mut self.$type, &mut self.reserved))
            }
            fn sizes(&self) -> (usize, usize) {
                sizes!($type, self)
            }
            fn row_units(&self, cols: usize) -> u128 {
                row_units!($type, self, cols)
            }
        }
    };
}

macro_rules! sizes {
    (dtype, $view:ident) => {
        (dtype_bytes($view.dtype), dtype_bytes($view.dtype))
    };
    (code_type, $view:ident) => {
        (1, code_bytes($view.code_type))
    };
}

macro_rules! row_units {
    (dtype, $view:ident, $cols:ident) => {
        $cols as u128
    };
    (code_type, $view:ident, $cols:ident) => {{
        // Units of 64 codes fill whole bytes in every type.
        let (units, rest) = ($cols / 64, $cols % 64);
        let unit = code_row_bytes($view.code_type, 64) as u128;
        units as u128 * unit + code_row_bytes($view.code_type, rest) as u128
    }};
}

view!(Matrix, row_stride, dtype, 3);
view!(MatrixMut, row_stride, dtype, 3);
view!(Codes, row_stride_bytes, code_type, 17);
view!(CodesMut, row_stride_bytes, code_type, 17);

impl View for ffi::Accumulators {
    const STRIDE: &'static str = "row_stride";
    const TYPE: Option<(&'static str, u32)> = None;
    fn rows(&mut self) -> &mut usize {
        &mut self.rows
    }
    fn cols(&mut self) -> &mut usize {
        &mut self.cols
    }
    fn stride(&mut self) -> &mut usize {
        &mut self.row_stride
    }
    fn data(&self) -> usize {
        self.data.addr()
    }
    fn set_data(&mut self, data: *mut u8) {
        self.data = data.cast();
    }
    fn tail(&mut self) -> Option<(&mut u32, &mut u32)> {
        None
    }
    fn sizes(&self) -> (usize, usize) {
        (4, 4)
    }
    fn row_units(&self, cols: usize) -> u128 {
        cols as u128
    }
}

/// Bytes from the first to the last element.
pub fn span<V: View>(mut view: V) -> usize {
    let (rows, cols, stride) = (*view.rows(), *view.cols(), *view.stride());
    ((rows - 1) * stride + view.row_units(cols) as usize) * view.sizes().0
}

impl<A: Function> Suite<A> {
    /// Everything that can be wrong with the matrix `name`. `second` is the matrix that must have
    /// the same shape and is named if it has not.
    pub fn view<V: View>(
        &mut self,
        name: &'static str,
        of: Of<A, By<V>>,
        second: Option<&'static str>,
    ) {
        let say = |what: &str| format!("{name}: {what}");
        self.refuse(&say("NULL"), |a| *of(a) = By::Null, wrong(Status::NullPointer, name));
        self.refuse(&say("odd"), |a| of(a).make_odd(), wrong(Status::Misaligned, name));
        let null = |a: &mut A| of(a).value().set_data(std::ptr::null_mut());
        self.refuse(&say("data NULL"), null, wrong(Status::NullPointer, name));

        let mut good = *of(&mut self.good.clone()).value();
        let (unit, alignment) = good.sizes();
        let data = std::ptr::without_provenance_mut::<u8>(good.data() + 1);
        if alignment > 1 {
            let expect = wrong(Status::Misaligned, name).value(data.addr() as f64);
            self.refuse(&say("data odd"), |a| of(a).value().set_data(data), expect);
        }
        if alignment > unit {
            let stride = *good.stride() + 1;
            let expect = wrong(Status::InvalidShape, name).field(V::STRIDE).value(stride as f64);
            self.refuse(&say("stride odd"), |a| *of(a).value().stride() = stride, expect);
        }
        let cols = *good.cols();
        for short in [good.row_units(cols) as usize - alignment / unit, 0] {
            let expect = wrong(Status::InvalidShape, name).field(V::STRIDE).value(short as f64);
            self.refuse(&say("short stride"), |a| *of(a).value().stride() = short, expect);
        }
        if let Some((field, first)) = V::TYPE {
            for bad in [first, first + 1, u32::MAX] {
                let expect = wrong(Status::InvalidParameter, name).field(field).value(bad);
                let set = |a: &mut A| *of(a).value().tail().unwrap().0 = bad;
                self.refuse(&say(field), set, expect);
            }
            for bad in [1, u32::MAX] {
                let expect = wrong(Status::InvalidParameter, name).field("reserved").value(bad);
                let set = |a: &mut A| *of(a).value().tail().unwrap().1 = bad;
                self.refuse(&say("reserved"), set, expect);
            }
        }
        self.sizes(name, of, second);
        if let Some(second) = second {
            for (field, rows, cols) in [("rows", -1, 0), ("cols", 0, -1)] {
                let change = |a: &mut A| {
                    let view = of(a).value();
                    *view.rows() = view.rows().wrapping_add_signed(rows);
                    *view.cols() = view.cols().wrapping_add_signed(cols);
                };
                let expect = wrong(Status::InvalidShape, second).field(field);
                self.refuse(&say("another shape"), change, expect);
            }
        }
    }

    /// Sizes whose product exceeds the address space, in each dimension and in both.
    fn sizes<V: View>(
        &mut self,
        name: &'static str,
        of: Of<A, By<V>>,
        second: Option<&'static str>,
    ) {
        let mut good = *of(&mut self.good.clone()).value();
        let (unit, _) = good.sizes();
        let both = HUGE.into_iter().flat_map(|rows| HUGE.map(|cols| (rows, cols)));
        let rows = HUGE.map(|rows| (rows, *good.cols()));
        let cols = HUGE.map(|cols| (*good.rows(), cols));
        for (rows, cols) in both.chain(rows).chain(cols) {
            let row = good.row_units(cols);
            // A row that has no stride of its own gets the largest even one.
            let stride = usize::try_from(row).unwrap_or(usize::MAX - 1).max(*good.stride());
            let bytes = ((rows as u128 - 1) * stride as u128 + row).saturating_mul(unit as u128);
            let change = |a: &mut A| {
                let view = of(a).value();
                (*view.rows(), *view.cols(), *view.stride()) = (rows, cols, stride);
            };
            let what = format!("{name}: {rows} x {cols}");
            if bytes > isize::MAX as u128 {
                self.refuse(&what, change, wrong(Status::SizeOverflow, name));
            } else if let Some(second) = second {
                let expect = wrong(Status::InvalidShape, second);
                let field = if rows == *good.rows() { "cols" } else { "rows" };
                self.refuse(&what, change, expect.field(field));
            }
        }
        let stride = usize::MAX - 1;
        let expect = wrong(Status::SizeOverflow, name);
        self.refuse(&format!("{name}: stride"), |a| *of(a).value().stride() = stride, expect);
    }

    /// A matrix without rows or columns needs no memory.
    pub fn empty(&mut self, change: fn(&mut A, usize, usize)) {
        for (rows, cols) in [(0, 0), (0, 8), (5, 0), (0, usize::MAX / 8), (usize::MAX / 8, 0)] {
            self.nothing(&format!("{rows} x {cols}"), |a| change(a, rows, cols));
        }
    }
}

/// The same matrix with another shape and no data.
pub fn resize<V: View>(view: &mut By<V>, rows: usize, cols: usize) {
    let view = view.value();
    let stride = view.row_units(cols) as usize;
    (*view.rows(), *view.cols(), *view.stride()) = (rows, cols, stride);
    view.set_data(std::ptr::null_mut());
}
