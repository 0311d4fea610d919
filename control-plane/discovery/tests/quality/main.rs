//! Quality that must not get worse, on a smaller catalogue than the example's, and what search and recommendation promise.

use catalogue::Kind;
use control_plane_discovery::{Act, Document, Index, Item, Person, Reason, Recommender, Taken};
use proptest::prelude::*;

mod measure;

#[test]
fn classes_are_found_by_what_people_type() {
    let classes = catalogue::classes(11, 1_500);
    let queries = catalogue::queries(11, &classes, 60);
    let found = measure::search(&measure::index(&classes), &classes, &queries);
    for (kind, found) in found {
        let (first, precision) = match kind {
            Kind::Whole | Kind::Particle | Kind::TwoWords | Kind::OtherLanguage => (0.95, 0.95),
            Kind::Half | Kind::Typing | Kind::Joined => (0.85, 0.85),
            Kind::Misspelt => (0.8, 0.75),
            Kind::Instructor => (0.95, 0.9),
        };
        assert!(found.first >= first && found.precision >= precision, "{kind:?}: {found:?}");
    }
}

#[test]
fn what_students_took_says_more_than_what_is_popular() {
    let classes = catalogue::classes(11, 1_500);
    let takings = catalogue::students(11, &classes, 4_000);
    let split = measure::Split::new(&classes, &takings);
    let (ours, popular) =
        (split.recall(&split.recommender(&classes), 10), split.recall_of_popular(&classes, 10));
    assert!(ours > popular * 2.0, "recall@10 {ours}, by popularity {popular}");
}

fn document(title: &str) -> Document {
    Document { title: title.to_owned(), ..Document::default() }
}

fn titled(titles: &[&str]) -> Index {
    let mut index = Index::default();
    titles.iter().for_each(|title| index.put(title, document(title)));
    index
}

fn first(index: &Index, query: &str) -> Option<String> {
    index.search(query, 1, |_| true).into_iter().next().map(|hit| hit.id)
}

#[test]
fn half_a_korean_word_finds_it() {
    let index =
        titled(&["처음 만나는 붓글씨", "꽃꽂이 기초", "C언어 입문", "Watercolor paintings", "영어 회화"]);
    for (query, title) in [
        ("붓글", "처음 만나는 붓글씨"),
        ("붓그", "처음 만나는 붓글씨"),
        ("글씨", "처음 만나는 붓글씨"),
        ("붓글씨를", "처음 만나는 붓글씨"),
        ("붓글시", "처음 만나는 붓글씨"),
        ("붓글씨처음", "처음 만나는 붓글씨"),
        ("꽃을", "꽃꽂이 기초"),
        ("c 언어", "C언어 입문"),
        ("영어회화", "영어 회화"),
        ("painting", "Watercolor paintings"),
        ("waterclor", "Watercolor paintings"),
    ] {
        assert_eq!(first(&index, query).as_deref(), Some(title), "{query}");
    }
    assert_eq!(first(&index, "양자역학"), None);
    assert_eq!(first(&index, "  !?  "), None);
}

#[test]
fn a_changed_class_is_found_by_its_new_words_only() {
    let mut index = titled(&["a"]);
    index.put("x", document("붓글씨"));
    index.put("x", document("수채화"));
    assert_eq!(first(&index, "수채"), Some("x".to_owned()));
    assert_eq!(first(&index, "붓글씨"), None);
    index.remove("x");
    assert_eq!(first(&index, "수채화"), None);
    assert_eq!(index.len(), 1);
}

fn item(id: &str, category: &str, instructor: &str) -> Item {
    Item {
        id: id.into(),
        title: id.into(),
        category: category.into(),
        level: "beginner".into(),
        language: "ko".into(),
        instructor: instructor.into(),
        open: true,
    }
}

#[test]
fn reasons_are_the_cause() {
    let items =
        vec![item("붓", "calligraphy", "김"), item("먹", "calligraphy", "이"), item("춤", "dance", "박")];
    let took =
        |person: &str, item: &str| Taken { person: person.into(), item: item.into(), act: Act::Took, at: 0 };
    // Many who took the brush also danced; nobody took the ink.
    let acts: Vec<Taken> =
        (0..20).flat_map(|n| [took(&n.to_string(), "붓"), took(&n.to_string(), "춤")]).collect();
    let recommender = Recommender::build(items, &acts);
    let veteran = Person { acts: vec![("붓".into(), Act::Took); 3], ..Person::default() };
    let found = recommender.recommend(&veteran, 10);
    assert_eq!(
        (found[0].id.as_str(), &found[0].reason),
        ("춤", &Reason::TakenTogether { item: "붓".into() })
    );
    assert_eq!((found[1].id.as_str(), &found[1].reason), ("먹", &Reason::LikeOne { item: "붓".into() }));
    let newcomer = Person { interests: vec!["dance".into()], ..Person::default() };
    let found = recommender.recommend(&newcomer, 1);
    assert_eq!(
        (found[0].id.as_str(), &found[0].reason),
        ("춤", &Reason::Interest { category: "dance".into() })
    );
    let nobody = recommender.recommend(&Person::default(), 3);
    let reasons: Vec<(&str, &Reason)> = nobody.iter().map(|r| (r.id.as_str(), &r.reason)).collect();
    // Nobody took the ink: that many take it would be a lie.
    assert_eq!(reasons, [("붓", &Reason::Popular), ("춤", &Reason::Popular), ("먹", &Reason::New)]);
}

proptest! {
    #[test]
    fn no_text_disturbs_the_index(titles in prop::collection::vec(any::<String>(), 0..20), query in any::<String>()) {
        let mut index = Index::default();
        for (number, title) in titles.iter().enumerate() {
            index.put(&(number % 7).to_string(), document(title));
        }
        let all = index.search(&query, 100, |_| true);
        prop_assert!(all.len() <= index.len());
        prop_assert!(all.windows(2).all(|pair| pair[0].score.is_finite()));
        prop_assert!(index.search(&query, 5, |id| id == "3").iter().all(|hit| hit.id == "3"));
    }
}
