use proptest::prelude::*;

use super::super::course::*;
use super::*;

fn sheet() -> Sheet {
    let choices = |ids: &[&str]| -> Vec<Choice> {
        ids.iter().map(|id| Choice { id: (*id).into(), text: format!("choice {id}") }).collect()
    };
    let item = |id: &str, kind, choices| Item { id: id.into(), kind, text: "?".into(), choices };
    Sheet {
        title: "붓글씨".into(),
        items: vec![
            item("one", ItemKind::Single, choices(&["a", "b"])),
            item("many", ItemKind::Multiple, choices(&["a", "b", "c"])),
            item("word", ItemKind::Short, Vec::new()),
            item("opinion", ItemKind::Single, choices(&["a", "b"])),
        ],
        key: given(&[("one", &["b"]), ("many", &["a", "c"]), ("word", &["먹 물", "Ink"])]),
        time_limit_s: Some(30),
    }
}

fn given(entries: &[(&str, &[&str])]) -> Given {
    let values = |list: &[&str]| list.iter().map(|v| (*v).to_owned()).collect();
    entries.iter().map(|(id, list)| ((*id).to_owned(), values(list))).collect()
}

#[test]
fn answers_score_by_choice_by_set_and_by_reading() {
    let sheet = sheet();
    sheet.check().expect("a sound quiz");
    let score = |answer: &[(&str, &[&str])]| sheet.score(&sheet.tidy(&given(answer)).expect("fits"));
    assert_eq!(score(&[("one", &["b"]), ("many", &["c", "a", "a"]), ("word", &[" 먹물 "])]), 3);
    assert_eq!(score(&[("many", &["a"])]), 0, "half a set is not the set");
    assert_eq!(score(&[("many", &["a", "b", "c"])]), 0, "nor is all of it");
    assert_eq!(score(&[("word", &["iNK"])]), 1);
    assert_eq!(
        score(&[("word", &["\u{1106}\u{1165}\u{11a8}\u{1106}\u{116e}\u{11af}"])]),
        1,
        "in parts, as a Mac writes"
    );
    assert_eq!(score(&[("opinion", &["a"])]), 0, "has no key");
    assert_eq!(sheet.correct(&Given::new()).len(), 3, "every item with a key has a result");
}

#[test]
fn unsound_quizzes_and_answers_are_refused_with_the_place() {
    let broken = |change: fn(&mut Sheet)| {
        let mut sheet = sheet();
        change(&mut sheet);
        sheet.check().expect_err("unsound").to_string()
    };
    assert!(broken(|s| s.title = " ".into()).contains("title"));
    assert!(broken(|s| s.title = "가".repeat(121)).contains("120"));
    assert!(broken(|s| s.items.clear()).contains("items"));
    assert!(broken(|s| s.items[1].id = "one".into()).contains("twice"));
    assert!(broken(|s| s.items[0].choices.truncate(1)).contains("choices"));
    assert!(broken(|s| s.items[0].id = "a b".into()).contains("id"));
    assert!(broken(|s| s.key = given(&[("one", &["z"])])).contains("no choice"));
    assert!(broken(|s| s.key = given(&[("none", &["a"])])).contains("no item"));
    assert!(broken(|s| s.key = given(&[("word", &["\u{a0}"])])).contains("empty"));
    assert!(broken(|s| s.time_limit_s = Some(0)).contains("time_limit_s"));
    assert!(broken(|s| s.items[0].text = "a\u{0}".into()).contains("control"));
    let sheet = sheet();
    for wrong in [
        given(&[("none", &["a"])]),
        given(&[("one", &["a", "b"])]),
        given(&[("one", &["z"])]),
        given(&[("word", &["a", "b"])]),
        Given::from([("word".into(), vec!["가".repeat(201)])]),
    ] {
        assert!(sheet.tidy(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn states_go_one_way_and_a_step_twice_changes_nothing() {
    use State::*;
    assert_eq!(stepped(Draft, Step::Open), Ok(Open));
    assert_eq!(stepped(Open, Step::Open), Ok(Open));
    assert_eq!(stepped(Open, Step::Close), Ok(Closed));
    assert_eq!(stepped(Closed, Step::Reveal), Ok(Revealed));
    assert_eq!(stepped(Revealed, Step::Close), Ok(Revealed));
    for (state, step) in
        [(Closed, Step::Open), (Draft, Step::Close), (Draft, Step::Reveal), (Open, Step::Reveal)]
    {
        assert!(stepped(state, step).is_err(), "{state:?} {step:?}");
    }
}

#[test]
fn an_answer_given_in_time_is_taken_late_but_not_after_the_key_is_out() {
    let closes = 1_000_000;
    let arrival = |state, answered_at_ms, now_ms, replay| {
        admit(Arrival { state, closes_at_ms: Some(closes), answered_at_ms, now_ms, replay })
    };
    use Admission::*;
    assert_eq!(arrival(State::Open, closes - 1, closes - 1, false), Counted);
    assert_eq!(
        arrival(State::Open, closes - 1, closes + 8_000, false),
        Counted,
        "the timer ran out on the way"
    );
    assert_eq!(arrival(State::Open, closes, closes, false), Closed);
    assert_eq!(arrival(State::Closed, closes - 1, closes + LATE_MS_MAX, false), Counted);
    assert_eq!(arrival(State::Closed, closes - 1, closes + LATE_MS_MAX + 1, false), Closed);
    assert_eq!(arrival(State::Revealed, closes - 1, closes + 1, false), Closed);
    assert_eq!(arrival(State::Revealed, closes + 9, closes + 9, true), Counted, "a replay");
    // It tells what is right: not while a live answer still counts.
    assert_eq!(arrival(State::Closed, closes, closes + 1_000, true), NotOpen);
    assert_eq!(arrival(State::Open, closes, closes + LATE_MS_MAX, true), NotOpen, "the timer ran out");
    assert_eq!(arrival(State::Closed, closes, closes + LATE_MS_MAX + 1, true), Counted);
    assert_eq!(arrival(State::Open, 0, 0, true), NotOpen);
    assert_eq!(arrival(State::Draft, 0, 0, false), NotOpen);
}

#[test]
fn rare_texts_are_counted_together() {
    let sheet = sheet();
    let mut tally = Tally::default();
    for index in 0..80 {
        tally.count(&sheet, &given(&[("word", &[&format!("text {index}")])]));
    }
    for _ in 0..3 {
        tally.count(&sheet, &given(&[("word", &["먹물"])]));
    }
    let tally = tally.trimmed(&sheet);
    let texts = &tally.items["word"];
    assert_eq!((texts["먹물"], texts[""], texts.len()), (3, 31, TEXTS_MAX + 1));
    assert_eq!((tally.answered, tally.correct["word"]), (83, 3));
}

proptest! {
    #[test]
    fn tidying_is_stable_and_a_tally_counts_each_answer_once(
        raw in prop::collection::vec((0_usize..5, prop::collection::vec("[abcz]", 0..4)), 0..6)
    ) {
        let sheet = sheet();
        let names = ["one", "many", "word", "opinion", "none"];
        let answer: Given = raw.into_iter().map(|(i, values)| (names[i].to_owned(), values)).collect();
        let Ok(tidied) = sheet.tidy(&answer) else { return Ok(()) };
        prop_assert_eq!(sheet.tidy(&tidied), Ok(tidied.clone()));
        let mut tally = Tally::default();
        tally.count(&sheet, &tidied);
        prop_assert_eq!(tally.answered, 1);
        prop_assert_eq!(tally.correct.values().sum::<u64>() as usize, sheet.score(&tidied));
        let counted: u64 = tally.items.values().flat_map(BTreeMap::values).sum();
        prop_assert_eq!(counted as usize, tidied.values().map(Vec::len).sum::<usize>());
    }

    #[test]
    fn what_reads_the_same_is_the_same(text in "\\PC{0,20}") {
        prop_assert_eq!(normal(&text), normal(&format!(" {text}\t")));
        prop_assert_eq!(normal(&normal(&text)), normal(&text));
    }
}
