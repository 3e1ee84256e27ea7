//! Normal equations of least squares: a few dozen unknowns, most of them held near a value by what was known before.

/// Sums of products, of which the lower triangle is kept, row by row.
#[derive(Clone, Debug)]
pub(super) struct Equations {
    rows: Vec<Vec<f64>>,
    right: Vec<f64>,
}

/// The equations, taken apart: each row of the lower triangle whose square they are. By default nothing is asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Solved {
    lower: Vec<Vec<f64>>,
    /// The unknowns.
    pub(super) values: Vec<f64>,
}

impl Equations {
    /// Nothing is known of any of so many unknowns.
    pub(super) fn new(unknowns: usize) -> Self {
        Self { rows: (1..=unknowns).map(|length| vec![0.0; length]).collect(), right: vec![0.0; unknowns] }
    }

    /// An observation: the sum of these unknowns, each times its factor, is `value`; `weight` is one over its variance.
    pub(super) fn observe(&mut self, terms: &[(usize, f64)], value: f64, weight: f64) {
        for (row, factor) in terms {
            self.right.get_mut(*row).into_iter().for_each(|right| *right += weight * factor * value);
            let Some(sums) = self.rows.get_mut(*row) else { continue };
            // What lies above the diagonal is not kept.
            for (column, other) in terms {
                sums.get_mut(*column).into_iter().for_each(|sum| *sum += weight * factor * other);
            }
        }
    }

    /// The unknowns; nothing where they are not determined.
    pub(super) fn solve(&self) -> Option<Solved> {
        let mut lower: Vec<Vec<f64>> = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let mut new: Vec<f64> = Vec::with_capacity(row.len());
            for (sum, above) in row.iter().zip(&lower) {
                let known: f64 = new.iter().zip(above).map(|(a, b)| a * b).sum();
                new.push((sum - known) / above.last()?);
            }
            let left = row.last()? - new.iter().map(|value| value * value).sum::<f64>();
            if left.is_nan() || left <= 0.0 {
                return None;
            }
            new.push(libm::sqrt(left));
            lower.push(new);
        }
        let values = substitute(&lower, &self.right);
        Some(Solved { lower, values })
    }
}

impl Solved {
    /// One unknown.
    pub(super) fn value(&self, unknown: usize) -> f64 {
        self.values.get(unknown).copied().unwrap_or_default()
    }

    /// The variance of one unknown.
    pub(super) fn variance(&self, unknown: usize) -> f64 {
        let unit: Vec<f64> = (0..self.lower.len()).map(|row| f64::from(u8::from(row == unknown))).collect();
        substitute(&self.lower, &unit).get(unknown).copied().unwrap_or_default()
    }
}

/// Solves for the right side, down the triangle and up again.
fn substitute(lower: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let mut down: Vec<f64> = Vec::with_capacity(right.len());
    for (row, right) in lower.iter().zip(right) {
        let known: f64 = row.iter().zip(&down).map(|(factor, value)| factor * value).sum();
        down.push((right - known) / row.last().copied().unwrap_or(1.0));
    }
    let mut values = Vec::with_capacity(down.len());
    for row in lower.iter().rev() {
        let value = down.pop().unwrap_or_default() / row.last().copied().unwrap_or(1.0);
        down.iter_mut().zip(row).for_each(|(down, factor)| *down -= factor * value);
        values.push(value);
    }
    values.reverse();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lines_meet_where_they_meet_and_variances_are_those_of_the_mean() {
        let mut equations = Equations::new(2);
        assert!(equations.solve().is_none(), "nothing is known yet");
        equations.observe(&[(0, 1.0), (1, 1.0)], 5.0, 1.0);
        assert!(equations.solve().is_none());
        equations.observe(&[(0, 1.0), (1, -1.0)], 1.0, 1.0);
        let solved = equations.solve().unwrap();
        assert!((solved.value(0) - 3.0).abs() < 1e-12 && (solved.value(1) - 2.0).abs() < 1e-12);
        assert!((solved.variance(0) - 0.5).abs() < 1e-12);
        for _ in 0..3 {
            equations.observe(&[(0, 1.0)], 3.0, 2.0);
        }
        assert!((equations.solve().unwrap().variance(0) - 1.0 / 8.0).abs() < 1e-12);
    }
}
