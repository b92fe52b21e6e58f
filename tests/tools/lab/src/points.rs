//! Points in thousandths, so that shares of a stage always add up to the stage.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

/// Thousandths of a point. Floats would make 17/3 three times something else than 17.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Points(u64);

impl Points {
    pub fn from_thousandths(thousandths: u64) -> Points {
        Points(thousandths)
    }

    pub fn percent(self, percent: u64) -> Points {
        Points(self.0 * percent / 100)
    }

    /// Splits into shares proportional to `weights`, with nothing left over: what rounding keeps back goes to the
    /// first shares, a thousandth each.
    pub fn split(self, weights: &[Points]) -> Vec<Points> {
        let total: u64 = weights.iter().map(|w| w.0).sum();
        if total == 0 {
            return vec![Points(0); weights.len()];
        }
        let mut shares: Vec<u64> = weights.iter().map(|w| self.0 * w.0 / total).collect();
        let mut left = self.0 - shares.iter().sum::<u64>();
        for (share, weight) in shares.iter_mut().zip(weights) {
            if left > 0 && weight.0 > 0 {
                *share += 1;
                left -= 1;
            }
        }
        shares.into_iter().map(Points).collect()
    }
}

impl Add for Points {
    type Output = Points;
    fn add(self, other: Points) -> Points {
        Points(self.0 + other.0)
    }
}

impl Sub for Points {
    type Output = Points;
    fn sub(self, other: Points) -> Points {
        Points(self.0.saturating_sub(other.0))
    }
}

impl Sum for Points {
    fn sum<I: Iterator<Item = Points>>(all: I) -> Points {
        all.fold(Points(0), Add::add)
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        match rest {
            0 => write!(f, "{whole}"),
            _ => f.write_str(format!("{whole}.{rest:03}").trim_end_matches('0')),
        }
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 % 1000 {
            0 => to.serialize_u64(self.0 / 1000),
            _ => to.serialize_f64(self.0 as f64 / 1000.0),
        }
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Points, D::Error> {
        let points = f64::deserialize(from)?;
        if !(0.0..1e9).contains(&points) {
            return Err(serde::de::Error::custom("points are between 0 and 10^9"));
        }
        Ok(Points((points * 1000.0).round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole() {
        let whole = Points(17_000);
        let shares = whole.split(&[Points(3000), Points(3000), Points(1000)]);
        assert_eq!(shares.iter().copied().sum::<Points>(), whole);
        assert_eq!(shares[2], Points(2428));
    }

    #[test]
    fn whole_points_are_written_as_integers() {
        assert_eq!(serde_json::to_string(&Points(15_000)).unwrap(), "15");
        assert_eq!(serde_json::to_string(&Points(2_550)).unwrap(), "2.55");
        assert_eq!(Points(2_550).to_string(), "2.55");
    }

    #[test]
    fn a_third_survives_a_round_trip() {
        let third = Points(1_000).split(&[Points(1), Points(1), Points(1)])[0];
        let text = serde_json::to_string(&third).unwrap();
        assert_eq!(serde_json::from_str::<Points>(&text).unwrap(), third);
    }
}
