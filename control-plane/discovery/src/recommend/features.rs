//! What a class is about, as features with weights.

use std::collections::BTreeSet;

use super::Item;
use crate::text::{stem, words};

pub(super) fn category_feature(category: &str) -> String {
    format!("c:{category}")
}

pub(super) fn word_feature(word: &str) -> String {
    format!("w:{word}")
}

/// Words that may say what a class is about: longer than a letter, in the form they share with their other forms.
pub(super) fn subject_words(text: &str) -> impl Iterator<Item = String> {
    words(text)
        .into_iter()
        .map(|word| {
            let bare = crate::hangul::without_particle(&word).or_else(|| stem(&word));
            bare.map_or_else(|| word.clone(), str::to_owned)
        })
        .filter(|word| word.chars().count() > 1)
}

pub(super) fn features(item: &Item) -> Vec<(String, f32)> {
    let mut features = vec![
        (category_feature(&item.category), 1.0),
        (format!("i:{}", item.instructor), 0.8),
        (format!("l:{}:{}", item.category, item.level), 0.5),
    ];
    let words: BTreeSet<String> = subject_words(&item.title).collect();
    features.extend(words.into_iter().map(|word| (word_feature(&word), 0.6)));
    features
}
