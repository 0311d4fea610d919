//! A catalogue of a village school from a seed: classes in Korean and English by instructors with their own subjects, students with
//! tastes, what they took, and what they type when they look for something. The same seed gives the same on every machine.
//!
//! Made so that it is hard in the ways the real thing is: popularity is skewed, people stray from their tastes, titles share
//! common words, instructors hold series, and queries are half words, misspelt, with particles, or in the other language.

#![forbid(unsafe_code)]

mod queries;
mod random;
mod students;
mod subjects;

pub use queries::{Kind, Query, queries};
pub use random::Random;
pub use students::{Taking, students};
pub use subjects::{CATEGORIES, Category, Subject};

/// A class as an instructor would enter it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    pub id: String,
    pub title: String,
    pub description: String,
    pub category: &'static str,
    pub level: &'static str,
    pub language: &'static str,
    pub instructor: String,
    /// Position of the subject in [`CATEGORIES`]: (category, subject).
    pub subject: (usize, usize),
    /// Position in its instructor's series on the subject, from 0.
    pub part: usize,
}

pub const LEVELS: [&str; 3] = ["beginner", "intermediate", "advanced"];

/// `count` classes.
#[must_use]
pub fn classes(seed: u64, count: usize) -> Vec<Class> {
    let mut random = Random::new(seed);
    let instructors = instructors(&mut random, (count / 12).max(20));
    let mut parts = std::collections::BTreeMap::new();
    (0..count)
        .map(|number| {
            let teacher = &instructors[random.skewed(instructors.len())];
            let subject = teacher.subjects[random.below(teacher.subjects.len())];
            let part = parts.entry((teacher.name.clone(), subject)).or_insert(0);
            let class = class(&mut random, number, teacher, subject, *part);
            *part += 1;
            class
        })
        .collect()
}

struct Instructor {
    name: String,
    korean: bool,
    subjects: Vec<(usize, usize)>,
}

fn instructors(random: &mut Random, count: usize) -> Vec<Instructor> {
    const FAMILY: [&str; 12] = ["김", "이", "박", "최", "정", "강", "조", "윤", "장", "임", "한", "오"];
    const GIVEN: [&str; 16] = [
        "민준", "서연", "지우", "하은", "도윤", "수아", "예준", "지민", "현우", "은서", "영자", "순희",
        "정호", "미경", "태영", "가온",
    ];
    const ENGLISH: [&str; 12] = [
        "Anna", "Brian", "Chloe", "David", "Emma", "Frank", "Grace", "Hana", "Ian", "Julia", "Kevin", "Lena",
    ];
    const SURNAMES: [&str; 10] =
        ["Baker", "Carter", "Davies", "Evans", "Foster", "Green", "Harris", "Ito", "Jones", "Keller"];
    (0..count)
        .map(|_| {
            let korean = random.chance(0.72);
            let name = if korean {
                format!("{}{}", random.of(&FAMILY), random.of(&GIVEN))
            } else {
                format!("{} {}", random.of(&ENGLISH), random.of(&SURNAMES))
            };
            let category = random.skewed(CATEGORIES.len());
            let mut subjects = vec![(category, random.below(CATEGORIES[category].subjects.len()))];
            if random.chance(0.5) {
                subjects.push((category, random.below(CATEGORIES[category].subjects.len())));
            }
            // She who teaches pole dance in the morning teaches flowers at night.
            if random.chance(0.15) {
                let other = random.below(CATEGORIES.len());
                subjects.push((other, random.below(CATEGORIES[other].subjects.len())));
            }
            Instructor { name, korean, subjects }
        })
        .collect()
}

fn class(random: &mut Random, number: usize, teacher: &Instructor, at: (usize, usize), part: usize) -> Class {
    let category = &CATEGORIES[at.0];
    let subject = &category.subjects[at.1];
    let level = random.skewed(LEVELS.len());
    let (title, description) = if teacher.korean {
        korean(random, subject, level, part)
    } else {
        english(random, subject, level, part)
    };
    Class {
        id: format!("class-{number}"),
        title,
        description,
        category: category.id,
        level: LEVELS[level],
        language: if teacher.korean { "ko" } else { "en" },
        instructor: teacher.name.clone(),
        subject: at,
        part,
    }
}

fn korean(random: &mut Random, subject: &Subject, level: usize, part: usize) -> (String, String) {
    const LEVEL: [[&str; 3]; 3] =
        [["기초", "입문", "처음 만나는"], ["중급", "한 걸음 더", "익히는"], ["심화", "고급", "깊이 보는"]];
    let (name, level) = (subject.ko, random.of(&LEVEL[level]));
    let detail = random.of(subject.ko_details);
    let title = match random.below(6) {
        0 => format!("{level} {name}"),
        1 => format!("{name} {level}: {detail}"),
        2 => format!("{detail}로 시작하는 {name}"),
        3 => format!("퇴근 후 {name} 교실"),
        4 => format!("{name} {}회 – {detail}", part + 1),
        _ => format!("우리 마을 {name} {level}반"),
    };
    const OPENINGS: [&str; 4] = [
        "누구나 따라올 수 있습니다.",
        "준비물은 집에 있는 것으로 충분합니다.",
        "질문은 언제든 환영합니다.",
        "지난 시간 복습부터 합니다.",
    ];
    let other = random.of(subject.ko_details);
    let description = format!(
        "{name}의 {detail}와 {other}을 함께 배웁니다. {} 수업은 녹화되어 다시 볼 수 있어요.",
        random.of(&OPENINGS)
    );
    (title, description)
}

fn english(random: &mut Random, subject: &Subject, level: usize, part: usize) -> (String, String) {
    const LEVEL: [[&str; 3]; 3] = [
        ["for beginners", "from scratch", "basics"],
        ["next steps", "intermediate", "improved"],
        ["advanced", "in depth", "masterclass"],
    ];
    let (name, level) = (subject.en, random.of(&LEVEL[level]));
    let detail = random.of(subject.en_details);
    let title = match random.below(5) {
        0 => format!("{name} {level}"),
        1 => format!("{name}: {detail}"),
        2 => format!("Evening {name} with {detail}"),
        3 => format!("{name} {}: {detail}", part + 1),
        _ => format!("Learn {name} {level}"),
    };
    let other = random.of(subject.en_details);
    let description = format!(
        "We practise {detail} and {other}. Bring what you have; questions are welcome. Recorded for later."
    );
    (title, description)
}
