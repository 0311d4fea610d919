//! What is looked for and not there: wishes and searches without a class, gathered for instructors.

use std::collections::{BTreeMap, BTreeSet};

use crate::hangul::without_particle;
use crate::text::{normalise, stem, words};

/// Topics of an answer: nobody reads on.
pub const TOPICS_MAX: usize = 50;
const WEEK_MS: u64 = 7 * 24 * 3600 * 1000;

/// A wish or a search, as it stands in the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Who: the same person asking twice counts once in a week.
    pub person: String,
    pub text: String,
    /// Empty when it was not said.
    pub category: String,
    pub region: String,
    pub level: String,
    /// `weekday-evening`, …
    pub times: Vec<String>,
    pub at_ms: u64,
}

/// One topic and who wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topic {
    /// The text most people wrote, as they wrote it.
    pub text: String,
    /// People.
    pub n: u32,
    pub regions: BTreeMap<String, u32>,
    pub levels: BTreeMap<String, u32>,
    pub times: BTreeMap<String, u32>,
    /// People by week, oldest first; the last is the week that ends now.
    pub weekly: Vec<u32>,
}

/// Gathers what was asked in the last `weeks` weeks into topics, most wanted first. Texts are one topic when their subject words
/// are the same, whatever their order, particles and plurals: `붓글씨를 배우고 싶어요` and `붓글씨 배우기`.
#[must_use]
pub fn topics<'a>(asked: impl IntoIterator<Item = &'a Asked>, weeks: u32, now_ms: u64) -> Vec<Topic> {
    let since = now_ms.saturating_sub(u64::from(weeks) * WEEK_MS);
    let mut gathered: BTreeMap<String, Vec<&Asked>> = BTreeMap::new();
    for asked in asked {
        let subject = subject(&asked.text);
        if asked.at_ms > since && asked.at_ms <= now_ms && !subject.is_empty() {
            gathered.entry(subject).or_default().push(asked);
        }
    }
    let mut topics: Vec<Topic> = gathered.into_values().map(|asked| topic(&asked, weeks, now_ms)).collect();
    topics.sort_by(|a, b| b.n.cmp(&a.n).then_with(|| a.text.cmp(&b.text)));
    topics.truncate(TOPICS_MAX);
    topics
}

/// The words that say what it is about, in alphabetical order.
#[must_use]
pub fn subject(text: &str) -> String {
    /// Words of wishing and of classes as such, which all wishes share.
    const EMPTY: [&str; 34] = [
        "배우",
        "배우고",
        "배우기",
        "배우는",
        "배울",
        "싶어요",
        "싶습니다",
        "싶다",
        "수업",
        "강의",
        "강좌",
        "클래스",
        "해요",
        "하기",
        "원해요",
        "있으면",
        "좋겠어요",
        "주세요",
        "the",
        "and",
        "for",
        "want",
        "learn",
        "would",
        "like",
        "class",
        "lesson",
        "course",
        "how",
        "to",
        "please",
        "with",
        "in",
        "of",
    ];
    let bare = |word: String| {
        let bare = without_particle(&word).filter(|stem| stem.chars().count() > 1).or_else(|| stem(&word));
        bare.map_or_else(|| word.clone(), str::to_owned)
    };
    let kept: BTreeSet<String> = words(text)
        .into_iter()
        .filter(|word| !EMPTY.contains(&word.as_str()))
        .map(bare)
        .filter(|word| !EMPTY.contains(&word.as_str()))
        .collect();
    kept.into_iter().collect::<Vec<_>>().join(" ")
}

fn topic(asked: &[&Asked], weeks: u32, now_ms: u64) -> Topic {
    let mut topic = Topic { weekly: vec![0; weeks as usize], ..Topic::default() };
    let mut people = BTreeSet::new();
    let mut by_week = BTreeSet::new();
    let mut texts: BTreeMap<String, (u32, &str)> = BTreeMap::new();
    for asked in asked {
        let text = texts.entry(normalise(asked.text.trim())).or_insert((0, asked.text.trim()));
        text.0 += 1;
        let age = usize::try_from((now_ms - asked.at_ms) / WEEK_MS).unwrap_or(usize::MAX);
        if by_week.insert((age, asked.person.as_str())) && age < topic.weekly.len() {
            let week = topic.weekly.len() - 1 - age;
            topic.weekly[week] += 1;
        }
        if !people.insert(asked.person.as_str()) {
            continue;
        }
        topic.n += 1;
        for (counts, value) in [(&mut topic.regions, &asked.region), (&mut topic.levels, &asked.level)] {
            if !value.is_empty() {
                *counts.entry(value.clone()).or_default() += 1;
            }
        }
        for time in &asked.times {
            *topic.times.entry(time.clone()).or_default() += 1;
        }
    }
    let most = texts.values().max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)));
    topic.text = most.map(|(_, text)| (*text).to_owned()).unwrap_or_default();
    topic
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(person: &str, text: &str, weeks_ago: u64) -> Asked {
        let at_ms = 100 * WEEK_MS - weeks_ago * WEEK_MS;
        Asked {
            person: person.into(),
            text: text.into(),
            region: "jeju".into(),
            times: vec!["weekday-evening".into()],
            at_ms,
            ..Asked::default()
        }
    }

    #[test]
    fn wishes_in_other_words_are_one_topic_and_people_count_once() {
        let all = [
            asked("a", "붓글씨를 배우고 싶어요", 0),
            asked("b", "붓글씨 배우기", 1),
            asked("b", "붓글씨", 1),
            asked("c", "watercolor paintings", 0),
            asked("d", "Painting in Watercolor", 9),
        ];
        let topics = topics(&all, 4, 100 * WEEK_MS);
        assert_eq!(topics.len(), 2);
        assert_eq!((topics[0].n, topics[0].weekly.as_slice()), (2, [0, 0, 1, 1].as_slice()));
        assert_eq!(topics[0].regions, BTreeMap::from([("jeju".to_owned(), 2)]));
        // The wish of nine weeks ago is out of the four that were asked for.
        assert_eq!((topics[1].n, topics[1].text.as_str()), (1, "watercolor paintings"));
    }

    #[test]
    fn subjects_keep_what_it_is_about() {
        assert_eq!(subject("피아노를 배우고 싶어요"), subject("피아노 수업"));
        assert_ne!(subject("피아노"), subject("첼로"));
        assert_eq!(subject("the class"), "");
    }
}
