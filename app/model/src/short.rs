//! Measured values as they travel: with seven digits, which is finer than any chart and half as long as all that a double
//! has. What a single-precision number can't hold is written as it is.

use serde::ser::Serializer;
use serde::{Deserialize, Deserializer, Serialize};

/// One value.
struct Short(f64);

impl Serialize for Short {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let short = self.0 as f32;
        let holds = short.is_finite() && (short != 0.0 || self.0 == 0.0);
        if holds { serializer.serialize_f32(short) } else { serializer.serialize_f64(self.0) }
    }
}

/// Writes values, nothing where one was not measured.
pub(crate) fn serialize<S: Serializer>(points: &[Option<f64>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(points.iter().map(|point| point.map(Short)))
}

/// Reads them.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<f64>>, D::Error> {
    Deserialize::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Held(#[serde(with = "super")] Vec<Option<f64>>);

    #[test]
    fn values_keep_seven_digits_and_their_greatness() {
        let values = [Some(0.1), None, Some(1.0 / 3.0), Some(123_456_789_012.0), Some(1e300), Some(1e-60), Some(0.0)];
        let text = serde_json::to_string(&Held(values.to_vec())).unwrap();
        assert_eq!(text, "[0.1,null,0.33333334,123456790000.0,1e+300,1e-60,0.0]");
        let Held(read) = serde_json::from_str(&text).unwrap();
        for (read, value) in read.iter().zip(values) {
            assert_eq!(read.is_some(), value.is_some());
            let (read, value) = (read.unwrap_or(1.0), value.unwrap_or(1.0));
            assert!((read - value).abs() <= value.abs() * 1e-7, "{read} {value}");
        }
    }
}
