//! Statistics as pure functions: medians and quantiles, the value of a block, the t and the signed-rank
//! test with their intervals, both as a sequence of looks, Holm's adjustment for many claims, laws of growth,
//! and the interval of a share. Nothing here reads a clock or draws a random number.

mod binomial;
mod growth;
mod holm;
mod looks;
mod quantile;
mod sequential;
mod signed_rank;
pub mod student;

pub use binomial::clopper_pearson;
pub use growth::{Scalability, mean_interval, power, scalability};
pub use holm::holm;
pub use looks::{LOOKS, TABLE, nominal, sequential_p};
pub use quantile::{median, quantile};
pub use sequential::{Estimate, Sequential, detectable, estimate, further, last_look, sequential};
pub use signed_rank::{
    HodgesLehmann, Interval, LARGEST, SignedRank, hodges_lehmann, interval, null_distribution,
    signed_rank,
};

/// The value of a block: the median over its measured rounds of ln(baseline / contender). Value `i` of
/// one belongs to the same round as value `i` of the other; a longer list is cut. `None` without a
/// round, or if any of the values is zero, which has no logarithm.
pub fn block_value(baseline: &[u64], contender: &[u64]) -> Option<f64> {
    let logs: Vec<f64> = baseline
        .iter()
        .zip(contender)
        .map(|(&b, &c)| (b != 0 && c != 0).then(|| (b as f64 / c as f64).ln()))
        .collect::<Option<_>>()?;
    median(&logs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_the_median_of_its_paired_rounds() {
        let value = block_value(&[200, 900, 400], &[100, 100, 100, 5]).unwrap();
        assert!((value - 4.0_f64.ln()).abs() < 1e-12);
        assert_eq!(block_value(&[1, 0], &[1, 1]), None);
        assert_eq!(block_value(&[], &[1]), None);
    }
}
