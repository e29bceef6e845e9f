//! Seeded random numbers for tests and scores.
#![allow(dead_code, missing_docs, unreachable_pub)]

/// SplitMix64 (Steele et al. 2014): small, seeded, good enough to draw counts.
pub struct Random(pub u64);

impl Random {
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Poisson by products below 30, above by a rounded normal.
    pub fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0.0);
        while product > limit {
            product *= self.unit();
            count += 1.0;
        }
        count
    }

    pub fn binomial(&mut self, n: f64, p: f64) -> f64 {
        if n * p < 30.0 {
            return self.poisson(n * p).min(n);
        }
        if n * (1.0 - p) < 30.0 {
            return n - self.poisson(n * (1.0 - p)).min(n);
        }
        (n * p + (n * p * (1.0 - p)).sqrt() * self.normal()).round().clamp(0.0, n)
    }

    /// Gamma with mean 1 and this variance (Marsaglia & Tsang 2000).
    pub fn gamma(&mut self, variance: f64) -> f64 {
        if variance <= 0.0 {
            return 1.0;
        }
        let shape = 1.0 / variance;
        if shape < 1.0 {
            let boost = self.unit().max(1e-300).powf(1.0 / shape);
            return self.gamma_of(shape + 1.0) / shape * boost;
        }
        self.gamma_of(shape) / shape
    }

    fn gamma_of(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        loop {
            let x = self.normal();
            let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
            if v > 0.0 && self.unit().max(1e-300).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}
