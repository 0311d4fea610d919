//! Inputs made out of other inputs. The same seed gives the same inputs on every machine.

use crate::Target;
use crate::steps::{Steps, write};

/// Longest input made, bytes: a datagram or a frame is far below it.
const INPUT_BYTES_MAX: usize = 64 * 1024;
/// Steps an input has at most.
const STEPS_MAX: usize = 64;

/// Pseudo-random numbers (`SplitMix64`): small, and the same for ever.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.roll() % end as u64) as usize }
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// The next input for `target`, out of `corpus`.
#[must_use]
pub fn next(target: &Target, corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let base = dice.pick(corpus).cloned().unwrap_or_default();
    let mut input = if target.is_steps && dice.below(8) != 0 {
        let other = dice.pick(corpus).cloned().unwrap_or_default();
        mutate_steps(&base, &other, target.words, dice)
    } else {
        let other = dice.pick(corpus).cloned().unwrap_or_default();
        mutated(base, &other, target.words, dice)
    };
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn mutate_steps(base: &[u8], other: &[u8], words: &[&[u8]], dice: &mut Dice) -> Vec<u8> {
    let read =
        |input| Steps::of(input).map(|(kind, body): (u8, &[u8])| (kind, body.to_vec())).collect::<Vec<_>>();
    let (mut steps, others) = (read(base), read(other));
    for _ in 0..=dice.below(4) {
        let at = dice.below(steps.len());
        match dice.below(10) {
            0 if !steps.is_empty() => drop(steps.remove(at)),
            1 => {
                let again = steps.get(at).cloned();
                let to = dice.below(steps.len() + 1);
                again.into_iter().for_each(|step| steps.insert(to, step));
            }
            2 | 3 => {
                let step = dice.pick(&others).cloned();
                step.into_iter().for_each(|step| steps.insert(at, step));
            }
            4 => {
                let to = dice.below(steps.len());
                if !steps.is_empty() {
                    steps.swap(at, to);
                }
            }
            5 => {
                if let Some((kind, _)) = steps.get_mut(at) {
                    *kind = dice.roll() as u8 >> dice.below(8);
                }
            }
            _ => {
                let body = dice.pick(&others).map(|(_, body)| body.clone()).unwrap_or_default();
                if let Some((_, own)) = steps.get_mut(at) {
                    *own = mutated(std::mem::take(own), &body, words, dice);
                }
            }
        }
    }
    steps.truncate(STEPS_MAX);
    write(&steps)
}

fn mutated(mut bytes: Vec<u8>, other: &[u8], words: &[&[u8]], dice: &mut Dice) -> Vec<u8> {
    for _ in 0..=dice.below(5) {
        let at = dice.below(bytes.len());
        match dice.below(10) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
            1 if !bytes.is_empty() => {
                const EDGES: [u8; 10] = [0, 1, 0x0F, 0x10, 0x3F, 0x7F, 0x80, 0xC0, 0xFE, 0xFF];
                bytes[at] = EDGES[dice.below(EDGES.len())];
            }
            2 if !bytes.is_empty() => bytes[at] = bytes[at].wrapping_add(dice.below(9) as u8).wrapping_sub(4),
            3 => {
                let count = 1 + dice.below(8);
                let new: Vec<u8> = (0..count).map(|_| dice.roll() as u8).collect();
                bytes.splice(at..at, new);
            }
            4 => drop(bytes.drain(at..(at + 1 + dice.below(16)).min(bytes.len()))),
            5 => {
                // A piece once more, maybe often.
                let piece = bytes[at..(at + 1 + dice.below(64)).min(bytes.len())].to_vec();
                let often = if dice.below(16) == 0 { 9 } else { 3 };
                let times = 1 << dice.below(often);
                let to = dice.below(bytes.len() + 1);
                bytes.splice(to..to, piece.repeat(times));
            }
            6 => bytes.truncate(at),
            7 => {
                let from = dice.below(other.len());
                let piece = &other[from..(from + 1 + dice.below(256)).min(other.len())];
                let end = (at + dice.below(piece.len() + 1)).min(bytes.len());
                bytes.splice(at..end, piece.iter().copied());
            }
            8 => {
                if let Some(word) = dice.pick(words) {
                    let end = if dice.below(2) == 0 { at } else { (at + word.len()).min(bytes.len()) };
                    bytes.splice(at..end, word.iter().copied());
                }
            }
            _ => number(&mut bytes, at, dice),
        }
        bytes.truncate(INPUT_BYTES_MAX);
    }
    bytes
}

/// Another number in place of the one in digits at or after `at`, or of two bytes.
fn number(bytes: &mut Vec<u8>, at: usize, dice: &mut Dice) {
    const NUMBERS: [&str; 9] =
        ["0", "-1", "1", "127", "128", "65535", "65536", "4294967296", "18446744073709551615"];
    let digits = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found);
    if let Some(start) = digits {
        let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = NUMBERS[dice.below(NUMBERS.len())];
        bytes.splice(start..start + length, number.bytes());
    } else if let Some(two) = bytes.get_mut(at..at + 2) {
        let value = [0_u16, 1, 0x7FFF, 0x8000, 0xFFFF][dice.below(5)];
        two.copy_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs_and_another_seed_others() {
        let target = &crate::TARGETS[0];
        let corpus = (target.seeds)();
        let inputs = |seed| {
            let mut dice = Dice::new(seed);
            (0..200).map(|_| next(target, &corpus, &mut dice)).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(1).iter().collect::<std::collections::BTreeSet<_>>().len() > 150);
    }
}
