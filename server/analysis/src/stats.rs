//! The few pieces of statistics that verdicts rest on, as plain functions of numbers.

/// Natural logarithm of Γ(x) for x > 0 (Lanczos 1964, g = 7, nine terms; relative error below 1e-13).
pub fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        let pi = std::f64::consts::PI;
        return (pi / (pi * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let base = x + 7.5;
    let sum = (1..9).fold(COEFFICIENTS[0], |sum, i| sum + COEFFICIENTS[i] / (x + i as f64));
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * base.ln() - base + sum.ln()
}

/// Regularised incomplete beta function I_x(a, b), by its continued fraction (Numerical Recipes §6.4, Lentz).
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    // Convergence takes O(√max(a, b)) steps: a million effective counts are within reach.
    for m in 1..3_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-14 {
            break;
        }
    }
    fraction
}

/// P(T ≥ t) of Student's t with so many degrees of freedom (need not be whole); infinite freedom is the normal.
pub fn t_tail(t: f64, freedom: f64) -> f64 {
    if freedom > 1e7 {
        return normal_tail(t);
    }
    let half = 0.5 * incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    if t >= 0.0 { half } else { 1.0 - half }
}

/// P(Z ≥ z) of the standard normal. Through the incomplete beta's limit it keeps its relative precision far out.
pub fn normal_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - normal_tail(-z);
    }
    if z < 2.5 {
        // Σ φ(z) z^(2k+1) / (1·3·…·(2k+1)): Marsaglia 2004.
        let (mut sum, mut term, mut k) = (z, z, 1.0);
        while term > 1e-18 * sum {
            term *= z * z / (2.0 * k + 1.0);
            sum += term;
            k += 1.0;
        }
        return 0.5 - sum * density(z);
    }
    // Laplace's continued fraction.
    let fraction = (1..=60).rev().fold(z, |below, k| z + f64::from(k) / below);
    density(z) / fraction
}

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The z with P(Z ≥ z) = p (0 < p < 1): Abramowitz & Stegun 26.2.23, then Newton steps.
pub fn normal_quantile(p: f64) -> f64 {
    let p = p.clamp(1e-300, 1.0 - 1e-16);
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    let t = (-2.0 * p.ln()).sqrt();
    let mut z =
        t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    for _ in 0..3 {
        let tail = normal_tail(z);
        z += (tail - p) / density(z).max(1e-300) / (1.0 + 0.5 * z * (tail - p) / density(z).max(1e-300));
    }
    z
}

/// The t with P(T ≥ t) = p (0 < p < 1): Newton steps on the logarithms of both, which go to it from one side.
pub fn t_quantile(p: f64, freedom: f64) -> f64 {
    let normal = normal_quantile(p);
    if freedom > 1e5 || p >= 0.5 {
        return normal;
    }
    let (half, pi) = (freedom / 2.0, std::f64::consts::PI);
    let constant = ln_gamma(half + 0.5) - ln_gamma(half) - 0.5 * (freedom * pi).ln();
    let mut t = normal.max(1e-6);
    for _ in 0..50 {
        let tail = t_tail(t, freedom).max(1e-300);
        let density = (constant - (half + 0.5) * (t * t / freedom).ln_1p()).exp();
        let step = (tail / p).ln() * tail / (t * density).max(1e-300);
        t *= step.clamp(-5.0, 5.0).exp();
        if step.abs() < 1e-12 {
            break;
        }
    }
    t
}

/// Fisher's exact test, one-sided: P(at least `a` of the first side's `n1` fail | `a + b` of `n1 + n2` fail), by
/// the hypergeometric tail over log-gamma (Fisher 1935; Agresti, *Categorical Data Analysis*, §3.5.1). Counts are
/// rounded against the finding.
pub fn fisher(a: f64, n1: f64, b: f64, n2: f64) -> f64 {
    let (a, b) = ((a + 1e-9).floor(), (b - 1e-9).ceil());
    let (n1, n2) = (n1.round().max(a), n2.round().max(b));
    let failed = a + b;
    let most = failed.min(n1);
    if a <= 0.0 || most < a {
        return 1.0;
    }
    let choose = |n: f64, k: f64| ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    let log = choose(n1, a) + choose(n2, failed - a) - choose(n1 + n2, failed);
    let (mut sum, mut term, mut k) = (1.0, 1.0, a);
    while k < most {
        term *= (n1 - k) * (failed - k) / ((k + 1.0) * (n2 - failed + k + 1.0));
        k += 1.0;
        sum += term;
        if term < 1e-16 * sum && k > failed * n1 / (n1 + n2) {
            break;
        }
    }
    (log.exp() * sum).min(1.0)
}

/// P(X ≥ k) of a binomial with `n` draws of chance `share`, continued to real `k` and `n` by the incomplete beta.
pub fn binomial_tail(k: f64, n: f64, share: f64) -> f64 {
    if k <= 0.0 { 1.0 } else { incomplete_beta(k, (n - k).max(0.0) + 1.0, share) }
}

/// Wilson's score interval of a share (Wilson 1927) at so many standard deviations.
pub fn wilson(x: f64, n: f64, z: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let p = (x / n).clamp(0.0, 1.0);
    let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Newcombe's hybrid score interval of `x1/n1 − x2/n2` at 95 % (Newcombe 1998, Statistics in Medicine 17, method 10).
pub fn newcombe(x1: f64, n1: f64, x2: f64, n2: f64) -> (f64, f64) {
    let (p1, p2) = (x1 / n1.max(1e-9), x2 / n2.max(1e-9));
    let ((l1, u1), (l2, u2)) = (wilson(x1, n1, 1.96), wilson(x2, n2, 1.96));
    let difference = p1 - p2;
    (difference - (p1 - l1).hypot(u2 - p2), difference + (u1 - p1).hypot(p2 - l2))
}

/// The median; nothing of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(0.5 * (sorted[middle - 1] + sorted[middle])),
    }
}

/// Median absolute deviation times 1.4826: a robust standard deviation.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&distances).map(|mad| 1.4826 * mad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, relative: f64) {
        assert!((got / want - 1.0).abs() < relative, "{got} for {want}");
    }

    #[test]
    fn tails_agree_with_tables() {
        close(normal_tail(1.959_963_985), 0.025, 1e-8);
        close(normal_tail(4.264_890_794), 1e-5, 1e-7);
        close(normal_tail(2.49), 0.006_387_155, 1e-6);
        close(normal_tail(2.51), 0.006_036_558, 1e-6);
        close(normal_quantile(1e-6), 4.753_424_309, 1e-8);
        close(normal_quantile(0.025), 1.959_963_985, 1e-8);
        close(t_tail(2.228_138_852, 10.0), 0.025, 1e-7);
        close(t_tail(1.0, 1.0), 0.25, 1e-10);
        close(t_quantile(0.005, 4.0), 4.604_094_871, 1e-8);
        close(t_quantile(0.4, 8.0), 0.261_921_096, 1e-7);
        for (p, freedom) in [(1e-8, 2.0), (1e-8, 40.0), (1e-5, 1.0), (0.49, 3.0), (1e-12, 5_000.0)] {
            close(t_tail(t_quantile(p, freedom), freedom), p, 1e-9);
        }
        close(1.0 - t_tail(-1.0, 1.0), 0.25, 1e-10);
    }

    #[test]
    fn fisher_agrees_with_the_lady_tasting_tea() {
        close(fisher(3.0, 4.0, 1.0, 4.0), 17.0 / 70.0, 1e-10);
        close(fisher(4.0, 4.0, 0.0, 4.0), 1.0 / 70.0, 1e-10);
        // Three of three in the first ten, none in the other ten: C(10,3) / C(20,3).
        close(fisher(3.0, 10.0, 0.0, 10.0), 120.0 / 1_140.0, 1e-10);
        assert_eq!(fisher(0.0, 10.0, 3.0, 10.0), 1.0);
    }

    #[test]
    fn binomial_tail_is_the_sum_it_stands_for() {
        let exact: f64 = (7..=10)
            .map(|k| {
                let k = f64::from(k);
                (ln_gamma(11.0) - ln_gamma(k + 1.0) - ln_gamma(11.0 - k)).exp()
                    * 0.3_f64.powf(k)
                    * 0.7_f64.powf(10.0 - k)
            })
            .sum();
        close(binomial_tail(7.0, 10.0, 0.3), exact, 1e-9);
        assert!((incomplete_beta(50_000.0, 50_000.0, 0.5) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn intervals_agree_with_the_papers() {
        // Newcombe 1998, table II, method 10: 56/70 less 48/80.
        let (low, high) = newcombe(56.0, 70.0, 48.0, 80.0);
        assert!((low - 0.0524).abs() < 2e-4 && (high - 0.3339).abs() < 2e-4, "{low} {high}");
        // 10/10 less 0/20: the interval stays within its bounds.
        let (low, high) = newcombe(10.0, 10.0, 0.0, 20.0);
        assert!(low > 0.6 && high <= 1.0, "{low} {high}");
    }

    #[test]
    fn robust_middle_and_spread_ignore_one_wild_value() {
        assert_eq!(median(&[3.0, 1.0, 1e9]), Some(3.0));
        assert_eq!(median(&[]), None);
        close(deviation(&[1.0, 2.0, 3.0, 4.0, 1e9]).unwrap(), 1.4826, 1e-9);
    }
}
