//! What people type when they look for a class, and which classes they mean.

use crate::{CATEGORIES, Class, Random, Subject};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The subject as it is called.
    Whole,
    /// Its beginning: `붓글`, `calli`.
    Half,
    /// Still being typed: the last syllable lacks its last letter.
    Typing,
    /// With a particle: `붓글씨를`.
    Particle,
    /// A letter wrong.
    Misspelt,
    /// Subject and a detail, the words in any order.
    TwoWords,
    /// Two words written together.
    Joined,
    /// The category's name in the other language.
    OtherLanguage,
    /// Subject and instructor.
    Instructor,
}

#[derive(Clone, Debug)]
pub struct Query {
    pub kind: Kind,
    pub text: String,
    /// Subject that is meant, as in [`Class::subject`]; `None`: any of the category.
    pub subject: Option<usize>,
    pub category: usize,
    pub instructor: Option<String>,
}

impl Query {
    /// Whether this is one of the classes meant.
    #[must_use]
    pub fn means(&self, class: &Class) -> bool {
        let subject = &CATEGORIES[class.subject.0].subjects[class.subject.1];
        // 한국 may become 한국어 or 한국무용: half a word means all it may become.
        if self.kind == Kind::Half && [subject.ko, subject.en].iter().any(|name| name.starts_with(&self.text))
        {
            return true;
        }
        class.subject.0 == self.category
            && self.subject.is_none_or(|subject| subject == class.subject.1)
            && self.instructor.as_ref().is_none_or(|instructor| *instructor == class.instructor)
    }
}

/// `count` queries of each kind.
#[must_use]
pub fn queries(seed: u64, classes: &[Class], count: usize) -> Vec<Query> {
    let mut random = Random::new(seed ^ 0x9E2);
    const KINDS: [Kind; 9] = [
        Kind::Whole,
        Kind::Half,
        Kind::Typing,
        Kind::Particle,
        Kind::Misspelt,
        Kind::TwoWords,
        Kind::Joined,
        Kind::OtherLanguage,
        Kind::Instructor,
    ];
    let mut queries = Vec::new();
    for kind in KINDS {
        let mut made = 0;
        while made < count {
            let class = random.of(classes);
            if let Some(query) = query(&mut random, kind, class) {
                queries.push(query);
                made += 1;
            }
        }
    }
    queries
}

fn query(random: &mut Random, kind: Kind, class: &Class) -> Option<Query> {
    let category = &CATEGORIES[class.subject.0];
    let subject = &category.subjects[class.subject.1];
    let korean = class.language == "ko";
    let name = if korean { subject.ko } else { subject.en };
    let text = match kind {
        Kind::Whole => name.to_owned(),
        Kind::Half => half(name)?,
        Kind::Typing => typing(name)?,
        Kind::Particle if korean => format!("{name}{}", particle(name)),
        Kind::Misspelt => misspelt(random, name)?,
        Kind::TwoWords => two_words(random, subject, class, korean),
        Kind::Joined if korean && !name.contains(' ') => {
            format!("{name}{}", random.of(&["수업", "기초", "입문"]))
        }
        Kind::OtherLanguage => (if korean { category.en } else { category.ko }).to_owned(),
        Kind::Instructor => format!("{} {name}", class.instructor),
        Kind::Particle | Kind::Joined => return None,
    };
    let any = kind == Kind::OtherLanguage;
    Some(Query {
        kind,
        text,
        subject: (!any).then_some(class.subject.1),
        category: class.subject.0,
        instructor: (kind == Kind::Instructor).then(|| class.instructor.clone()),
    })
}

fn half(name: &str) -> Option<String> {
    let characters: Vec<char> = name.chars().collect();
    let kept = characters.len().div_ceil(2).max(2);
    (kept < characters.len()).then(|| characters[..kept].iter().collect())
}

/// 붓글씨 with its last vowel not typed yet: 붓글ㅆ.
fn typing(name: &str) -> Option<String> {
    const LEADS: [char; 19] = [
        'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ',
        'ㅍ', 'ㅎ',
    ];
    let last = name.chars().next_back().filter(|c| ('가'..='힣').contains(c))?;
    let lead = LEADS[((u32::from(last) - 0xAC00) / 588) as usize];
    let begun = &name[..name.len() - last.len_utf8()];
    (begun.chars().count() >= 2).then(|| format!("{begun}{lead}"))
}

fn particle(name: &str) -> &'static str {
    let closed = name.chars().next_back().is_some_and(|c| (u32::from(c).wrapping_sub(0xAC00)) % 28 != 0);
    if closed { "을" } else { "를" }
}

/// A vowel typed as its neighbour on the keyboard, or a Latin letter left out.
fn misspelt(random: &mut Random, name: &str) -> Option<String> {
    let mut characters: Vec<char> = name.chars().collect();
    if characters.len() < 3 || (name.is_ascii() && characters.len() < 5) {
        return None;
    }
    let at = 1 + random.below(characters.len() - 1);
    if ('가'..='힣').contains(&characters[at]) {
        let index = u32::from(characters[at]) - 0xAC00;
        let (lead, vowel, tail) = (index / 588, index / 28 % 21, index % 28);
        let other = if vowel == 20 { 18 } else { vowel + 1 };
        characters[at] = char::from_u32(0xAC00 + lead * 588 + other * 28 + tail)?;
    } else if characters[at].is_ascii_lowercase() {
        characters.remove(at);
    } else {
        return None;
    }
    Some(characters.into_iter().collect())
}

fn two_words(random: &mut Random, subject: &Subject, class: &Class, korean: bool) -> String {
    let (name, details) =
        if korean { (subject.ko, subject.ko_details) } else { (subject.en, subject.en_details) };
    // A detail that this class has, so that the query has an answer.
    let detail = details.iter().find(|d| class.title.contains(**d) || class.description.contains(**d));
    let detail = detail.copied().unwrap_or(details[0]);
    if random.chance(0.5) { format!("{detail} {name}") } else { format!("{name} {detail}") }
}
