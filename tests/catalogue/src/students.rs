//! Students and what they took, in the order of time.

use crate::{CATEGORIES, Class, Random};

/// A student took a class; the moment counts from 0 for each student.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    pub student: String,
    /// Position in the catalogue.
    pub class: usize,
    pub at: u64,
}

/// What `count` students took: two or three tastes each, instructors they come back to, series they follow, and a share of
/// straying that no taste explains. Some take three classes, few take forty.
#[must_use]
pub fn students(seed: u64, classes: &[Class], count: usize) -> Vec<Taking> {
    let mut random = Random::new(seed ^ 0x5EED);
    let mut by_subject = vec![Vec::new(); CATEGORIES.iter().map(|c| c.subjects.len()).sum()];
    for (position, class) in classes.iter().enumerate() {
        by_subject[flat(class.subject)].push(position);
    }
    let mut takings = Vec::new();
    for number in 0..count {
        let korean = random.chance(0.75);
        let tastes: Vec<usize> = (0..2 + random.below(2)).map(|_| random.skewed(by_subject.len())).collect();
        let many = 3 + (random.share().powi(4) * 40.0) as usize;
        let mut taken: Vec<usize> = Vec::new();
        for _ in 0..many {
            let Some(class) = next(&mut random, classes, &by_subject, &tastes, &taken, korean) else {
                continue;
            };
            if !taken.contains(&class) {
                takings.push(Taking { student: format!("student-{number}"), class, at: taken.len() as u64 });
                taken.push(class);
            }
        }
    }
    takings
}

fn next(
    random: &mut Random,
    classes: &[Class],
    by_subject: &[Vec<usize>],
    tastes: &[usize],
    taken: &[usize],
    korean: bool,
) -> Option<usize> {
    if random.chance(0.12) {
        return Some(random.skewed(classes.len()));
    }
    if let Some(last) = taken.last()
        && random.chance(0.35)
    {
        let last = &classes[*last];
        // The next part of the series, or something else by the same instructor.
        let same = by_subject[flat(last.subject)].iter().copied();
        let mut follow: Vec<usize> = same.filter(|c| classes[*c].instructor == last.instructor).collect();
        follow.sort_by_key(|c| classes[*c].part.abs_diff(last.part + 1));
        if let Some(class) = follow.into_iter().find(|class| !taken.contains(class)) {
            return Some(class);
        }
    }
    let subject = &by_subject[*random.of(tastes)];
    let tries = (0..4).filter(|_| !subject.is_empty()).map(|_| subject[random.skewed(subject.len())]);
    let tries: Vec<usize> = tries.collect();
    let language = if korean { "ko" } else { "en" };
    tries.iter().find(|class| classes[**class].language == language).or(tries.first()).copied()
}

fn flat((category, subject): (usize, usize)) -> usize {
    CATEGORIES[..category].iter().map(|category| category.subjects.len()).sum::<usize>() + subject
}
