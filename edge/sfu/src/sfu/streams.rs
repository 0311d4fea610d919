//! The streams a session can receive come and go; their SSRCs never count back.

use std::collections::{HashMap, HashSet};

use super::Sfu;
use crate::outgoing::Outgoing;
use crate::{Outgoing as Declared, SessionId};

/// Packet indices of new streams start below this: the roll-over counter is then surely 0 for the receiver, who guesses
/// it from the first packet (RFC 3711 section 3.3.1).
const FIRST_INDEX_MAX: u64 = 0x7FFF;
/// SSRCs a session remembers the counting of. They must not be forgotten while its keys live, so when the table is full
/// new streams are refused; the client can reconnect.
const RETIRED_MAX: usize = 16_384;

impl Sfu {
    /// Replaces what a session can receive. An SSRC declared twice is refused the second time: two streams that count for
    /// themselves under one SSRC would use packet indices twice.
    pub(super) fn set_outgoing(&mut self, session: SessionId, declared: Vec<Declared>) {
        let Some(slot) = self.slot(session) else { return };
        let Some(participant) = self.participants.get_mut(slot) else { return };
        let old = std::mem::take(&mut participant.outgoing);
        // What goes is retired first, so that an SSRC that only moves to another m-line goes on counting.
        for key in &old {
            let stays = self
                .outgoings
                .get(*key)
                .is_some_and(|stream| declared.iter().any(|declared| is_same(&stream.declared, declared)));
            if !stays {
                self.detach(*key);
                self.retire(slot, *key);
            }
        }
        let Some(participant) = self.participants.get_mut(slot) else { return };
        participant.by_ssrc.clear();
        let mut used = HashSet::new();
        for declared in declared {
            let ssrcs = || std::iter::once(declared.ssrc).chain(declared.rtx_ssrc);
            let full = participant.outgoing.len() >= self.config.outgoing_per_session_max
                || participant.retired.len() >= RETIRED_MAX;
            if full || declared.rtx_ssrc == Some(declared.ssrc) || ssrcs().any(|ssrc| used.contains(&ssrc)) {
                self.counters.commands_refused_full += 1;
                continue;
            }
            used.extend(ssrcs());
            let ssrc = declared.ssrc;
            let same = old.iter().copied().find(|key| {
                self.outgoings.get(*key).is_some_and(|stream| is_same(&stream.declared, &declared))
            });
            let key = match same {
                Some(key) => {
                    if let Some(stream) = self.outgoings.get_mut(key) {
                        stream.redeclare(declared);
                    }
                    key
                }
                None => self.outgoings.insert(new_stream(slot, declared, &participant.retired)),
            };
            participant.outgoing.push(key);
            participant.by_ssrc.insert(ssrc, key);
        }
        // What stayed by name but was refused after all.
        let kept: HashSet<u32> = participant.outgoing.iter().copied().collect();
        for key in old.into_iter().filter(|key| !kept.contains(key)) {
            if self.outgoings.get(key).is_some_and(|stream| stream.participant == slot) {
                self.detach(key);
                self.retire(slot, key);
            }
        }
    }

    /// Forgets a stream but not how far its SSRCs have counted.
    fn retire(&mut self, slot: u32, key: u32) {
        let Some(stream) = self.outgoings.remove(key) else { return };
        let Some(participant) = self.participants.get_mut(slot) else { return };
        let (index, rtx_index) = stream.indices();
        participant.retired.insert(stream.declared.ssrc, index);
        if let Some(ssrc) = stream.declared.rtx_ssrc {
            participant.retired.insert(ssrc, rtx_index);
        }
    }
}

fn is_same(before: &Declared, now: &Declared) -> bool {
    (&before.mid, before.ssrc, before.rtx_ssrc) == (&now.mid, now.ssrc, now.rtx_ssrc)
}

/// A stream whose SSRCs go on where they stopped, should they have been used before in this session.
fn new_stream(slot: u32, declared: Declared, retired: &HashMap<u32, u64>) -> Outgoing {
    let index = |ssrc: Option<u32>| {
        let known = ssrc.and_then(|ssrc| retired.get(&ssrc).copied());
        known.unwrap_or_else(|| rand::random_range(1..=FIRST_INDEX_MAX))
    };
    let (media, repair) = (index(Some(declared.ssrc)), index(declared.rtx_ssrc));
    Outgoing::new(slot, declared, media, repair)
}
