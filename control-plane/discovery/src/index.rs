//! The index: words of all documents, and which documents have them.

use std::collections::{BTreeMap, HashMap};

use crate::hangul::{is_syllable, letters, without_particle};
use crate::text::{normalise, stem, words};

/// Words of one field that are looked at: a description of the longest length kept has about a thousand.
const FIELD_WORDS_MAX: usize = 2_000;
/// A form that was not written as such (without its particle, without its plural) counts a little less.
const DERIVED_SHARE: f32 = 0.9;
/// Share of removed documents at which the index is built anew: they cost memory and time in every search.
const REMOVED_SHARE_MAX: f32 = 0.25;
/// Below this many slots a rebuild is not worth thinking of.
const SLOTS_KEPT: usize = 1_000;

/// What is searched of a class. Fields weigh in this order: title, instructor, category (its names and other words for it, in
/// both languages), description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    pub title: String,
    pub instructor: String,
    pub category: String,
    pub description: String,
}

impl Document {
    /// Text, weight, and the usual number of words of each field.
    fn fields(&self) -> [(&str, f32, f32); 4] {
        [
            (&self.title, 3.0, 6.0),
            (&self.instructor, 2.0, 2.0),
            (&self.category, 1.2, 6.0),
            (&self.description, 1.0, 60.0),
        ]
    }
}

pub(crate) type TermId = u32;
pub(crate) type Slot = u32;

#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) text: String,
    /// As typed on a Korean keyboard.
    pub(crate) letters: String,
    /// By slot, ascending. The weight is the sum over fields, longer fields counting less (BM25F's tf).
    pub(crate) postings: Vec<(Slot, f32)>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    document: Document,
    pub(crate) live: bool,
}

/// A full-text index in memory. 100,000 classes are built in one to four seconds (README, "Figures").
#[derive(Debug, Default)]
pub struct Index {
    pub(crate) terms: Vec<Term>,
    by_text: HashMap<String, TermId>,
    /// Words by their letters: all that begin alike stand together.
    pub(crate) by_letters: BTreeMap<String, Vec<TermId>>,
    /// Words that contain these two syllables in a row.
    pub(crate) by_pair: HashMap<[char; 2], Vec<TermId>>,
    /// Words by their first letter and number of letters: where a misspelt word's correct form is looked for.
    pub(crate) by_length: HashMap<(char, usize), Vec<TermId>>,
    pub(crate) entries: Vec<Entry>,
    slots: HashMap<String, Slot>,
    removed: usize,
}

impl Index {
    /// Documents in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Adds a document, or replaces the one of that id.
    pub fn put(&mut self, id: &str, document: Document) {
        if let Some(slot) = self.slots.get(id) {
            if self.entries[*slot as usize].document == document {
                return;
            }
            self.remove(id);
        }
        let slot = Slot::try_from(self.entries.len()).expect("fewer than four billion documents");
        for (term, weight) in weights(&document) {
            let term = self.term(term);
            self.terms[term as usize].postings.push((slot, weight));
        }
        self.entries.push(Entry { id: id.to_owned(), document, live: true });
        self.slots.insert(id.to_owned(), slot);
    }

    /// Takes a document out; one that is not there is fine.
    pub fn remove(&mut self, id: &str) {
        let Some(slot) = self.slots.remove(id) else { return };
        self.entries[slot as usize].live = false;
        self.removed += 1;
        if self.entries.len() > SLOTS_KEPT
            && self.removed as f32 > self.entries.len() as f32 * REMOVED_SHARE_MAX
        {
            self.rebuild();
        }
    }

    fn rebuild(&mut self) {
        let old = std::mem::take(self);
        for entry in old.entries.into_iter().filter(|entry| entry.live) {
            self.put(&entry.id, entry.document);
        }
    }

    pub(crate) fn exact(&self, text: &str) -> Option<TermId> {
        self.by_text.get(text).copied()
    }

    fn term(&mut self, text: String) -> TermId {
        if let Some(term) = self.by_text.get(&text) {
            return *term;
        }
        let id = TermId::try_from(self.terms.len()).expect("fewer than four billion words");
        let letters = letters(&text);
        self.by_letters.entry(letters.clone()).or_default().push(id);
        if let Some(first) = letters.chars().next() {
            self.by_length.entry((first, letters.chars().count())).or_default().push(id);
        }
        for pair in pairs(&text) {
            let terms = self.by_pair.entry(pair).or_default();
            if terms.last() != Some(&id) {
                terms.push(id);
            }
        }
        self.by_text.insert(text.clone(), id);
        self.terms.push(Term { text, letters, postings: Vec::new() });
        id
    }
}

/// Syllables next to one another.
pub(crate) fn pairs(word: &str) -> impl Iterator<Item = [char; 2]> + '_ {
    word.chars()
        .zip(word.chars().skip(1))
        .filter(|(a, b)| is_syllable(*a) && is_syllable(*b))
        .map(|(a, b)| [a, b])
}

/// Each form of each word of a document, with its weight over all fields.
fn weights(document: &Document) -> BTreeMap<String, f32> {
    let mut weights = BTreeMap::new();
    for (text, weight, usual_words) in document.fields() {
        let words = words(text);
        // BM25's length normalisation, b = 0.6.
        let length = 0.4 + 0.6 * words.len() as f32 / usual_words;
        for word in words.into_iter().take(FIELD_WORDS_MAX) {
            let share = weight / length.max(0.4);
            if let Some(stem) = without_particle(&word).or_else(|| stem(&word)) {
                *weights.entry(stem.to_owned()).or_default() += share * DERIVED_SHARE;
            }
            *weights.entry(word).or_default() += share;
        }
        // A title is also one word without its spaces: `꽃 꽂이` is found by `꽃꽂이`.
        if usual_words < 10.0 {
            for joined in joined_pairs(text) {
                *weights.entry(joined).or_default() += weight * DERIVED_SHARE / length.max(0.4);
            }
        }
    }
    weights
}

/// Neighbouring Korean words written together.
fn joined_pairs(text: &str) -> Vec<String> {
    let text = normalise(text);
    let parts: Vec<&str> = text.split_whitespace().filter(|part| part.chars().all(is_syllable)).collect();
    parts.windows(2).map(|pair| pair.concat()).filter(|joined| joined.chars().count() <= 8).collect()
}
