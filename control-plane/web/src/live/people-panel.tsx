import { useState } from 'react';
import { control, lowerHandOf } from '../api/classroom';
import type { Control } from '../api/contract';
import type { Raised } from '../classroom/reading';
import type { Classroom } from '../classroom/room';
import { type Action, useAction } from '../classroom/use-classroom';
import { regionName, useT } from '../i18n';
import { explain } from '../i18n/errors';
import { Icon } from '../ui/icons';
import { PanelFrame } from './panel-frame';
import type { Person } from './view';

const BARS = { excellent: 3, good: 2, poor: 1, lost: 0, unknown: 0 } as const;

interface PeoplePanelProps {
  room: Classroom;
  people: readonly Person[];
  queue: readonly Raised[];
  spotlight: string | null;
  locked: boolean;
  onLowered: (identity: string) => void;
  onClose: () => void;
}

/** Who is here; for who teaches also the queue of hands and what can be done about anybody. */
export function PeoplePanel({ room, people, queue, spotlight, locked, onLowered, onClose }: PeoplePanelProps) {
  const t = useT();
  const action = useAction();
  const places = new Map(queue.map((hand, place) => [hand.identity, place]));
  // Raised hands first, in the order they went up.
  const place = (person: Person) => places.get(person.identity) ?? Infinity;
  const ordered = [...people].sort((a, b) => place(a) - place(b) || 0);
  const run = (what: Control, identity?: string) => action.run(() => control(room.id, what, identity));
  const lower = (identity: string) =>
    void action.run(async () => {
      await lowerHandOf(room.id, identity);
      room.feed.change((live) => ({ ...live, hands: live.hands.filter((hand) => hand.account.id !== identity) }));
      onLowered(identity);
    });
  return (
    <PanelFrame title={t('live.people.count', { count: people.length })} testid="panel-people" onClose={onClose}>
      <div className="panel-scroll">
        {room.teaches && <ClassControls locked={locked} action={action} run={run} />}
        {room.teaches && queue.length > 0 && (
          <section className="queue" aria-label={t('hand.queue')} data-testid="hand-queue">
            <h3>{t('hand.queue')}</h3>
            <ol>
              {queue.map((hand) => (
                <li key={hand.identity} data-testid="hand" data-identity={hand.identity}>
                  <b>{hand.name}</b>
                  <button
                    type="button"
                    className="primary small"
                    disabled={action.busy}
                    aria-label={t('hand.allow.of', { name: hand.name })}
                    data-testid="hand-allow"
                    onClick={() => void run('allow-speak', hand.identity).then((good) => good && lower(hand.identity))}
                  >
                    {t('hand.allow')}
                  </button>
                  <button
                    type="button"
                    className="quiet small"
                    disabled={action.busy}
                    aria-label={t('hand.lower.of', { name: hand.name })}
                    onClick={() => lower(hand.identity)}
                  >
                    {t('hand.lower')}
                  </button>
                </li>
              ))}
            </ol>
          </section>
        )}
        {action.error != null && (
          <p className="field-error" role="alert">
            {explain(t, action.error)}
          </p>
        )}
        <ul className="people">
          {ordered.map((person) => (
            <PersonRow
              key={person.identity}
              person={person}
              handUp={places.has(person.identity)}
              lit={spotlight === person.identity}
              manage={room.teaches && !person.local ? (what) => run(what, person.identity) : null}
              onSpotlight={room.teaches ? (on) => (on ? run('spotlight', person.identity) : run('unspotlight')) : null}
            />
          ))}
        </ul>
      </div>
    </PanelFrame>
  );
}

function ClassControls({ locked, action, run }: { locked: boolean; action: Action; run: (what: Control) => Promise<boolean> }) {
  const t = useT();
  const [ending, setEnding] = useState(false);
  return (
    <section className="class-controls" aria-label={t('control.title')}>
      {ending ? (
        <Confirm
          text={t('control.end.sure')}
          yes={t('control.end')}
          onYes={() => void run('end')}
          onNo={() => setEnding(false)}
        />
      ) : (
        <div className="slip-actions">
          <button
            type="button"
            className="small"
            aria-pressed={locked}
            disabled={action.busy}
            title={t('control.lock.hint')}
            data-testid="control-lock"
            onClick={() => void run(locked ? 'unlock' : 'lock')}
          >
            {t(locked ? 'control.unlock' : 'control.lock')}
          </button>
          <button type="button" className="small danger" data-testid="control-end" onClick={() => setEnding(true)}>
            {t('control.end')}
          </button>
        </div>
      )}
      {locked && (
        <p className="soft">
          <small>{t('control.lock.hint')}</small>
        </p>
      )}
    </section>
  );
}

/** Asks once more, in place: the focus goes to the way back. */
function Confirm({ text, yes, onYes, onNo }: { text: string; yes: string; onYes: () => void; onNo: () => void }) {
  const t = useT();
  return (
    <div className="confirm" role="group" aria-label={text}>
      <p role="alert">{text}</p>
      <div className="slip-actions">
        <button type="button" className="small danger" data-testid="confirm-yes" onClick={onYes}>
          {yes}
        </button>
        <button type="button" className="small" autoFocus onClick={onNo}>
          {t('common.cancel')}
        </button>
      </div>
    </div>
  );
}

interface PersonRowProps {
  person: Person;
  handUp: boolean;
  lit: boolean;
  manage: ((what: Control) => Promise<boolean>) | null;
  onSpotlight: ((on: boolean) => Promise<boolean>) | null;
}

function PersonRow({ person, handUp, lit, manage, onSpotlight }: PersonRowProps) {
  const t = useT();
  const [open, setOpen] = useState(false);
  const about = [
    person.role === 'instructor' ? t('live.role.instructor') : null,
    lit ? t('control.spotlit') : null,
    person.region && regionName(t, person.region),
  ];
  return (
    <li
      className="person"
      data-testid="person"
      data-identity={person.identity}
      data-hand={handUp}
      data-muted={!person.micOpen}
      data-quality={person.quality}
    >
      <span className="person-who">
        <b>
          {person.name}
          {person.local && ` (${t('common.here')})`}
        </b>
        <small className="soft" title={person.edge ?? undefined}>{about.filter(Boolean).join(' · ')}</small>
      </span>
      {handUp && (
        <span className="person-hand" role="img" aria-label={t('live.hand')}>
          <Icon name="hand" size={19} />
        </span>
      )}
      {!person.micOpen && (
        <span className="soft" role="img" aria-label={t('live.mic.muted')}>
          <Icon name="mic-off" size={19} />
        </span>
      )}
      <span
        className="bars"
        role="img"
        data-bars={BARS[person.quality]}
        aria-label={t(`quality.${person.quality}`)}
        title={t(`quality.${person.quality}`)}
      >
        <i />
        <i />
        <i />
      </span>
      {onSpotlight && (
        <button
          type="button"
          className="quiet more"
          aria-expanded={open}
          aria-label={t('control.more', { name: person.name })}
          data-testid="person-more"
          onClick={() => setOpen(!open)}
        >
          ⋯
        </button>
      )}
      {open && onSpotlight && <PersonControls person={person} lit={lit} manage={manage} onSpotlight={onSpotlight} />}
    </li>
  );
}

/** What changes something for a person as they are now. */
function doable(person: Person) {
  return [
    ...(person.micOpen ? (['mute'] as const) : []),
    person.canSpeak ? ('forbid-speak' as const) : ('allow-speak' as const),
    person.canShare ? ('forbid-screen' as const) : ('allow-screen' as const),
  ];
}

function PersonControls({
  person,
  lit,
  manage,
  onSpotlight,
}: Omit<PersonRowProps, 'handUp' | 'onSpotlight'> & { onSpotlight: (on: boolean) => Promise<boolean> }) {
  const t = useT();
  const [removing, setRemoving] = useState(false);
  if (removing && manage) {
    return (
      <Confirm
        text={t('control.remove.sure', { name: person.name })}
        yes={t('control.remove')}
        onYes={() => void manage('remove')}
        onNo={() => setRemoving(false)}
      />
    );
  }
  return (
    <div className="person-controls">
      <button
        type="button"
        className="small"
        aria-pressed={lit}
        data-testid="control-spotlight"
        onClick={() => void onSpotlight(!lit)}
      >
        {t(lit ? 'control.spotlight.off' : 'control.spotlight')}
      </button>
      {manage &&
        doable(person).map((what) => (
          <button key={what} type="button" className="small" data-testid={`control-${what}`} onClick={() => void manage(what)}>
            {t(`control.${what}`)}
          </button>
        ))}
      {manage && (
        <button type="button" className="small danger" data-testid="control-remove" onClick={() => setRemoving(true)}>
          {t('control.remove')}
        </button>
      )}
    </div>
  );
}
