//! Made by vectors.py with NNCF 3.4.0. Do not edit.

use super::Vector;

pub const VECTORS: &[Vector] = &[
    Vector {
        seed: 1,
        shapes: &[(96, 256)],
        skew: 0.0,
        group: -1,
        across: false,
        samples: 8,
        codebook: &[
            -3.5, -3.0, -2.25, -1.75, -1.25, -0.875, -0.5, -0.21875, 0.0, 0.28125, 0.6875, 1.125,
            1.625, 2.25, 2.75, 3.5,
        ],
    },
    Vector {
        seed: 2,
        shapes: &[(96, 256)],
        skew: 0.25,
        group: -1,
        across: false,
        samples: 33,
        codebook: &[
            -2.25, -1.875, -1.5, -1.125, -0.75, -0.46875, -0.203125, 0.0, 0.25, 0.5625, 1.0, 1.375,
            1.875, 2.5, 3.0, 3.5,
        ],
    },
    Vector {
        seed: 3,
        shapes: &[(128, 192)],
        skew: 0.5,
        group: 64,
        across: false,
        samples: 8,
        codebook: &[
            -1.625, -1.125, -0.75, -0.46875, -0.203125, 0.0, 0.05078125, 0.25, 0.5, 0.8125, 1.125,
            1.5, 2.0, 2.5, 3.0, 3.5,
        ],
    },
    Vector {
        seed: 4,
        shapes: &[(128, 192)],
        skew: 0.5,
        group: 32,
        across: false,
        samples: 40,
        codebook: &[
            -3.0, -1.25, -0.875, -0.5625, -0.25, 0.0, 0.046875, 0.203125, 0.40625, 0.625, 0.9375,
            1.375, 1.75, 2.25, 2.75, 3.5,
        ],
    },
    Vector {
        seed: 5,
        shapes: &[(96, 256)],
        skew: 0.75,
        group: -1,
        across: false,
        samples: 8,
        codebook: &[-0.5, 0.0, 0.125, 0.5, 1.125, 1.75, 2.5, 3.5],
    },
    Vector {
        seed: 6,
        shapes: &[(160, 160)],
        skew: 0.5,
        group: -1,
        across: false,
        samples: 8,
        codebook: &[
            -1.375, -0.8125, -0.34375, 0.0, 0.21875, 0.5, 0.875, 1.25, 1.75, 2.25, 2.75, 3.5,
        ],
    },
    Vector {
        seed: 7,
        shapes: &[(96, 256)],
        skew: -0.5,
        group: -1,
        across: false,
        samples: 8,
        codebook: &[
            -8.0, -7.0, -6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0,
        ],
    },
    Vector {
        seed: 8,
        shapes: &[(96, 256), (64, 256), (130, 256)],
        skew: 0.25,
        group: -1,
        across: true,
        samples: 8,
        codebook: &[
            -2.25, -1.875, -1.375, -1.0, -0.625, -0.25, 0.0, 0.203125, 0.4375, 0.75, 1.125, 1.5,
            2.0, 2.5, 3.0, 3.5,
        ],
    },
    Vector {
        seed: 9,
        shapes: &[(300, 300), (50, 300)],
        skew: 0.5,
        group: -1,
        across: true,
        samples: 16,
        codebook: &[
            -1.25, -0.875, -0.5625, -0.25, 0.0, 0.046875, 0.21875, 0.40625, 0.6875, 0.9375, 1.25,
            1.625, 2.0, 2.5, 3.0, 3.5,
        ],
    },
    Vector {
        seed: 10,
        shapes: &[(300, 300), (50, 300)],
        skew: -0.5,
        group: -1,
        across: true,
        samples: 16,
        codebook: &[-3.5, -2.75, -1.875, -1.125, -0.5, 0.0, 0.25, 0.5625, 0.875, 1.25],
    },
];
