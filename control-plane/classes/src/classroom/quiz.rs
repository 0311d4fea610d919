//! A quiz: what one is, when an answer counts, and what it scores. Pure rules.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::rule::{Broken, bounded};

/// Items of one quiz: what fits on a phone in a lesson.
pub const ITEMS_MAX: usize = 30;
pub const CHOICES_MAX: usize = 12;
/// Texts that a short answer may match.
pub const ACCEPTED_MAX: usize = 20;
pub const TITLE_CHARACTERS_MAX: usize = 120;
pub const ITEM_CHARACTERS_MAX: usize = 500;
pub const CHOICE_CHARACTERS_MAX: usize = 200;
/// A short answer is a word or a line.
pub const SHORT_CHARACTERS_MAX: usize = 200;
pub const TIME_LIMIT_S_MAX: u32 = 3 * 3600;
/// Longest id of an item, a choice or an answer; a UUID has 36.
pub const ID_BYTES_MAX: usize = 64;
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemKind {
    /// One choice is given, one is right.
    Single,
    /// Any number of choices is given; exactly the right set scores.
    Multiple,
    /// A text is given; it scores when it reads as one of the accepted ones.
    Short,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub id: String,
    pub kind: ItemKind,
    pub text: String,
    #[serde(default)]
    pub choices: Vec<Choice>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub id: String,
    pub text: String,
}

/// By item id: choice ids, or texts.
pub type Given = BTreeMap<String, Vec<String>>;

/// A quiz as its instructor writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    pub title: String,
    pub items: Vec<Item>,
    /// Right choices, or accepted texts. Items without a key are asked and not scored.
    #[serde(default)]
    pub key: Given,
    #[serde(default)]
    pub time_limit_s: Option<u32>,
}

impl Sheet {
    /// # Errors
    /// Says which rule is broken, and where.
    pub fn check(&self) -> Result<(), Broken> {
        bounded("title", &self.title, 1, TITLE_CHARACTERS_MAX)?;
        if self.items.is_empty() || self.items.len() > ITEMS_MAX {
            return Err(Broken::new(format!("items: give 1 to {ITEMS_MAX} questions")));
        }
        if self.time_limit_s.is_some_and(|limit| limit == 0 || limit > TIME_LIMIT_S_MAX) {
            return Err(Broken::new(format!("time_limit_s: 1 to {TIME_LIMIT_S_MAX}, or none")));
        }
        let mut ids = BTreeSet::new();
        for item in &self.items {
            check_id("item", &item.id)?;
            if !ids.insert(&item.id) {
                return Err(Broken::new(format!("items: the id {:?} is used twice", item.id)));
            }
            check_item(item)?;
        }
        for (id, right) in &self.key {
            let Some(item) = self.item(id) else {
                return Err(Broken::new(format!("key: there is no item {id:?}")));
            };
            check_key(item, right)?;
        }
        Ok(())
    }

    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// Brings an answer into the form that is stored: known items only, choices without repeats in the order of the
    /// sheet, texts trimmed, items without an answer left out.
    ///
    /// # Errors
    /// An item or choice does not exist, a single item has two choices, a text is too long.
    pub fn tidy(&self, given: &Given) -> Result<Given, Broken> {
        let mut tidied = Given::new();
        for (id, values) in given {
            let Some(item) = self.item(id) else {
                return Err(Broken::new(format!("answers: there is no item {id:?}")));
            };
            let values = match item.kind {
                ItemKind::Short => tidy_text(item, values)?,
                ItemKind::Single | ItemKind::Multiple => tidy_choices(item, values)?,
            };
            if !values.is_empty() {
                tidied.insert(id.clone(), values);
            }
        }
        Ok(tidied)
    }

    /// Whether each item that has a key was answered rightly.
    #[must_use]
    pub fn correct(&self, given: &Given) -> BTreeMap<String, bool> {
        let judge = |(id, right): (&String, &Vec<String>)| {
            let values = given.get(id).map_or(&[][..], Vec::as_slice);
            let kind = self.item(id)?.kind;
            Some((id.clone(), is_right(kind, right, values)))
        };
        self.key.iter().filter_map(judge).collect()
    }

    /// Rightly answered items.
    #[must_use]
    pub fn score(&self, given: &Given) -> usize {
        self.correct(given).values().filter(|right| **right).count()
    }
}

/// Texts compare equal when they read the same: composed (NFC; a Mac sends 한글 in parts), in lower case, spaces aside.
#[must_use]
pub fn normal(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase().nfc().filter(|c| !c.is_whitespace()).collect()
}

fn is_right(kind: ItemKind, right: &[String], given: &[String]) -> bool {
    match kind {
        ItemKind::Short => {
            given.first().is_some_and(|text| right.iter().any(|accepted| normal(accepted) == normal(text)))
        }
        // "One is right" with several keys: any of them.
        ItemKind::Single => given.len() == 1 && right.contains(&given[0]),
        ItemKind::Multiple => {
            let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
            !right.is_empty() && set(right) == set(given)
        }
    }
}

fn check_item(item: &Item) -> Result<(), Broken> {
    bounded("item text", &item.text, 1, ITEM_CHARACTERS_MAX)?;
    match item.kind {
        ItemKind::Short if !item.choices.is_empty() => {
            return Err(Broken::new(format!("item {:?}: a short answer has no choices", item.id)));
        }
        ItemKind::Short => {}
        ItemKind::Single | ItemKind::Multiple => {
            if item.choices.len() < 2 || item.choices.len() > CHOICES_MAX {
                return Err(Broken::new(format!("item {:?}: give 2 to {CHOICES_MAX} choices", item.id)));
            }
        }
    }
    check_choices(&item.choices)
}

/// Choices of an item or of a poll.
pub(super) fn check_choices(choices: &[Choice]) -> Result<(), Broken> {
    let mut ids = BTreeSet::new();
    for choice in choices {
        check_id("choice", &choice.id)?;
        bounded("choice text", &choice.text, 1, CHOICE_CHARACTERS_MAX)?;
        if !ids.insert(&choice.id) {
            return Err(Broken::new(format!("choices: the id {:?} is used twice", choice.id)));
        }
    }
    Ok(())
}

fn check_key(item: &Item, right: &[String]) -> Result<(), Broken> {
    let where_ = |what: &str| Broken::new(format!("key of {:?}: {what}", item.id));
    if right.is_empty() || right.len() > ACCEPTED_MAX {
        return Err(where_(&format!("give 1 to {ACCEPTED_MAX} values, or leave the item out")));
    }
    if item.kind == ItemKind::Short {
        for text in right {
            bounded("key", text, 1, SHORT_CHARACTERS_MAX)?;
            if normal(text).is_empty() {
                return Err(where_("an accepted text is empty"));
            }
        }
        return Ok(());
    }
    match right.iter().find(|id| !item.choices.iter().any(|choice| choice.id == **id)) {
        Some(id) => Err(where_(&format!("there is no choice {id:?}"))),
        None => Ok(()),
    }
}

pub(crate) fn check_id(what: &str, id: &str) -> Result<(), Broken> {
    let fits = !id.is_empty()
        && id.len() <= ID_BYTES_MAX
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits {
        return Ok(());
    }
    Err(Broken::new(format!("{what} id: 1 to {ID_BYTES_MAX} letters, digits, '-' and '_'")))
}

fn tidy_text(item: &Item, values: &[String]) -> Result<Vec<String>, Broken> {
    let [text] = values else {
        return match values.len() {
            0 => Ok(Vec::new()),
            _ => Err(Broken::new(format!("answers of {:?}: one text", item.id))),
        };
    };
    bounded("answer", text, 0, SHORT_CHARACTERS_MAX)?;
    let text = text.trim();
    Ok(if text.is_empty() { Vec::new() } else { vec![text.to_owned()] })
}

fn tidy_choices(item: &Item, values: &[String]) -> Result<Vec<String>, Broken> {
    if let Some(id) = values.iter().find(|id| !item.choices.iter().any(|choice| choice.id == **id)) {
        let id: String = id.chars().take(ID_BYTES_MAX).collect();
        return Err(Broken::new(format!("answers of {:?}: there is no choice {id:?}", item.id)));
    }
    let chosen = item.choices.iter().filter(|choice| values.contains(&choice.id));
    let chosen: Vec<String> = chosen.map(|choice| choice.id.clone()).collect();
    if item.kind == ItemKind::Single && chosen.len() > 1 {
        return Err(Broken::new(format!("answers of {:?}: one choice", item.id)));
    }
    Ok(chosen)
}

/// What answers come to, without names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub answered: u64,
    /// By item: by choice, or by text as it reads: how many.
    pub items: BTreeMap<String, BTreeMap<String, u64>>,
    /// By item: how many were right.
    pub correct: BTreeMap<String, u64>,
}

/// Different texts of one short item in a tally; rarer ones are counted together under an empty name.
pub const TEXTS_MAX: usize = 50;

impl Tally {
    /// Counts one answer that [`Sheet::tidy`] has been over.
    pub fn count(&mut self, sheet: &Sheet, given: &Given) {
        self.answered += 1;
        for (id, values) in given {
            let Some(item) = sheet.item(id) else { continue };
            let counts = self.items.entry(id.clone()).or_default();
            for value in values {
                let value = if item.kind == ItemKind::Short { normal(value) } else { value.clone() };
                *counts.entry(value).or_default() += 1;
            }
        }
        for (id, right) in sheet.correct(given) {
            *self.correct.entry(id).or_default() += u64::from(right);
        }
    }

    /// Keeps the most frequent [`TEXTS_MAX`] texts of short items.
    #[must_use]
    pub fn trimmed(mut self, sheet: &Sheet) -> Self {
        for item in sheet.items.iter().filter(|item| item.kind == ItemKind::Short) {
            let Some(counts) = self.items.get_mut(&item.id).filter(|counts| counts.len() > TEXTS_MAX) else {
                continue;
            };
            let mut ordered: Vec<(String, u64)> = std::mem::take(counts).into_iter().collect();
            ordered.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            let rest: u64 = ordered.iter().skip(TEXTS_MAX).map(|(_, n)| n).sum();
            *counts = ordered.into_iter().take(TEXTS_MAX).collect();
            counts.insert(String::new(), rest);
        }
        self
    }
}

#[cfg(test)]
#[path = "quiz_tests.rs"]
mod tests;
