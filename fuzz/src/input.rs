//! Numbers from the bytes of libFuzzer. Bytes that have run out are zeros.

use arbitrary::Unstructured;

/// Values that have a rule of their own somewhere.
const SPECIALS: [f32; 24] = [
    0.0,
    -0.0,
    0.5,
    -1.5,
    1.0,
    127.5,
    -128.5,
    255.5,
    448.0,
    32_767.5,
    65_504.0,
    65_520.0,
    2.980_232_2e-8,
    131_072.0,
    16_777_216.0,
    -2_147_483_904.0,
    f32::MIN_POSITIVE,
    1e-40,
    -1e-45,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

/// What is left of the bytes.
pub struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    /// All bytes.
    pub fn new(data: &'a [u8]) -> Self {
        Self(Unstructured::new(data))
    }

    /// Any 8 bits.
    pub fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// Any 32 bits.
    pub fn word(&mut self) -> u32 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// Any 64 bits.
    pub fn long(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// Less than `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0.int_in_range(0..=n - 1).unwrap_or(0)
    }

    /// One time in two.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Now and then; never without bytes.
    pub fn rarely(&mut self) -> bool {
        self.byte() & 31 == 31
    }

    /// One of `n` constants from 0, now and then any number.
    pub fn choice(&mut self, n: usize) -> u32 {
        if self.rarely() { self.word() } else { self.below(n) as u32 }
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// `size` of a structure, now and then another.
    pub fn size(&mut self, size: u32) -> u32 {
        if self.rarely() { self.word() } else { size }
    }

    /// Any float: special, of any bits, or ordinary.
    pub fn float(&mut self) -> f32 {
        match self.below(4) {
            0 => self.pick(&SPECIALS),
            1 => f32::from_bits(self.word()),
            _ => f32::from(self.word() as i16) / 256.0,
        }
    }

    /// Any probability, now and then any number.
    pub fn share(&mut self) -> f64 {
        match self.below(4) {
            0 => self.pick(&[0.0, 1.0, 0.5, 1e-300, -1.0, 100.0, f64::NAN, f64::INFINITY]),
            _ => self.word() as f64 / f64::from(u32::MAX),
        }
    }

    /// Floats of which so many in 256 are of any kind, all others ordinary.
    pub fn values(&mut self, hostile: u8) -> Values {
        let exponent = if self.rarely() { self.byte() } else { 120 + self.byte() % 12 };
        let mut special = [0.0; 8];
        special.iter_mut().for_each(|x| *x = self.float());
        Values {
            hostile,
            special,
            unit: f32::from_bits(u32::from(exponent.clamp(1, 254)) << 23),
            state: self.long() | 1,
        }
    }

    /// As `values`, as hostile as the input says.
    pub fn any_values(&mut self) -> Values {
        let hostile = self.pick(&[0, 0, 0, 2, 40, 255]);
        self.values(hostile)
    }
}

/// As many floats as one likes from a few bytes of input, which would not last for whole matrices.
pub struct Values {
    hostile: u8,
    special: [f32; 8],
    unit: f32,
    state: u64,
}

impl Values {
    /// Any 32 bits: xorshift.
    pub fn bits(&mut self) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 32) as u32
    }

    /// An ordinary number or a special one. One in four of the ordinary ones is a multiple of the
    /// unit, so that ties occur.
    pub fn float(&mut self) -> f32 {
        let bits = self.bits();
        if (bits as u8) < self.hostile {
            return self.special[(bits >> 8) as usize % 8];
        }
        let fraction = (bits as i32 >> 8) as f32 / 8_388_608.0;
        if bits.is_multiple_of(4) {
            (fraction * 16.0).round() * self.unit
        } else {
            fraction * self.unit
        }
    }

    /// A finite number other than 0.
    pub fn scale(&mut self) -> f32 {
        let x = self.float();
        if x.is_finite() && x != 0.0 { x } else { self.unit }
    }
}
