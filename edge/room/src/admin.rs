//! What the server side asks: moderation, here or passed on to the edge that owns the participant.

use std::time::Instant;

use edge_sfu::LinkId;
use edge_wire::control::{CommandKind, Message, MuteTrack, RoomCommand};
use edge_wire::model;

use crate::edge::Edge;
use crate::limits::HOPS_MAX;
use crate::participant::is_visible;
use crate::room::{Room, Who};
use crate::{AdminError, LeaveAction, LeaveReason, PeerId};

impl Room {
    /// Carries out a command here, or passes it on.
    pub(crate) fn command(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        identity: &str,
        kind: CommandKind,
    ) -> Result<(), AdminError> {
        if kind == CommandKind::Remove(true) {
            self.send_out(edge, now, identity, now, &[]);
        }
        match self.identities.get(identity).cloned() {
            Some(Who::Local(id)) => self.command_local(edge, now, id, kind),
            Some(Who::Remote(sid)) => {
                let remote = self.remotes.get(&sid).ok_or(AdminError::ParticipantNotFound)?;
                if let CommandKind::Mute(mute) = &kind
                    && !remote.participant.tracks.iter().any(|track| track.sid == mute.track_sid)
                {
                    return Err(AdminError::TrackNotFound);
                }
                let link = self.link_towards(&remote.origin).ok_or(AdminError::ParticipantNotFound)?;
                let (room, identity) = (self.record.name.clone(), identity.to_owned());
                let passed = vec![edge.config.node_id.clone()];
                let command = RoomCommand { room, identity, kind: Some(kind), passed, ago_ms: 0 };
                edge.say(link, Message::Command(command));
                Ok(())
            }
            None => Err(AdminError::ParticipantNotFound),
        }
    }

    /// Another edge asks; what is meant for a participant elsewhere goes on, never to where it passed.
    pub(crate) fn command_of_link(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        from: LinkId,
        command: RoomCommand,
    ) {
        if command.kind == Some(CommandKind::Remove(true)) {
            if command.ago_ms > 0 {
                return self.heard_sent_out(edge, now, &command);
            }
            self.send_out(edge, now, &command.identity, now, &command.passed);
        }
        if let Some(Who::Remote(sid)) = self.identities.get(&command.identity) {
            let onward = self.remotes.get(sid).and_then(|remote| self.link_towards(&remote.origin));
            let own = &edge.config.node_id;
            // Version 1 does not say what it passed: it asks the participant's own edge, or nobody.
            let may_go = !command.passed.is_empty()
                && !command.passed.contains(own)
                && command.passed.len() < HOPS_MAX;
            if let Some(link) = onward.filter(|link| may_go && *link != from) {
                let mut command = command;
                command.passed.push(own.clone());
                edge.say(link, Message::Command(command));
            }
            return;
        }
        if let (Some(id), Some(kind)) = (self.local(&command.identity), command.kind)
            && let Err(error) = self.command_local(edge, now, id, kind)
        {
            tracing::debug!(%error, "a command of another edge finds nothing to act on");
        }
    }

    /// The room's record as the control plane has it now.
    pub(crate) fn record_changed(&mut self, edge: &mut Edge, now: Instant, record: model::Room) -> bool {
        if self.record == record {
            return false;
        }
        let recording_changed = self.record.recording != record.recording;
        self.record = record;
        if recording_changed {
            self.recording_changed(edge, now);
        }
        self.tell_room(edge, now);
        true
    }

    fn command_local(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        id: PeerId,
        kind: CommandKind,
    ) -> Result<(), AdminError> {
        match kind {
            CommandKind::Mute(MuteTrack { track_sid, muted }) => {
                if !self.mute(edge, id, &track_sid, muted, true) {
                    return Err(AdminError::TrackNotFound);
                }
            }
            CommandKind::Remove(_) => {
                self.dismiss(edge, now, id, LeaveReason::ParticipantRemoved, LeaveAction::Disconnect);
            }
            CommandKind::Permission(permission) => self.set_permission(edge, now, id, permission),
        }
        Ok(())
    }

    /// What is no longer allowed ends; what is allowed now begins.
    fn set_permission(&mut self, edge: &mut Edge, now: Instant, id: PeerId, permission: model::Permission) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| *peer.permission() != permission) else {
            return;
        };
        let was_visible = is_visible(&peer.participant);
        peer.participant.permission = permission;
        let is_hidden_now = was_visible && !is_visible(&peer.participant);
        let participant = peer.participant.clone();
        let forbidden: Vec<String> = peer
            .participant
            .tracks
            .iter()
            .filter(|track| !peer.may_publish(track.source))
            .map(|track| track.sid.clone())
            .collect();
        let allowed = peer.permission().clone();
        peer.pending.retain(|pending| {
            let source = pending.track.source;
            allowed.can_publish
                && (allowed.can_publish_sources.is_empty() || allowed.can_publish_sources.contains(&source))
        });
        for track_sid in forbidden {
            self.unpublish(edge, now, &track_sid, true);
        }
        self.touch(id);
        if is_hidden_now {
            self.roster.hid(&participant);
        }
        for track_sid in self.tracks.keys().cloned().collect::<Vec<_>>() {
            self.refresh_permission(edge, now, id, &track_sid);
        }
    }
}
