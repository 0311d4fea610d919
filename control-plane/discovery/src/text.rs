//! Text as words to search by.

use unicode_normalization::UnicodeNormalization as _;

use crate::hangul::is_hangul;

/// Longest word, in characters; the rest of a longer one is not looked at.
pub const WORD_CHARACTERS_MAX: usize = 40;

/// One form for everything that reads the same: compatibility composition (NFKC), lower case.
#[must_use]
pub fn normalise(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

/// The words of a text, normalised, in order. Korean and other scripts are apart (`C언어` is `c` and `언어`), as people type
/// either with and without a space; `c++` and `c#` keep their signs.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = 0;
    let mut korean = false;
    for c in normalise(text).chars() {
        let is_sign = matches!(c, '+' | '#') && !word.is_empty() && !korean;
        if !c.is_alphanumeric() && !is_hangul(c) && !is_sign {
            finish(&mut words, &mut word, &mut characters);
            continue;
        }
        if is_hangul(c) != korean && !word.is_empty() {
            finish(&mut words, &mut word, &mut characters);
        }
        korean = is_hangul(c);
        if characters < WORD_CHARACTERS_MAX {
            word.push(c);
            characters += 1;
        }
    }
    finish(&mut words, &mut word, &mut characters);
    words
}

fn finish(words: &mut Vec<String>, word: &mut String, characters: &mut usize) {
    *characters = 0;
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// An English word in the form it shares with its plural and its -ing and -ed: enough for a catalogue, no grammar.
#[must_use]
pub fn stem(word: &str) -> Option<&str> {
    if !word.is_ascii() || word.len() < 4 {
        return None;
    }
    let of = |suffix: &str, left: usize| word.strip_suffix(suffix).filter(|stem| stem.len() >= left);
    if word.ends_with("ss") {
        return None;
    }
    // `painting` and `painted` meet at `paint`; `drawing` keeps three letters and more.
    of("ings", 3).or_else(|| of("ing", 3)).or_else(|| of("ed", 3)).or_else(|| of("s", 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_where_scripts_meet() {
        assert_eq!(words("C언어 입문 – C++, Ｃ#!"), ["c", "언어", "입문", "c++", "c#"]);
        assert_eq!(words("한글(서예)를  Watercolor2"), ["한글", "서예", "를", "watercolor2"]);
        // Decomposed and composed Korean are the same word.
        let decomposed: String = "붓글씨".nfd().collect();
        assert_eq!(words(&decomposed), ["붓글씨"]);
    }

    #[test]
    fn english_words_meet_their_other_forms() {
        assert_eq!(stem("paintings"), Some("paint"));
        assert_eq!(stem("flowers"), Some("flower"));
        assert_eq!(stem("dance"), None);
        assert_eq!(stem("class"), None);
        assert_eq!(stem("붓글씨"), None);
    }
}
