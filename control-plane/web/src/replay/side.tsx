import { useEffect, useRef, useState } from 'react';
import { signInPath } from '../account/context';
import type { TimelineEvent } from '../api/contract';
import { PollBars } from '../classroom/polls';
import { AskForm, QuestionPile } from '../classroom/questions';
import type { Classroom } from '../classroom/room';
import { Tabs } from '../classroom/tabs';
import type { ClassroomView } from '../classroom/use-classroom';
import { useT } from '../i18n';
import { clock } from '../i18n/format';
import { classHref, Link } from '../router';
import { describeEvent, isListed } from './events';
import { chatOf, pollsOf, type Said, type TimedSlide } from './happenings';
import { SlideList } from './slides';

export type SideTab = 'events' | 'slides' | 'chat' | 'questions';
/** Slides only where there were any. */
const TABS: readonly SideTab[] = ['events', 'slides', 'chat', 'questions'];
/** Nearer to the end than this, the conversation follows the clock. */
const AT_END_PX = 60;

interface SideProps {
  room: Classroom;
  view: ClassroomView;
  events: TimelineEvent[];
  slides: readonly TimedSlide[];
  timeMs: number;
  roomSid: string;
  signedIn: boolean;
  tab: SideTab;
  onTab: (tab: SideTab) => void;
  onSeek: (ms: number) => void;
  onEvent: (event: TimelineEvent) => void;
}

/** Beside the pictures: what happened, what was said up to now, what was asked. */
export function Side({ room, view, events, slides, timeMs, roomSid, signedIn, tab, onTab, onSeek, onEvent }: SideProps) {
  const t = useT();
  return (
    <section className="events" aria-label={t('replay.tabs')}>
      <Tabs label={t('replay.tabs')} tabs={TABS.filter((name) => name !== 'slides' || slides.length > 0)} chosen={tab} onChoose={onTab}>
        {(name) => t(`replay.tab.${name}`)}
      </Tabs>
      <div className="side-panel" role="tabpanel" id={`tabpanel-${tab}`} aria-labelledby={`tab-${tab}`} tabIndex={0}>
        {tab === 'events' && <EventList events={events.filter(isListed)} timeMs={timeMs} onEvent={onEvent} />}
        {tab === 'slides' && <SlideList slides={slides} timeMs={timeMs} onSeek={onSeek} />}
        {tab === 'chat' && <Conversation said={chatOf(events)} timeMs={timeMs} onSeek={onSeek} />}
        {tab === 'questions' && (
          <>
            <AskHere room={room} timeMs={timeMs} roomSid={roomSid} signedIn={signedIn} />
            <QuestionPile room={room} questions={view.live.questions} parcels={view.parcels} canAsk={false} onSeek={onSeek} />
            <Link className="soft" href={classHref(room.id, '/board')}>
              {t('replay.board')}
            </Link>
          </>
        )}
      </div>
    </section>
  );
}

function EventList({
  events,
  timeMs,
  onEvent,
}: {
  events: TimelineEvent[];
  timeMs: number;
  onEvent: (event: TimelineEvent) => void;
}) {
  const t = useT();
  const latest = events.findLastIndex((event) => event.at_ms <= timeMs);
  return (
    <>
      {events.length === 0 && <p className="soft">{t('replay.events.empty')}</p>}
      <ol>
        {events.map((event, place) => (
          <li key={`${event.at_ms}-${place}`}>
            <button
              type="button"
              className="quiet event"
              data-testid="timeline-event"
              data-kind={event.kind}
              data-at={event.at_ms}
              aria-current={place === latest ? 'true' : undefined}
              onClick={() => onEvent(event)}
            >
              <time>{clock(event.at_ms)}</time>
              <span>{describeEvent(t, event)}</span>
            </button>
            {event.kind === 'poll' &&
              event.at_ms <= timeMs &&
              pollsOf([event]).map(({ poll }) => poll.tally && <PollBars key={poll.id} poll={poll} />)}
          </li>
        ))}
      </ol>
    </>
  );
}

/** The chat as far as it had come: it grows with the clock, unless one has scrolled back to read. */
function Conversation({ said, timeMs, onSeek }: { said: readonly Said[]; timeMs: number; onSeek: (ms: number) => void }) {
  const t = useT();
  const list = useRef<HTMLOListElement>(null);
  const [following, setFollowing] = useState(true);
  const upToNow = said.filter((line) => line.atMs <= timeMs);
  useEffect(() => {
    if (following) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [following, upToNow.length]);
  return (
    <div className="conversation">
      {upToNow.length === 0 && <p className="soft">{t('replay.chat.empty')}</p>}
      <ol
        ref={list}
        tabIndex={0}
        aria-label={t('replay.tab.chat')}
        data-testid="replay-chat"
        onScroll={({ currentTarget: box }) => setFollowing(box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX)}
      >
        {upToNow.map((line) => (
          <li key={line.id} data-testid="replay-chat-message">
            <p className="said-head">
              <b>{line.name}</b>
              <button type="button" className="quiet" onClick={() => onSeek(line.atMs)}>
                {clock(line.atMs)}
              </button>
            </p>
            <p className="said-text">{line.text}</p>
          </li>
        ))}
      </ol>
      {!following && (
        <button type="button" className="small" onClick={() => setFollowing(true)}>
          {t('replay.chat.follow')}
        </button>
      )}
    </div>
  );
}

/** A question about this moment: the moment is the one at which one began to write. */
function AskHere({ room, timeMs, roomSid, signedIn }: Pick<SideProps, 'room' | 'timeMs' | 'roomSid' | 'signedIn'>) {
  const t = useT();
  const [minute, setMinute] = useState<number | null>(null);
  const about = minute ?? timeMs;
  if (!signedIn) {
    return (
      <p>
        <Link href={signInPath()}>{t('lobby.signin')}</Link>
      </p>
    );
  }
  return (
    <div className="ask-here">
      <p className="ask-about">{t('replay.ask', { time: clock(about) })}</p>
      <AskForm
        label={t('replay.ask', { time: clock(about) })}
        onFocus={() => setMinute(timeMs)}
        onAsk={(text) => {
          room.ask(text, { minuteMs: about, roomSid });
          setMinute(null);
        }}
      />
      <small className="soft">{t('replay.ask.hint')}</small>
    </div>
  );
}
