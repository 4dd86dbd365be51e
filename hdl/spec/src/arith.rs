//! The integer arithmetic of the engine. Every other description of it (software model,
//! Rust-HDL blocks, tests) is checked against these few functions.

/// Largest magnitude of a weight: symmetric, so that -128 never occurs.
pub const WEIGHT_MAX: i8 = 127;
/// Smallest requantisation multiplier. Multipliers are 15 bits and positive, as in TOSA's RESCALE
/// with `scale32 = false`.
pub const MULT_MIN: u16 = 1;
/// Largest requantisation multiplier; see [`MULT_MIN`].
pub const MULT_MAX: u16 = 32_767;
/// Smallest requantisation shift: below it the rounding term would vanish.
pub const SHIFT_MIN: u8 = 1;
/// Largest requantisation shift: a product has 48 bits, so a larger shift would always give 0.
pub const SHIFT_MAX: u8 = 48;

/// `value` as `bits` bits of two's complement hold it.
#[must_use]
#[inline]
pub fn wrap(value: i64, bits: usize) -> i64 {
    let unused = 64 - bits as u32;
    (value << unused) >> unused
}

/// Requantisation of one output channel: `y = clamp(((acc + bias) * mult + 2^(shift-1)) >> shift)`.
///
/// Source: the RESCALE operator of the TOSA specification with `scale32 = false`, single
/// rounding, half up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requant {
    /// Added to the accumulator before scaling.
    pub bias: i32,
    /// Positive multiplier, [`MULT_MIN`]..=[`MULT_MAX`].
    pub mult: u16,
    /// Arithmetic right shift, [`SHIFT_MIN`]..=[`SHIFT_MAX`].
    pub shift: u8,
}

impl Requant {
    /// Passes small accumulators through unchanged: `(acc * 2 + 1) >> 1`.
    pub const IDENTITY: Requant = Requant {
        bias: 0,
        mult: 2,
        shift: 1,
    };

    /// Whether multiplier and shift lie within their ranges.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        (MULT_MIN..=MULT_MAX).contains(&self.mult) && (SHIFT_MIN..=SHIFT_MAX).contains(&self.shift)
    }

    /// Scales, rounds and clamps one accumulator to an activation, 0 to 255; the clamp at 0 is the
    /// ReLU. Exact for every `acc` and `bias`: the sum is taken in 33 bits.
    #[must_use]
    #[inline]
    pub fn apply(&self, acc: i32) -> u8 {
        self.scale(i64::from(acc) + i64::from(self.bias))
    }

    /// The same in an engine whose sums have `bits` bits: what they do not hold is cut off. Equal to
    /// [`Requant::apply`] where `acc` + `bias` fits, see [`sum_bits`].
    #[must_use]
    #[inline]
    pub fn apply_within(&self, acc: i32, bits: usize) -> u8 {
        self.scale(wrap(i64::from(acc) + i64::from(self.bias), bits))
    }

    #[inline]
    fn scale(&self, sum: i64) -> u8 {
        let scaled = (sum * i64::from(self.mult) + (1i64 << (self.shift - 1))) >> self.shift;
        scaled.clamp(0, 255) as u8
    }
}

/// One multiply-accumulate: activation u8 with zero point 0, weight i8.
#[must_use]
#[inline]
pub fn mac(acc: i32, x: u8, w: i8) -> i32 {
    acc + i32::from(x) * i32::from(w)
}

/// What the array takes from an activation before it multiplies: it sees the i8 `x - 128`, which is
/// the u8 with its top bit inverted.
pub const ACTIVATION_OFFSET: i32 = 128;

/// One multiply-accumulate as the array does it, which lacks [`offset`] of the weight.
#[must_use]
#[inline]
pub fn array_mac(acc: i32, x: u8, w: i8) -> i32 {
    acc + (i32::from(x) - ACTIVATION_OFFSET) * i32::from(w)
}

/// What the array's sum lacks of the convolution's, given all weights of an output channel, those
/// of masked taps included: a masked pixel is 0 and so is -128 in the array. It is part of the bias
/// that a stream loads.
///
/// `None` if a sum in the array could leave 32 bits, whatever the activations.
#[must_use]
pub fn offset(weights: impl IntoIterator<Item = i8>) -> Option<i32> {
    let (mut sum, mut magnitude) = (0i64, 0i64);
    for w in weights {
        sum += i64::from(w);
        magnitude += i64::from(w).abs();
    }
    let scale = i64::from(ACTIVATION_OFFSET);
    i32::try_from(scale * magnitude).ok()?;
    i32::try_from(scale * sum).ok()
}

/// Adds two activations of the same scale, as a bypass does; the sum is clamped to 255.
#[must_use]
#[inline]
pub fn add(a: u8, b: u8) -> u8 {
    a.saturating_add(b)
}

/// Output length of a convolution along one axis, in pixels: `(n + 2 pad - kernel) / stride + 1`.
/// `None` if the kernel does not fit.
#[must_use]
pub fn conv_len(n: usize, kernel: usize, stride: usize, pad: usize) -> Option<usize> {
    (n + 2 * pad)
        .checked_sub(kernel)
        .map(|span| span / stride + 1)
}

/// Edge of the pooling window.
pub const POOL_KERNEL: usize = 3;
/// Stride of the pooling window.
pub const POOL_STRIDE: usize = 2;

/// Output length of the 3x3/2 max-pool along an axis of `n` pixels. In ceil mode a last window that
/// lies partly outside counts, as in Caffe and torchvision (`ceil_mode=True`). `None` if the map is
/// smaller than the window.
#[must_use]
pub fn pool_len(n: usize, ceil: bool) -> Option<usize> {
    let span = n.checked_sub(POOL_KERNEL)?;
    Some(
        if ceil {
            span.div_ceil(POOL_STRIDE)
        } else {
            span / POOL_STRIDE
        } + 1,
    )
}

/// Largest absolute accumulator value of one output channel over all inputs, bias included.
/// Activations are 0 to 255, so positive and negative weights bound it separately.
#[must_use]
pub fn accumulator_bound(weights: impl IntoIterator<Item = i8>, bias: i32) -> i64 {
    let (mut high, mut low) = (0i64, 0i64);
    for w in weights {
        let w = i64::from(w);
        if w > 0 {
            high += 255 * w
        } else {
            low += 255 * w
        }
    }
    let bias = i64::from(bias);
    // Partial sums are bounded without the bias as well: it is added last.
    high.max(-low)
        .max((high + bias).abs())
        .max((low + bias).abs())
}

/// Bits of two's complement that hold every sum of one output channel in every order of its
/// products, over all inputs, and the last sum with its bias: with activations as they are
/// (0..=255) and with activations less 128, as engines that add in DSP slices take them, where a
/// position outside the map is -128.
#[must_use]
pub fn sum_bits(weights: impl IntoIterator<Item = i8>, bias: i32) -> usize {
    let (mut positive, mut negative) = (0i64, 0i64);
    for w in weights {
        let w = i64::from(w);
        if w > 0 { positive += w } else { negative -= w }
    }
    let (high, low, bias) = (255 * positive, -255 * negative, i64::from(bias));
    let around = 128 * (positive + negative);
    let most = high.max(high + bias).max(around);
    let least = low.min(low + bias).min(-around);
    // A negative number needs as many bits as its complement.
    let magnitude = most.max(!least);
    (i64::BITS - magnitude.leading_zeros()) as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requantise_rounds_half_up_and_clamps() {
        let r = Requant {
            bias: 0,
            mult: 1,
            shift: 1,
        };
        assert_eq!(
            [-3, -2, -1, 0, 1, 2, 3].map(|a| r.apply(a)),
            [0, 0, 0, 0, 1, 1, 2]
        );
        assert_eq!(r.apply(10_000), 255);
        assert_eq!(Requant::IDENTITY.apply(77), 77);
    }

    #[test]
    fn requantise_is_exact_at_the_corners() {
        for acc in [i32::MIN, i32::MAX] {
            for bias in [i32::MIN, i32::MAX] {
                for mult in [MULT_MIN, MULT_MAX] {
                    for shift in [SHIFT_MIN, SHIFT_MAX] {
                        let sum = i128::from(acc) + i128::from(bias);
                        let want = (sum * i128::from(mult) + (1i128 << (shift - 1))) >> shift;
                        let got = Requant { bias, mult, shift }.apply(acc);
                        assert_eq!(i128::from(got), want.clamp(0, 255));
                    }
                }
            }
        }
    }

    #[test]
    fn the_arrays_sum_and_its_offset_are_the_convolutions() {
        let weights = [127, -127, 3, 0, -50, 127];
        for seed in 0..64u8 {
            let x = |i: usize| {
                [0, 255, 128, 127, seed, seed.wrapping_mul(37)][(i + usize::from(seed)) % 6]
            };
            let sum = |f: fn(i32, u8, i8) -> i32| {
                weights
                    .iter()
                    .enumerate()
                    .fold(0, |acc, (i, &w)| f(acc, x(i), w))
            };
            assert_eq!(sum(array_mac) + offset(weights).unwrap(), sum(mac));
        }
        // 132,104 times 127 * 128 are more than 32 bits, however the signs are.
        assert_eq!(
            offset(std::iter::repeat_n(127, 132_104)),
            Some(2_147_482_624)
        );
        assert_eq!(
            offset((0..132_105).map(|i| if i % 2 == 0 { 127 } else { -127 })),
            None
        );
    }

    #[test]
    fn lengths_follow_caffe_and_torchvision() {
        assert_eq!(conv_len(224, 3, 2, 0), Some(111));
        assert_eq!(conv_len(227, 7, 2, 0), Some(111));
        assert_eq!(conv_len(2, 3, 2, 0), None);
        assert_eq!(
            [113, 56, 28].map(|n| pool_len(n, true)),
            [Some(56), Some(28), Some(14)]
        );
        assert_eq!(
            [113, 56, 28].map(|n| pool_len(n, false)),
            [Some(56), Some(27), Some(13)]
        );
        assert_eq!(pool_len(2, true), None);
    }

    #[test]
    fn sums_within_their_bits_are_requantised_alike() {
        let r = Requant {
            bias: -1000,
            mult: 20_000,
            shift: 30,
        };
        for acc in [-(1 << 26) + 1000, 1000, 999, (1 << 26) - 1] {
            assert_eq!(r.apply_within(acc, 27), r.apply(acc), "{acc}");
        }
        // The first sums that do not fit.
        assert_eq!(r.apply((1 << 26) + 1000), 255);
        assert_eq!(r.apply_within((1 << 26) + 1000, 27), 0);
        assert_eq!(wrap(-(1 << 26) - 1, 27), (1 << 26) - 1);
    }

    #[test]
    fn bits_of_sums() {
        assert_eq!(sum_bits([], 0), 1);
        assert_eq!(sum_bits([], 1), 2);
        assert_eq!(sum_bits([], -1), 1);
        assert_eq!(sum_bits([], -2), 2);
        assert_eq!(sum_bits([1], 0), 9);
        assert_eq!(sum_bits([1], 1), 10);
        assert_eq!(sum_bits([-1], -1), 9);
        assert_eq!(sum_bits([-1], -2), 10);
        // The signed form reaches further where weights balance.
        assert_eq!(sum_bits([1, -1], 0), 10);
        assert_eq!(sum_bits([127; 576], 0), 26);
        assert_eq!(sum_bits([-127; 576], 0), 26);
        assert_eq!(sum_bits([127; 576], i32::MAX), 33);
    }

    #[test]
    fn accumulator_bound_takes_the_worse_side() {
        assert_eq!(accumulator_bound([1, -3, 2], 0), 3 * 255);
        assert_eq!(accumulator_bound([1, -3, 2], 100), 3 * 255 + 100);
        assert_eq!(accumulator_bound([], -5), 5);
    }
}
