//! Sparse weights: how a `load_sparse` record leaves the zeros out.
//!
//! Weights are coded in groups of 128, eight rows of 16. A group is a beat of mask, bit i of byte
//! j for weight 8 j + i, and then beats with its non-zero weights in order. The values of a
//! payload are one string of bytes: a group begins where the one before ended, within a beat, and
//! brings as many further beats as its values need. The last group and the last beat are filled
//! up with zeros.

/// Number of weights in a group, which is the number of bits in a mask.
pub const GROUP: usize = 128;
/// Bytes of a beat.
const BEAT: usize = 16;

/// Encodes i8 weights; the result is whole beats of 16 bytes.
#[must_use]
pub fn encode(weights: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    // Bytes free in the last beat of values, which ends at `end`.
    let (mut free, mut end) = (0, 0);
    for group in weights.chunks(GROUP) {
        let mut mask = [0; BEAT];
        for (i, _) in group.iter().enumerate().filter(|(_, w)| **w != 0) {
            mask[i / 8] |= 1 << (i % 8);
        }
        payload.extend(mask);
        for &weight in group.iter().filter(|w| **w != 0) {
            if free == 0 {
                payload.resize(payload.len() + BEAT, 0);
                (free, end) = (BEAT, payload.len());
            }
            payload[end - free] = weight;
            free -= 1;
        }
    }
    payload
}

/// Number of beats of values of each group of a payload, as its masks say, and the number of beats
/// that all groups take, which may differ from the payload's length. The list ends early if the
/// payload does.
#[must_use]
pub fn value_beats(payload: &[u8], weights: usize) -> (Vec<u8>, usize) {
    let (mut beats, mut free, mut at) = (Vec::new(), 0, 0);
    for _ in 0..weights.div_ceil(GROUP) {
        let Some(mask) = payload.get(at..at + BEAT) else {
            return (beats, at / BEAT + 1);
        };
        let ones: usize = mask.iter().map(|byte| byte.count_ones() as usize).sum();
        let brought = ones.saturating_sub(free).div_ceil(BEAT);
        free = free + BEAT * brought - ones;
        beats.push(brought as u8);
        at += BEAT * (1 + brought);
    }
    (beats, at / BEAT)
}

/// Restores the zeros and gives `weights` bytes; `None` if the length of the payload does not match
/// its masks.
#[must_use]
pub fn decode(payload: &[u8], weights: usize) -> Option<Vec<u8>> {
    let (beats, needed) = value_beats(payload, weights);
    if payload.len() != needed * BEAT {
        return None;
    }
    let mut decoded = Vec::with_capacity(weights.next_multiple_of(GROUP));
    // Values before the group's own beats are left over from the beat before them.
    let (mut at, mut left) = (0, 0..0);
    for brought in beats {
        let mask = &payload[at..at + BEAT];
        at += BEAT;
        let mut fresh = at..at + BEAT * usize::from(brought);
        at = fresh.end;
        for i in 0..GROUP {
            let present = mask[i / 8] >> (i % 8) & 1 == 1;
            let place = if present {
                left.next().or_else(|| fresh.next())
            } else {
                None
            };
            decoded.push(place.map_or(0, |place| payload[place]));
        }
        if brought > 0 {
            left = fresh;
        }
    }
    decoded.truncate(weights);
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights of which about `percent` are not zero.
    fn weights(len: usize, percent: u32, seed: u32) -> Vec<u8> {
        let mut state = seed;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if (state >> 8) % 100 < percent {
                    (state >> 24) as u8 | 1
                } else {
                    0
                }
            })
            .collect()
    }

    #[test]
    fn what_is_coded_comes_back() {
        for percent in [0, 1, 5, 33, 50, 90, 100] {
            for len in [16, 64, 112, 128, 144, 256, 1024, 4096 + 48] {
                let plain = weights(len, percent, len as u32 * 101 + percent);
                let coded = encode(&plain);
                assert_eq!(
                    decode(&coded, len).as_ref(),
                    Some(&plain),
                    "{len} {percent}"
                );
                let ones = plain.iter().filter(|w| **w != 0).count();
                let beats = len.div_ceil(GROUP) + ones.div_ceil(BEAT);
                assert_eq!(coded.len(), beats * BEAT);
                assert_eq!(value_beats(&coded, len).1, beats);
            }
        }
    }

    #[test]
    fn a_wrong_length_is_no_payload() {
        let plain = weights(1024, 40, 7);
        let mut coded = encode(&plain);
        assert!(decode(&coded[..coded.len() - BEAT], 1024).is_none());
        assert!(decode(&coded, 896).is_none());
        assert!(decode(&coded, 1152).is_none());
        coded.extend([0; BEAT]);
        assert!(decode(&coded, 1024).is_none());
        assert!(decode(&[], 16).is_none());
    }

    #[test]
    fn an_example_by_hand() {
        let mut plain = vec![0; 256];
        plain[0] = 5;
        plain[17] = 0xfe;
        plain[128] = 9;
        let mut coded = vec![0; 48];
        (coded[0], coded[2]) = (1, 2);
        (coded[16], coded[17], coded[18]) = (5, 0xfe, 9);
        coded[32] = 1;
        assert_eq!(encode(&plain), coded);
        assert_eq!(value_beats(&coded, 256), (vec![1, 0], 3));
    }
}
