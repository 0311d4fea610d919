import { type FormEvent, useState } from 'react';
import { movePoll } from '../api/classroom';
import type { Poll } from '../api/contract';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { percent } from '../i18n/format';
import type { Classroom } from './room';
import { useAction } from './use-classroom';

export const STATES = {
  draft: 'quiz.draft',
  open: 'quiz.open.state',
  closed: 'quiz.closed.state',
  revealed: 'quiz.revealed.state',
} as const;

/** A poll as everybody meets it; who teaches also opens and closes it. */
export function PollCard({ room, poll }: { room: Classroom; poll: Poll }) {
  const t = useT();
  const action = useAction();
  const move = (to: 'open' | 'close') =>
    void action.run(async () => {
      const moved = await movePoll(room.id, poll.id, to);
      room.feed.change((live) => ({
        ...live,
        polls: live.polls.map((known) => (known.id === moved.id ? { ...known, ...moved } : known)),
      }));
    });
  return (
    <article className="slip poll" data-testid="poll" data-poll={poll.id} data-state={poll.state}>
      <header>
        <h3>{poll.question}</h3>
        {room.teaches && <span className="badge">{t(STATES[poll.state])}</span>}
      </header>
      <p className="soft">
        <small>{t(poll.anonymous ? 'poll.is.anonymous' : 'poll.is.named')}</small>
      </p>
      {!room.teaches && poll.state === 'open' && <Ballot room={room} poll={poll} />}
      {poll.tally && (room.teaches || poll.state === 'closed') && <PollBars poll={poll} />}
      {poll.state === 'closed' && !poll.tally && <p className="soft">{t('poll.closed')}</p>}
      {room.teaches && poll.state !== 'closed' && (
        <div className="slip-actions">
          <button
            type="button"
            className={poll.state === 'draft' ? 'primary' : ''}
            disabled={action.busy}
            data-testid={poll.state === 'draft' ? 'poll-open' : 'poll-close'}
            onClick={() => move(poll.state === 'draft' ? 'open' : 'close')}
          >
            {t(poll.state === 'draft' ? 'quiz.open' : 'quiz.close')}
          </button>
        </div>
      )}
      {action.error != null && (
        <p className="field-error" role="alert">
          {explain(t, action.error)}
        </p>
      )}
    </article>
  );
}

function Ballot({ room, poll }: { room: Classroom; poll: Poll }) {
  const t = useT();
  const action = useAction();
  const [chosen, setChosen] = useState<readonly string[]>(poll.mine ?? []);
  const voted = (poll.mine ?? []).length > 0;
  const pick = (id: string) => {
    if (!poll.multiple) setChosen([id]);
    else setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (chosen.length > 0) void action.run(() => room.vote(poll, [...chosen]));
  };
  return (
    <form className="quiz-form" onSubmit={submit} aria-label={poll.question}>
      <fieldset className="pick">
        <legend className="hidden-visually">{poll.question}</legend>
        {poll.multiple && <small className="soft">{t('quiz.multiple')}</small>}
        {poll.choices.map((choice) => (
          <label key={choice.id} className="pick-choice">
            <input
              type={poll.multiple ? 'checkbox' : 'radio'}
              name={`poll-${poll.id}`}
              checked={chosen.includes(choice.id)}
              data-testid="poll-choice"
              onChange={() => pick(choice.id)}
            />
            <span>{choice.text}</span>
          </label>
        ))}
      </fieldset>
      <p role="status" className="soft">
        {voted && !action.busy ? t('poll.voted') : ''}
      </p>
      {action.error != null && (
        <p className="field-error" role="alert">
          {explain(t, action.error)}
        </p>
      )}
      <button type="submit" className="primary" disabled={action.busy || chosen.length === 0} data-testid="poll-submit">
        {t(voted ? 'poll.change' : 'poll.vote')}
      </button>
    </form>
  );
}

export function PollBars({ poll }: { poll: Pick<Poll, 'choices' | 'tally'> }) {
  const tally = poll.tally ?? {};
  const all = Math.max(
    1,
    Object.values(tally).reduce((sum, count) => sum + count, 0),
  );
  return (
    <ul className="tally">
      {poll.choices.map((choice) => (
        <TallyBar key={choice.id} text={choice.text} count={tally[choice.id] ?? 0} share={(tally[choice.id] ?? 0) / all} />
      ))}
    </ul>
  );
}

export function TallyBar({ text, count, share, right }: { text: string; count: number; share: number; right?: boolean }) {
  const t = useT();
  return (
    <li
      data-right={right}
      data-testid="tally-bar"
      data-count={count}
      aria-label={t('quiz.bar', { text, n: count, share: percent(share) })}
    >
      <span className="tally-text">
        {right && <b aria-hidden="true">○ </b>}
        {text}
      </span>
      <span className="tally-count">{count}</span>
      <span className="tally-bar" aria-hidden="true">
        <i style={{ transform: `scaleX(${Math.min(1, share)})` }} />
      </span>
    </li>
  );
}
