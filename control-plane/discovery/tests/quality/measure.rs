//! Figures of quality, for the test that holds them and for the example that prints them.

use std::collections::{BTreeMap, HashMap};

use catalogue::{CATEGORIES, Class, Kind, Query, Taking};
use control_plane_discovery::{Act, Document, Index, Item, Person, Recommender, Taken};

pub(crate) fn index(classes: &[Class]) -> Index {
    let mut index = Index::default();
    for class in classes {
        let category = &CATEGORIES[class.subject.0];
        let document = Document {
            title: class.title.clone(),
            instructor: class.instructor.clone(),
            category: format!("{} {}", category.ko, category.en),
            description: class.description.clone(),
        };
        index.put(&class.id, document);
    }
    index
}

/// Shares, 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    /// The first hit is one of the classes meant.
    pub(crate) first: f32,
    /// Of the first ten hits (or as many as are meant), those meant.
    pub(crate) precision: f32,
    /// Nothing was found.
    pub(crate) empty: f32,
}

pub(crate) fn search(index: &Index, classes: &[Class], queries: &[Query]) -> BTreeMap<Kind, Found> {
    let by_id: HashMap<&str, &Class> = classes.iter().map(|class| (class.id.as_str(), class)).collect();
    let mut found: BTreeMap<Kind, (Found, f32)> = BTreeMap::new();
    for query in queries {
        let hits = index.search(&query.text, 10, |_| true);
        let meant = classes.iter().filter(|class| query.means(class)).count().min(10);
        let right = hits.iter().filter(|hit| query.means(by_id[hit.id.as_str()])).count();
        let first = hits.first().is_some_and(|hit| query.means(by_id[hit.id.as_str()]));
        let (sum, count) = found.entry(query.kind).or_default();
        sum.first += f32::from(u8::from(first));
        sum.precision += right as f32 / meant.max(1) as f32;
        sum.empty += f32::from(u8::from(hits.is_empty()));
        *count += 1.0;
    }
    let mean = |(sum, count): (Found, f32)| Found {
        first: sum.first / count,
        precision: sum.precision / count,
        empty: sum.empty / count,
    };
    found.into_iter().map(|(kind, sums)| (kind, mean(sums))).collect()
}

/// What is learnt from, and the last class of each student, which is to be guessed.
pub(crate) struct Split {
    acts: Vec<Taken>,
    people: Vec<(Person, String)>,
}

impl Split {
    pub(crate) fn new(classes: &[Class], takings: &[Taking]) -> Self {
        let mut by_student: BTreeMap<&str, Vec<&Taking>> = BTreeMap::new();
        for taking in takings {
            by_student.entry(&taking.student).or_default().push(taking);
        }
        let mut split = Self { acts: Vec::new(), people: Vec::new() };
        for (number, (student, taken)) in by_student.into_iter().enumerate() {
            let (last, before) = taken.split_last().expect("a student took something");
            let learn = before.iter().map(|taking| Taken {
                person: student.to_owned(),
                item: classes[taking.class].id.clone(),
                act: Act::Took,
                at: taking.at,
            });
            split.acts.extend(learn);
            // One in ten is asked about: enough for two digits.
            if number % 10 == 0 && before.len() >= 2 {
                let acts =
                    before.iter().map(|taking| (classes[taking.class].id.clone(), Act::Took)).collect();
                let language = classes[before[0].class].language.to_owned();
                let person = Person { acts, language, ..Person::default() };
                split.people.push((person, classes[last.class].id.clone()));
            }
        }
        split
    }

    pub(crate) fn recommender(&self, classes: &[Class]) -> Recommender {
        let item = |class: &Class| Item {
            id: class.id.clone(),
            title: class.title.clone(),
            category: class.category.to_owned(),
            level: class.level.to_owned(),
            language: class.language.to_owned(),
            instructor: class.instructor.clone(),
            open: true,
        };
        Recommender::build(classes.iter().map(item).collect(), &self.acts)
    }

    /// Share of students whose last class is among the first `limit` recommended.
    pub(crate) fn recall(&self, recommender: &Recommender, limit: usize) -> f32 {
        let hit = |(person, last): &&(Person, String)| {
            recommender.recommend(person, limit).iter().any(|recommended| recommended.id == *last)
        };
        self.people.iter().filter(hit).count() as f32 / self.people.len() as f32
    }

    /// Likewise, for the most taken classes that the student has not taken.
    pub(crate) fn recall_of_popular(&self, classes: &[Class], limit: usize) -> f32 {
        let mut takers: HashMap<&str, u32> = HashMap::new();
        for act in &self.acts {
            *takers.entry(&act.item).or_default() += 1;
        }
        let mut popular: Vec<&str> = classes.iter().map(|class| class.id.as_str()).collect();
        popular.sort_by_key(|id| std::cmp::Reverse(takers.get(id).copied().unwrap_or(0)));
        let hit = |(person, last): &&(Person, String)| {
            let fresh = popular.iter().filter(|id| !person.acts.iter().any(|(taken, _)| taken == *id));
            fresh.take(limit).any(|id| id == last)
        };
        self.people.iter().filter(hit).count() as f32 / self.people.len() as f32
    }
}
