//! The system's randomness.

use fabric_wire::WireError;
use fabric_wire::seam::Entropy;

/// The kernel's random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), WireError> {
        getrandom::fill(bytes)
            .map_err(|e| WireError::Unreachable(format!("the system gives no random bytes: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let mut draws = [[0; 32]; 2];
        for draw in &mut draws {
            SystemEntropy.fill(draw).expect("the kernel gives random bytes");
        }
        let [first, second] = draws;
        assert_ne!(first, second);
    }
}
