//! Searching: each word of the query is taken for the words it may mean, and documents are ranked by BM25 over them.

use crate::hangul::{is_syllable, letters, without_particle};
use crate::index::{Index, TermId, pairs};
use crate::text::{stem, words};

/// Words of a query that count; what follows is ignored. People type three.
const QUERY_WORDS_MAX: usize = 8;
/// Words one query word is taken for at most: the best of them.
const MEANINGS_MAX: usize = 64;
/// Words looked at while meanings are collected: one letter typed matches a tenth of the dictionary.
const CANDIDATES_MAX: usize = 4_000;
/// BM25's saturation.
const K1: f32 = 1.2;

/// How sure it is that a word was meant, as a factor.
const WITHOUT_PARTICLE: f32 = 0.95;
const BEGINNING: f32 = 0.8;
const STILL_TYPED: f32 = 0.55;
const INSIDE: f32 = 0.5;
const MISSPELT: f32 = 0.45;

/// A document found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub id: String,
    /// Comparable within one search only.
    pub score: f32,
}

/// A word of the dictionary that a query word may mean.
#[derive(Clone, Copy, Debug)]
struct Meaning {
    term: TermId,
    sureness: f32,
}

impl Index {
    /// The best `limit` documents that `accept` lets pass, best first; ties by id. Documents with all words of the query come
    /// before those that lack one.
    pub fn search(&self, query: &str, limit: usize, accept: impl Fn(&str) -> bool) -> Vec<Hit> {
        let mut asked: Vec<String> =
            words(query).into_iter().take(QUERY_WORDS_MAX).flat_map(|word| self.apart(word)).collect();
        asked.truncate(QUERY_WORDS_MAX);
        if asked.is_empty() || limit == 0 {
            return Vec::new();
        }
        let mut totals = vec![0f32; self.entries.len()];
        let mut matched = vec![0u8; self.entries.len()];
        let mut best = vec![0f32; self.entries.len()];
        let mut touched = Vec::new();
        let last = asked.len() - 1;
        for (position, word) in asked.iter().enumerate() {
            self.score_word(word, position == last, &mut best, &mut touched);
            for slot in touched.drain(..) {
                totals[slot as usize] += std::mem::take(&mut best[slot as usize]);
                matched[slot as usize] += 1;
            }
        }
        self.ranked(&totals, &matched, asked.len(), limit, accept)
    }

    /// Adds to `best` what each document has of one query word: its best meaning, so that many similar words count once.
    fn score_word(&self, word: &str, is_last: bool, best: &mut [f32], touched: &mut Vec<u32>) {
        let meanings = self.meanings(word, is_last);
        let holders: usize =
            meanings.iter().map(|meaning| self.terms[meaning.term as usize].postings.len()).sum();
        let documents = self.len() as f32;
        let holders = (holders as f32).min(documents);
        let rarity = (1.0 + (documents - holders + 0.5) / (holders + 0.5)).ln();
        for meaning in meanings {
            for (slot, weight) in &self.terms[meaning.term as usize].postings {
                let score = rarity * meaning.sureness * weight * (K1 + 1.0) / (weight + K1);
                let best = &mut best[*slot as usize];
                if *best == 0.0 {
                    touched.push(*slot);
                }
                *best = best.max(score);
            }
        }
    }

    fn ranked(
        &self,
        totals: &[f32],
        matched: &[u8],
        asked: usize,
        limit: usize,
        accept: impl Fn(&str) -> bool,
    ) -> Vec<Hit> {
        let mut found: Vec<(u8, f32, usize)> = (0..totals.len())
            .filter(|slot| matched[*slot] > 0 && self.entries[*slot].live)
            .map(|slot| (matched[slot], totals[slot], slot))
            .collect();
        // Half of the words at least, else a common word of a long query would bring half the catalogue.
        let needed = u8::try_from(asked.div_ceil(2)).unwrap_or(u8::MAX);
        found.retain(|(matched, ..)| *matched >= needed);
        let order = |a: &(u8, f32, usize), b: &(u8, f32, usize)| {
            b.0.cmp(&a.0)
                .then(b.1.total_cmp(&a.1))
                .then_with(|| self.entries[a.2].id.cmp(&self.entries[b.2].id))
        };
        // Only the best are put in order; the filter is asked in that order until enough passed.
        let mut hits = Vec::new();
        let mut from = 0;
        while from < found.len() && hits.len() < limit {
            let rest = &mut found[from..];
            let batch = (limit * 4).max(64).min(rest.len());
            if batch < rest.len() {
                rest.select_nth_unstable_by(batch - 1, order);
            }
            rest[..batch].sort_unstable_by(order);
            let passed = rest[..batch].iter().filter(|(.., slot)| accept(&self.entries[*slot].id));
            hits.extend(
                passed.map(|(_, score, slot)| Hit { id: self.entries[*slot].id.clone(), score: *score }),
            );
            from += batch;
        }
        hits.truncate(limit);
        hits
    }

    /// Words of the dictionary that `word` may mean, surest first.
    fn meanings(&self, word: &str, is_last: bool) -> Vec<Meaning> {
        let mut found = Vec::new();
        let bare = without_particle(word).or_else(|| stem(word));
        found.extend(self.exact(word).map(|term| Meaning { term, sureness: 1.0 }));
        found.extend(
            bare.and_then(|b| self.exact(b)).map(|term| Meaning { term, sureness: WITHOUT_PARTICLE }),
        );
        self.beginnings(word, 1.0, is_last, &mut found);
        self.insides(word, 1.0, &mut found);
        if let Some(bare) = bare {
            self.beginnings(bare, WITHOUT_PARTICLE, false, &mut found);
            self.insides(bare, WITHOUT_PARTICLE, &mut found);
        }
        if found.is_empty() {
            self.misspelt(word, &mut found);
        }
        found.sort_unstable_by(|a, b| a.term.cmp(&b.term).then(b.sureness.total_cmp(&a.sureness)));
        found.dedup_by_key(|meaning| meaning.term);
        found.sort_unstable_by(|a, b| b.sureness.total_cmp(&a.sureness).then(a.term.cmp(&b.term)));
        found.truncate(MEANINGS_MAX);
        found
    }

    /// Words that begin with it: by whole characters always, by letters where the word may still be typed.
    fn beginnings(&self, word: &str, sureness: f32, is_last: bool, found: &mut Vec<Meaning>) {
        let typed = letters(word);
        let alike =
            self.by_letters.range(typed.clone()..).take_while(|(letters, _)| letters.starts_with(&typed));
        for term in alike.flat_map(|(_, terms)| terms).take(CANDIDATES_MAX) {
            let text = &self.terms[*term as usize].text;
            let is_whole = text.starts_with(word);
            if is_whole || is_last {
                let share = word.chars().count() as f32 / text.chars().count().max(1) as f32;
                let kind = if is_whole { BEGINNING } else { STILL_TYPED };
                found.push(Meaning { term: *term, sureness: sureness * kind * (0.7 + 0.3 * share.min(1.0)) });
            }
        }
    }

    /// Words that contain it, from two syllables on.
    fn insides(&self, word: &str, sureness: f32, found: &mut Vec<Meaning>) {
        let rarest = pairs(word).filter_map(|pair| self.by_pair.get(&pair)).min_by_key(|terms| terms.len());
        for term in rarest.into_iter().flatten().take(CANDIDATES_MAX) {
            if self.terms[*term as usize].text.contains(word) {
                found.push(Meaning { term: *term, sureness: INSIDE * sureness });
            }
        }
    }

    /// The longest known words of which a word is written together, or the word as it is: `붓글씨초급` is two. What stands
    /// between or behind known words (a particle, an ending) is dropped.
    fn apart(&self, word: String) -> Vec<String> {
        let characters: Vec<char> = word.chars().collect();
        let is_known = |text: &str| self.exact(text).is_some();
        if characters.len() < 4 || !characters.iter().all(|c| is_syllable(*c)) || is_known(&word) {
            return vec![word];
        }
        let mut parts = Vec::new();
        let mut from = 0;
        while from + 2 <= characters.len() {
            let known = (from + 2..=characters.len()).rev().find_map(|to| {
                let part: String = characters[from..to].iter().collect();
                is_known(&part).then_some((part, to))
            });
            match known {
                Some((part, to)) => {
                    parts.push(part);
                    from = to;
                }
                None => from += 1,
            }
        }
        // One part is a beginning or an inside, which are looked for anyway, and with more care.
        if parts.len() < 2 { vec![word] } else { parts }
    }

    /// Words a letter or two away, with the same first letter. For words of four letters and more.
    fn misspelt(&self, word: &str, found: &mut Vec<Meaning>) {
        let typed: Vec<char> = letters(word).chars().collect();
        let allowed = match typed.len() {
            0..4 => return,
            4..9 => 1,
            _ => 2,
        };
        for length in typed.len() - allowed..=typed.len() + allowed {
            for term in self.by_length.get(&(typed[0], length)).into_iter().flatten().take(CANDIDATES_MAX) {
                let distance = distance(&typed, &self.terms[*term as usize].letters, allowed);
                if let Some(distance) = distance {
                    found.push(Meaning { term: *term, sureness: MISSPELT / distance.max(1) as f32 });
                }
            }
        }
    }
}

/// Edits (a letter too many, missing, wrong, or two swapped) between two words, if not more than `allowed`.
fn distance(typed: &[char], word: &str, allowed: usize) -> Option<usize> {
    let mut before_last = vec![0; typed.len() + 1];
    let mut last: Vec<usize> = (0..=typed.len()).collect();
    let mut row = vec![0; typed.len() + 1];
    let mut previous = None;
    for (line, c) in word.chars().enumerate() {
        row[0] = line + 1;
        for (column, t) in typed.iter().enumerate() {
            let wrong = last[column] + usize::from(*t != c);
            row[column + 1] = wrong.min(last[column + 1] + 1).min(row[column] + 1);
            if column > 0 && previous == Some(*t) && typed[column - 1] == c {
                row[column + 1] = row[column + 1].min(before_last[column - 1] + 1);
            }
        }
        if row.iter().min() > Some(&allowed) {
            return None;
        }
        previous = Some(c);
        std::mem::swap(&mut before_last, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last.last().copied().filter(|distance| *distance <= allowed)
}
