-- What is asked right now is looked for every few seconds, among all that was ever asked.
CREATE INDEX quizzes_open ON quizzes (class_id) WHERE state = 'open';
CREATE INDEX polls_open ON polls (class_id) WHERE state = 'open';
