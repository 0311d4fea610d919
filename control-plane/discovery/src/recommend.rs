//! What to take next: from those who took the same classes, from what a class is about, and from what many take.
//!
//! # In words
//!
//! *Together*: two classes are as near as the people they share, counted by cosine; people who take everything say little
//! about each, and pairs few people share are held back (`SHRINKAGE`). A class stands for someone by its nearness to each
//! class that person took, liked or watched, the recent ones weighing more.
//!
//! *Alike*: category, instructor, level and the words of the title, rare words weighing more, against a profile made of what
//! the person took, said to like and searched. That is all a newcomer has, and all a class has that nobody took yet.
//!
//! *Many*: how many took it, which decides only between classes that are otherwise equal, and for those of whom nothing is known.
//!
//! Each recommendation names the one thing that brought it up most: a reason that is not the cause is not given.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::features::{category_feature, features, subject_words, word_feature};
use self::nearness::{fame, histories, neighbours};

mod features;
mod nearness;

/// Acts of one person that count: the latest.
pub const ACTS_PER_PERSON_MAX: usize = 100;
/// Each older act of a person weighs this share of the one after it.
const AGE_SHARE: f32 = 0.97;
/// What the three ways weigh for someone with much history.
const TOGETHER: f32 = 1.0;
const ALIKE: f32 = 0.55;
const MANY: f32 = 0.08;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Enrolled or attended.
    Took,
    Liked,
    /// Saw a good part of the replay.
    Watched,
    /// Opened its page from a search.
    Looked,
}

impl Act {
    fn weight(self) -> f32 {
        match self {
            Self::Took => 3.0,
            Self::Liked => 2.5,
            Self::Watched => 2.0,
            Self::Looked => 0.5,
        }
    }
}

/// A class as far as recommending goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub id: String,
    pub title: String,
    pub category: String,
    pub level: String,
    pub language: String,
    pub instructor: String,
    /// Whether it can be taken or watched now; others only tell what people like.
    pub open: bool,
}

/// Somebody did something with a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub person: String,
    pub item: String,
    pub act: Act,
    /// Any unit, as long as later is greater.
    pub at: u64,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Oldest first.
    pub acts: Vec<(String, Act)>,
    /// Categories named in the profile.
    pub interests: Vec<String>,
    /// Recent search texts, oldest first.
    pub searches: Vec<String>,
    /// Preferred language, `ko` or `en`.
    pub language: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Others who took this class took it.
    TakenTogether {
        item: String,
    },
    /// Like a class the person took: same category or subject.
    LikeOne {
        item: String,
    },
    /// By an instructor whose class the person took.
    SameInstructor {
        item: String,
    },
    Interest {
        category: String,
    },
    Searched {
        text: String,
    },
    /// Many took it.
    Popular,
    /// Nobody took it yet, and nothing better is known.
    New,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    pub id: String,
    pub score: f32,
    pub reason: Reason,
}

type ItemIndex = u32;

/// Built from all acts, then asked for many people. A catalogue of 5,000 classes and 100,000 acts takes about a second.
#[derive(Debug, Default)]
pub struct Recommender {
    items: Vec<Item>,
    by_id: HashMap<String, ItemIndex>,
    neighbours: Vec<Vec<(ItemIndex, f32)>>,
    features: Vec<Vec<(u32, f32)>>,
    feature_ids: HashMap<String, u32>,
    /// Log of the number of takers, 0 to 1.
    fame: Vec<f32>,
}

impl Recommender {
    /// Acts with classes that are not in `items` are ignored.
    #[must_use]
    pub fn build(items: Vec<Item>, acts: &[Taken]) -> Self {
        let by_id: HashMap<String, ItemIndex> =
            items.iter().zip(0..).map(|(item, index)| (item.id.clone(), index)).collect();
        let histories = histories(&by_id, acts);
        let mut built = Self {
            neighbours: neighbours(items.len(), &histories),
            fame: fame(items.len(), &histories),
            by_id,
            ..Self::default()
        };
        built.describe(&items);
        built.items = items;
        built
    }

    /// The best `limit` open classes that the person has not taken, best first.
    #[must_use]
    pub fn recommend(&self, person: &Person, limit: usize) -> Vec<Recommendation> {
        let acts = self.known(person);
        let known: BTreeSet<ItemIndex> =
            acts.iter().filter(|(_, act, _)| *act != Act::Looked).map(|(item, ..)| *item).collect();
        let together = self.together(&acts);
        let profile = self.profile(person, &acts);
        let alike: Vec<f32> = self.features.iter().map(|features| dot(features, &profile)).collect();
        let (most_together, most_alike) =
            (greatest(together.values().map(|t| t.score)), greatest(alike.iter().copied()));
        // One class taken says little about whom one is like; ten say much.
        let trust = acts.len() as f32 / (acts.len() as f32 + 2.0);
        let mut ranked: Vec<(f32, ItemIndex)> = (0..)
            .zip(&self.items)
            .filter(|(index, item)| item.open && !known.contains(index))
            .map(|(index, item)| {
                let near = together.get(&index).map_or(0.0, |together| together.score) / most_together;
                let foreign = !person.language.is_empty() && item.language != person.language;
                let score = TOGETHER * trust * near
                    + ALIKE * alike[index as usize] / most_alike
                    + MANY * self.fame[index as usize];
                (if foreign { score * 0.6 } else { score }, index)
            })
            .collect();
        let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if ranked.len() > limit && limit > 0 {
            ranked.select_nth_unstable_by(limit - 1, order);
        }
        ranked.truncate(limit);
        ranked.sort_unstable_by(order);
        ranked
            .into_iter()
            .map(|(score, index)| {
                let near = together.get(&index);
                let share = near.map_or(0.0, |near| TOGETHER * trust * near.score / most_together);
                let by_kind = ALIKE * alike[index as usize] / most_alike;
                let reason = match near {
                    Some(near) if share >= by_kind => Reason::TakenTogether { item: self.id(near.because) },
                    _ if by_kind > 0.05 => self.why_alike(person, &acts, index),
                    _ => self.by_takers(index),
                };
                Recommendation { id: self.id(index), score, reason }
            })
            .collect()
    }

    fn id(&self, index: ItemIndex) -> String {
        self.items[index as usize].id.clone()
    }

    /// The latest acts, with their weights by kind and age.
    fn known(&self, person: &Person) -> Vec<(ItemIndex, Act, f32)> {
        let latest = person.acts.iter().rev().take(ACTS_PER_PERSON_MAX);
        latest
            .filter_map(|(id, act)| self.by_id.get(id).map(|index| (*index, *act)))
            .scan(1.0, |age, (index, act)| {
                let weight = act.weight() * *age;
                *age *= AGE_SHARE;
                Some((index, act, weight))
            })
            .collect()
    }

    fn together(&self, acts: &[(ItemIndex, Act, f32)]) -> BTreeMap<ItemIndex, Together> {
        let mut found: BTreeMap<ItemIndex, Together> = BTreeMap::new();
        for (item, _, weight) in acts {
            for (neighbour, nearness) in &self.neighbours[*item as usize] {
                let part = weight * nearness;
                let together =
                    found.entry(*neighbour).or_insert(Together { score: 0.0, because: *item, most: 0.0 });
                together.score += part;
                if part > together.most {
                    (together.most, together.because) = (part, *item);
                }
            }
        }
        found
    }

    /// What the person likes, as weights of features.
    fn profile(&self, person: &Person, acts: &[(ItemIndex, Act, f32)]) -> HashMap<u32, f32> {
        let mut profile: HashMap<u32, f32> = HashMap::new();
        for (item, _, weight) in acts {
            for (feature, value) in &self.features[*item as usize] {
                *profile.entry(*feature).or_default() += weight * value;
            }
        }
        for category in &person.interests {
            if let Some(feature) = self.feature_ids.get(&category_feature(category)) {
                *profile.entry(*feature).or_default() += 3.0;
            }
        }
        for text in person.searches.iter().rev().take(10) {
            for word in subject_words(text) {
                if let Some(feature) = self.feature_ids.get(&word_feature(&word)) {
                    *profile.entry(*feature).or_default() += 1.5;
                }
            }
        }
        profile
    }

    fn why_alike(&self, person: &Person, acts: &[(ItemIndex, Act, f32)], index: ItemIndex) -> Reason {
        let item = &self.items[index as usize];
        let own: HashMap<u32, f32> = self.features[index as usize].iter().copied().collect();
        let nearest = acts
            .iter()
            .map(|(taken, _, weight)| (weight * dot(&self.features[*taken as usize], &own), *taken))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let title: BTreeSet<String> = subject_words(&item.title).collect();
        let searched =
            person.searches.iter().rev().find(|text| subject_words(text).any(|word| title.contains(&word)));
        match (nearest, searched) {
            (_, Some(text)) if nearest.is_none_or(|(likeness, _)| likeness < 1.0) => {
                Reason::Searched { text: text.clone() }
            }
            (Some((likeness, taken)), _) if likeness > 0.0 => {
                let id = self.id(taken);
                if self.items[taken as usize].instructor == item.instructor {
                    Reason::SameInstructor { item: id }
                } else {
                    Reason::LikeOne { item: id }
                }
            }
            (_, Some(text)) => Reason::Searched { text: text.clone() },
            _ if person.interests.contains(&item.category) => {
                Reason::Interest { category: item.category.clone() }
            }
            _ => self.by_takers(index),
        }
    }

    /// That many take it is said of what somebody took.
    fn by_takers(&self, index: ItemIndex) -> Reason {
        if self.fame[index as usize] > 0.0 { Reason::Popular } else { Reason::New }
    }

    /// Gives each item its features, of length 1.
    fn describe(&mut self, items: &[Item]) {
        let named: Vec<Vec<(String, f32)>> = items.iter().map(features).collect();
        let mut holders: HashMap<&str, f32> = HashMap::new();
        for (name, _) in named.iter().flatten() {
            *holders.entry(name).or_default() += 1.0;
        }
        let mut ids: HashMap<String, u32> = HashMap::new();
        self.features = named
            .iter()
            .map(|features| {
                let mut described: Vec<(u32, f32)> = features
                    .iter()
                    .map(|(name, weight)| {
                        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
                        let id = *ids.entry(name.clone()).or_insert(next);
                        let rarity = (1.0 + items.len() as f32 / holders[name.as_str()]).ln();
                        (id, weight * rarity)
                    })
                    .collect();
                let length = described.iter().map(|(_, w)| w * w).sum::<f32>().sqrt().max(f32::EPSILON);
                described.iter_mut().for_each(|(_, weight)| *weight /= length);
                described
            })
            .collect();
        self.feature_ids = ids;
    }
}

#[derive(Clone, Copy, Debug)]
struct Together {
    score: f32,
    because: ItemIndex,
    most: f32,
}

fn greatest(values: impl Iterator<Item = f32>) -> f32 {
    values.fold(f32::EPSILON, f32::max)
}

fn dot(features: &[(u32, f32)], profile: &HashMap<u32, f32>) -> f32 {
    features.iter().filter_map(|(id, weight)| profile.get(id).map(|p| p * weight)).sum()
}
