//! The course of a quiz: its states, and when an answer counts. Pure rules.

use serde::{Deserialize, Serialize};

/// An answer given in time is taken so much after the close: networks fail.
pub const LATE_MS_MAX: u64 = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Draft,
    Open,
    Closed,
    Revealed,
}

impl State {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Revealed => "revealed",
        }
    }

    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Open, Self::Closed, Self::Revealed].into_iter().find(|s| s.as_str() == text)
    }

    /// What the state is at `now_ms`. The clock closes a quiz, not a process: nobody has to be up for it.
    #[must_use]
    pub fn at(self, closes_at_ms: Option<u64>, now_ms: u64) -> Self {
        match (self, closes_at_ms) {
            (Self::Open, Some(closes)) if now_ms >= closes => Self::Closed,
            _ => self,
        }
    }
}

/// What the instructor does to a quiz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Open,
    Close,
    Reveal,
}

/// The state after a step; doing a step twice changes nothing.
///
/// # Errors
/// The step does not fit the state: what to do first.
pub fn stepped(state: State, step: Step) -> Result<State, &'static str> {
    match (step, state) {
        (Step::Open, State::Draft | State::Open) => Ok(State::Open),
        (Step::Open, _) => Err("The quiz was open already. Make a new one to ask again."),
        (Step::Close, State::Open | State::Closed) => Ok(State::Closed),
        (Step::Close, State::Draft) => Err("The quiz is not open yet."),
        (Step::Close | Step::Reveal, State::Revealed) | (Step::Reveal, State::Closed) => Ok(State::Revealed),
        (Step::Reveal, State::Draft) => Err("The quiz was not asked yet. Open it first."),
        (Step::Reveal, State::Open) => Err("The quiz is open. Close it first."),
    }
}

/// When an answer came, and to what.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub state: State,
    /// When the timer closes it, or it was closed.
    pub closes_at_ms: Option<u64>,
    /// The student's word for when she answered.
    pub answered_at_ms: u64,
    pub now_ms: u64,
    /// Given while watching the replay.
    pub replay: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Counted,
    /// It never was open: there is nothing to answer.
    NotOpen,
    Closed,
}

/// Whether an answer counts. After the close the student's own clock is believed for [`LATE_MS_MAX`]: who cheats gains a
/// minute without knowing the key. Once that is out, nothing is taken. An answer at the replay is told at once what is right, so
/// it is taken only when no live one is any more.
#[must_use]
pub fn admit(arrival: Arrival) -> Admission {
    let state = arrival.state.at(arrival.closes_at_ms, arrival.now_ms);
    match state {
        State::Draft => Admission::NotOpen,
        // A live question is answered live, whatever the page believes.
        State::Open if arrival.replay => Admission::NotOpen,
        State::Open => Admission::Counted,
        State::Closed if arrival.replay => match arrival.closes_at_ms {
            Some(closed) if arrival.now_ms <= closed.saturating_add(LATE_MS_MAX) => Admission::NotOpen,
            _ => Admission::Counted,
        },
        State::Revealed if arrival.replay => Admission::Counted,
        State::Revealed => Admission::Closed,
        State::Closed => match arrival.closes_at_ms {
            Some(closed)
                if arrival.answered_at_ms < closed
                    && arrival.now_ms <= closed.saturating_add(LATE_MS_MAX) =>
            {
                Admission::Counted
            }
            _ => Admission::Closed,
        },
    }
}
