//! A poll: a question without a right answer. Pure rules.

use std::collections::BTreeMap;

use ring::digest;
use serde::{Deserialize, Serialize};

use super::quiz::{CHOICES_MAX, Choice, check_choices};
use super::rule::{Broken, bounded};

pub const QUESTION_CHARACTERS_MAX: usize = 500;

/// A poll as its instructor writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    pub question: String,
    pub choices: Vec<Choice>,
    #[serde(default)]
    pub multiple: bool,
    #[serde(default)]
    pub anonymous: bool,
}

impl Sheet {
    /// # Errors
    /// Says which rule is broken.
    pub fn check(&self) -> Result<(), Broken> {
        bounded("question", &self.question, 1, QUESTION_CHARACTERS_MAX)?;
        if self.choices.len() < 2 || self.choices.len() > CHOICES_MAX {
            return Err(Broken::new(format!("choices: give 2 to {CHOICES_MAX}")));
        }
        check_choices(&self.choices)
    }

    /// A vote as it is stored: known choices, none twice, in the order of the poll.
    ///
    /// # Errors
    /// No choice, an unknown one, or several where one is asked.
    pub fn tidy(&self, chosen: &[String]) -> Result<Vec<String>, Broken> {
        if let Some(id) = chosen.iter().find(|id| !self.choices.iter().any(|choice| choice.id == **id)) {
            let id: String = id.chars().take(64).collect();
            return Err(Broken::new(format!("choices: there is no choice {id:?}")));
        }
        let kept = self.choices.iter().filter(|choice| chosen.contains(&choice.id));
        let kept: Vec<String> = kept.map(|choice| choice.id.clone()).collect();
        match kept.len() {
            0 => Err(Broken::new("choices: choose at least one")),
            1 => Ok(kept),
            _ if self.multiple => Ok(kept),
            _ => Err(Broken::new("choices: choose one")),
        }
    }

    /// Votes by choice; choices without one are there with 0.
    pub fn tally<'a>(&self, votes: impl Iterator<Item = &'a [String]>) -> BTreeMap<String, u64> {
        let mut tally: BTreeMap<String, u64> =
            self.choices.iter().map(|choice| (choice.id.clone(), 0)).collect();
        for id in votes.flatten() {
            if let Some(count) = tally.get_mut(id) {
                *count += 1;
            }
        }
        tally
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Draft,
    Open,
    Closed,
}

impl State {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Open, Self::Closed].into_iter().find(|s| s.as_str() == text)
    }
}

/// Under what name a vote stands. With a `salt` (an anonymous poll) it is a hash, so that a voter can change her mind
/// while the poll is open; the salt is destroyed when it closes, and then nobody can tell whose vote it was.
#[must_use]
pub fn voter(account: &str, salt: Option<&str>) -> String {
    use std::fmt::Write as _;
    let Some(salt) = salt else { return account.to_owned() };
    let hash = digest::digest(&digest::SHA256, format!("{salt}\n{account}").as_bytes());
    hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(multiple: bool) -> Sheet {
        let choices = ["a", "b", "c"].map(|id| Choice { id: id.into(), text: id.into() }).to_vec();
        Sheet { question: "다음 시간?".into(), choices, multiple, anonymous: false }
    }

    fn list(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_vote_is_one_choice_or_several_where_allowed() {
        assert_eq!(sheet(false).tidy(&list(&["b", "b"])), Ok(list(&["b"])));
        assert_eq!(sheet(true).tidy(&list(&["c", "a"])), Ok(list(&["a", "c"])));
        for wrong in [&["a", "b"][..], &[], &["z"]] {
            assert!(sheet(false).tidy(&list(wrong)).is_err(), "{wrong:?}");
        }
        let votes = [list(&["a"]), list(&["a", "c"])];
        let tally = sheet(true).tally(votes.iter().map(Vec::as_slice));
        assert_eq!(tally, BTreeMap::from([("a".into(), 2), ("b".into(), 0), ("c".into(), 1)]));
    }

    #[test]
    fn an_anonymous_voter_is_the_same_only_under_the_same_salt() {
        assert_eq!(voter("minji", None), "minji");
        let hashed = voter("minji", Some("s1"));
        assert_eq!(hashed, voter("minji", Some("s1")));
        assert!(hashed != voter("minji", Some("s2")) && !hashed.contains("minji") && hashed.len() == 64);
    }
}
