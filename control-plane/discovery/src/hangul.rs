//! Korean syllables as letters, and words without their particles.
//!
//! Source: The Unicode Standard, section 3.12 (conjoining jamo arithmetic).

const FIRST: u32 = 0xAC00;
const LAST: u32 = 0xD7A3;
const VOWELS: u32 = 21;
const TAILS: u32 = 28;

/// Compatibility jamo of the 19 leading consonants.
const LEAD_LETTERS: [char; 19] = [
    'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ',
    'ㅍ', 'ㅎ',
];
/// The 27 tails in the order of the standard. A cluster is written as the two letters that are typed for it.
const TAIL_LETTERS: [&str; 28] = [
    "", "ㄱ", "ㄲ", "ㄱㅅ", "ㄴ", "ㄴㅈ", "ㄴㅎ", "ㄷ", "ㄹ", "ㄹㄱ", "ㄹㅁ", "ㄹㅂ", "ㄹㅅ", "ㄹㅌ", "ㄹㅍ",
    "ㄹㅎ", "ㅁ", "ㅂ", "ㅂㅅ", "ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ", "ㅎ",
];

/// Particles, longest first, with the letter they need before them. They are taken off from the end of a word.
const PARTICLES: [(&str, Before); 42] = [
    ("에서부터", Before::Any),
    ("으로부터", Before::Closed),
    ("이라는", Before::Closed),
    ("에서는", Before::Any),
    ("으로는", Before::Closed),
    ("에게서", Before::Any),
    ("한테서", Before::Any),
    ("까지", Before::Any),
    ("부터", Before::Any),
    ("에서", Before::Any),
    ("에게", Before::Any),
    ("한테", Before::Any),
    ("으로", Before::Closed),
    ("이랑", Before::Closed),
    ("처럼", Before::Any),
    ("보다", Before::Any),
    ("마다", Before::Any),
    ("조차", Before::Any),
    ("이나", Before::Closed),
    ("라도", Before::Open),
    ("라는", Before::Open),
    ("하고", Before::Any),
    ("에는", Before::Any),
    ("에도", Before::Any),
    ("과의", Before::Closed),
    ("와의", Before::Open),
    ("들을", Before::Any),
    ("들이", Before::Any),
    ("은", Before::Closed),
    ("는", Before::Open),
    ("이", Before::Closed),
    ("가", Before::Open),
    ("을", Before::Closed),
    ("를", Before::Open),
    ("과", Before::Closed),
    ("와", Before::Open),
    ("에", Before::Any),
    ("의", Before::Any),
    ("도", Before::Any),
    ("만", Before::Any),
    ("로", Before::OpenOrRieul),
    ("랑", Before::Open),
];

/// What the syllable before a particle ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Any,
    /// A consonant.
    Closed,
    /// A vowel.
    Open,
    OpenOrRieul,
}

/// Whether this is a whole syllable (가 to 힣).
#[must_use]
pub fn is_syllable(c: char) -> bool {
    (FIRST..=LAST).contains(&u32::from(c))
}

/// Whether this is Korean at all, a letter that is still being typed included.
#[must_use]
pub fn is_hangul(c: char) -> bool {
    is_syllable(c) || ('\u{3131}'..='\u{3163}').contains(&c)
}

/// The letters in the order they are typed; what is no Korean stays. `붓글` is `ㅂㅜㅅㄱㅡㄹ`, and so is the beginning of
/// `붓글씨`: a half-typed word is a prefix of the whole one.
#[must_use]
pub fn letters(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if !is_syllable(c) {
            out.push(c);
            continue;
        }
        let index = u32::from(c) - FIRST;
        let (lead, vowel, tail) = (index / (VOWELS * TAILS), index / TAILS % VOWELS, index % TAILS);
        out.push(LEAD_LETTERS[lead as usize]);
        // The 21 vowels stand in the standard's order from U+314F on.
        out.extend(char::from_u32(0x314F + vowel));
        out.push_str(TAIL_LETTERS[tail as usize]);
    }
    out
}

/// The word without its particle, if it may have one: `붓글씨를` gives `붓글씨`. Whether it truly is one only a grammar
/// knows (`나이` is not `나` and `이`), so callers try both.
#[must_use]
pub fn without_particle(word: &str) -> Option<&str> {
    PARTICLES.iter().find_map(|(particle, before)| {
        let stem = word.strip_suffix(particle)?;
        let last = stem.chars().next_back().filter(|c| is_syllable(*c))?;
        let tail = (u32::from(last) - FIRST) % TAILS;
        let fits = match before {
            Before::Any => true,
            Before::Closed => tail != 0,
            Before::Open => tail == 0,
            Before::OpenOrRieul => tail == 0 || tail == 8,
        };
        fits.then_some(stem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_in_the_order_they_are_typed() {
        assert_eq!(letters("붓글씨 abc"), "ㅂㅜㅅㄱㅡㄹㅆㅣ abc");
        assert_eq!(letters("닭"), "ㄷㅏㄹㄱ");
        for half in ["ㅂ", "부", "붓", "붓ㄱ", "붓그", "붓글"] {
            assert!(letters("붓글씨").starts_with(&letters(half)), "{half}");
        }
        // While 바나 is typed the page shows 반 for a moment.
        assert!(letters("바나나").starts_with(&letters("반")));
    }

    #[test]
    fn particles_are_taken_off_where_they_can_stand() {
        for (word, stem) in [
            ("붓글씨를", "붓글씨"),
            ("서예는", "서예"),
            ("꽃을", "꽃"),
            ("서울로", "서울"),
            ("집으로", "집"),
            ("학교에서", "학교"),
        ] {
            assert_eq!(without_particle(word), Some(stem), "{word}");
        }
        // 을 cannot follow a vowel, 를 no consonant; a lone particle is no word without a particle.
        for word in ["서예을", "꽃를", "를", "코딩", "abc를"] {
            assert_eq!(without_particle(word), None, "{word}");
        }
    }
}
