-- The newest fact of a process, asked every few seconds of each that told a join.
CREATE INDEX facts_by_process ON facts (node, epoch, at_ms);

-- Readers follow changes in this order.
CREATE INDEX classes_by_change ON classes (updated_at_ms, id);
-- What is to come, and what can be watched again: the order of the lists.
CREATE INDEX classes_to_come ON classes (COALESCE(starts_at_ms, 9000000000000000), id);
CREATE INDEX classes_to_replay ON classes (COALESCE(replay_at_ms, 0), id);

CREATE INDEX codes_expiry ON codes (expires_at_ms);

-- Who did it: the text has {actor} where the name goes, so that a name is erased in one place.
ALTER TABLE notifications ADD COLUMN actor_id TEXT;
UPDATE notifications SET text_ko = '게시판의 글에 답이 달렸습니다.', text_en = 'Somebody has replied to your thread.'
    WHERE kind = 'answer';
UPDATE notifications SET text_ko = '게시판에서 회원님의 답이 채택되었습니다.', text_en = 'Your reply was accepted.'
    WHERE kind = 'accepted';
