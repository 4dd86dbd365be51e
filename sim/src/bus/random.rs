//! Random numbers that are the same for a seed on every machine and in every version.

/// A generator (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator whose numbers depend on `seed` and on `stream`, so that each bus model of a
    /// test bench has its own.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        random.next_u64();
        random
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next 32 bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A number below `limit`, or 0 if `limit` is 0.
    #[inline]
    pub fn below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(limit)) >> 32) as u32
    }
}

/// A probability, ready for a fast draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance(u64);

impl Chance {
    /// Never.
    pub const NEVER: Self = Self(0);

    /// A probability; what lies outside 0 to 1 is taken as the nearer of both. At most 0.99 is
    /// used, so that what waits for a draw does not wait for ever.
    #[must_use]
    pub fn of(probability: f64) -> Self {
        let bounded = if probability.is_nan() {
            0.0
        } else {
            probability.clamp(0.0, 0.99)
        };
        Self((bounded * (1u64 << 32) as f64) as u64)
    }

    /// Draws. Takes no number from `random` if the probability is 0.
    #[inline]
    pub fn draw(self, random: &mut Random) -> bool {
        self.0 != 0 && u64::from(random.next_u32()) < self.0
    }
}

/// The seed in the environment variable `FIREBRICK_SEED`, or `default`; says on standard error
/// which one is used.
#[must_use]
pub fn seed_or(default: u64) -> u64 {
    let seed = std::env::var("FIREBRICK_SEED")
        .ok()
        .and_then(|s| s.trim().parse().ok());
    let seed = seed.unwrap_or(default);
    eprintln!("seed {seed} (set FIREBRICK_SEED to repeat or change it)");
    seed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances() {
        let mut random = Random::new(7, 0);
        let hits = |chance: Chance, random: &mut Random| {
            (0..100_000).filter(|_| chance.draw(random)).count()
        };
        assert_eq!(hits(Chance::NEVER, &mut random), 0);
        assert_eq!(hits(Chance::of(-3.0), &mut random), 0);
        assert_eq!(hits(Chance::of(f64::NAN), &mut random), 0);
        assert!((24_000..26_000).contains(&hits(Chance::of(0.25), &mut random)));
        assert!((98_500..99_500).contains(&hits(Chance::of(7.0), &mut random)));
        assert_ne!(Random::new(1, 1).next_u64(), Random::new(1, 2).next_u64());
        assert!((0..1000).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
    }
}
