import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { useAccount } from '../account/context';
import type { Class, LiveState } from '../api/contract';
import { ROOM_WORD_TOPIC } from '../api/contract-classroom';
import type { ParcelView } from '../classroom/outbox';
import { conversation, type Line, type Raised } from '../classroom/reading';
import { Classroom } from '../classroom/room';
import { parseWord } from '../classroom/state';
import { useClassroom, useRoomWords } from '../classroom/use-classroom';
import { useSlides } from '../classroom/use-slides';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { explainDevice } from '../lobby/devices';
import { ActivityPanel, type Tab } from './activity-panel';
import { ChatPanel } from './chat-panel';
import { News } from './news';
import { PeoplePanel } from './people-panel';
import { PhaseBanner, PhaseScreen } from './phase';
import { keepPictures, type Pictures, picturesBefore, withPictures } from './pictures';
import { ReactionLayer, useReactions } from './reactions';
import { SlideBar } from './slide-bar';
import { Stage } from './stage';
import { type Panel, Toolbar } from './toolbar';
import { useHand } from './use-hand';
import { useMediaQuery } from './use-media-query';
import { useWakeLock } from './use-wake-lock';
import { useVerdict, useWeakness, VerdictMark } from './verdict-mark';
import type { LiveSession, LiveView, Person } from './view';
import '../classroom/classroom.css';
import './live.css';

interface LiveClassProps {
  entry: Class;
  session: LiveSession;
  onBack: () => void;
}

export function LiveClass({ entry, session, onBack }: LiveClassProps) {
  const view = useSyncExternalStore(session.subscribe, session.view);
  const over = useOver(session);
  const sent = view.phase.name === 'ended' && view.phase.reason === 'removed';
  // At the end everybody is sent home, which is not being sent out.
  const phase = over && sent ? ({ name: 'ended', reason: 'closed' } as const) : view.phase;
  useEffect(() => () => void session.leave(), [session]);
  useWakeLock();
  if (phase.name === 'ended' || phase.name === 'failed' || (phase.name === 'connecting' && view.people.length === 0)) {
    return (
      <div className="live">
        <PhaseScreen phase={phase} entry={entry} onRetry={() => void session.retry()} onBack={onBack} />
      </div>
    );
  }
  return <Inside entry={entry} session={session} view={view} />;
}

function Inside({ entry, session, view }: { entry: Class; session: LiveSession; view: LiveView }) {
  const t = useT();
  const own = view.people.find((person) => person.local);
  const room = useRoom(entry, own);
  const classroom = useClassroom(room);
  const { live, parcels } = classroom;
  const reactions = useReactions(session);
  useRoomWords(room, session, reactions.hear);
  const hand = useHand(room, session, view, classroom);
  const [panel, setPanel] = useState<Panel>(null);
  const [tab, setTab] = useState<Tab>('quiz');
  const [pictures, setPictures] = useState<Pictures>(picturesBefore);
  const slides = useSlides(room, live, room.teaches || view.canShare, panel === 'activity' && tab === 'slides');
  const verdict = useVerdict(view);
  const [weak, waveAway] = useWeakness(verdict);
  const narrow = useMediaQuery('(max-width: 760px)');
  const lines = useLines(live, parcels, view, room);
  const unread = useUnread(lines, room.me.id, panel === 'chat');
  const waiting = useWaiting(room, live);
  const opened = useOpening(room, live, () => {
    setTab('quiz');
    setPanel((now) => (now === 'chat' ? now : 'activity'));
  });
  const choosePictures = useCallback(
    (next: Pictures) => {
      setPictures(next);
      keepPictures(next);
      // Sending is what a thin line can least afford.
      if (next === 'none') void session.setCamera(false);
    },
    [session],
  );
  const people = withHands(withPictures(view.people, pictures), hand.queue);
  const close = () => setPanel(null);
  const goTo = (next: Tab) => {
    setTab(next);
    setPanel('activity');
  };

  return (
    <div className="live" data-testid="live" data-phase={view.phase.name} data-edge={view.edge?.id} data-panel={panel ?? 'none'}>
      <header className="live-head">
        <h1>{entry.title}</h1>
        {(view.recording || entry.recorded) && (
          <span className="badge" data-tone="live">
            <span>{t('live.recording')}</span>
          </span>
        )}
        {live.locked && <span className="badge">{t('room.locked')}</span>}
        <VerdictMark view={view} verdict={verdict} pictures={pictures} onPictures={choosePictures} />
      </header>
      <div className="live-body">
        <div className="live-main">
          <Banners session={session} view={view} hand={hand.error} />
          {weak && pictures !== 'none' && (
            <div className="banner" role="status" data-testid="weak-advice">
              <span>{t('live.pictures.advice')}</span>
              <button type="button" onClick={() => choosePictures('none')}>
                {t('live.pictures.advice.do')}
              </button>
              <button type="button" className="plain" onClick={waveAway}>
                {t('live.pictures.advice.no')}
              </button>
            </div>
          )}
          {pictures === 'none' && <p className="stage-note">{t('live.pictures.none.note')}</p>}
          <Stage people={people} spotlight={live.spotlight} compact={narrow && panel !== null} />
          <ReactionLayer shown={reactions.shown} />
          <News
            live={live}
            known={classroom.known}
            lines={lines}
            queue={hand.queue}
            own={own}
            canSpeak={view.canSpeak}
            takenDownMs={hand.takenDownMs}
            me={own?.identity ?? room.me.id}
            teaches={room.teaches}
            chatOpen={panel === 'chat'}
          />
          <SlideBar slides={slides} onChoose={() => goTo('slides')} />
          {hand.up && hand.place > 0 && (
            <p className="stage-note hand-note" role="status" data-testid="hand-place">
              {hand.place === 1 ? t('hand.place.first') : t('hand.place', { n: hand.place })}
            </p>
          )}
        </div>
        {panel === 'chat' && (
          <ChatPanel
            room={room}
            lines={lines}
            known={classroom.known}
            canSend={view.canSend}
            muted={classroom.muted}
            onClose={close}
            notice={opened && <QuizNotice text={opened} onGo={() => goTo('quiz')} />}
          />
        )}
        {panel === 'people' && (
          <PeoplePanel
            room={room}
            people={view.people}
            queue={hand.queue}
            spotlight={live.spotlight}
            locked={live.locked}
            onLowered={hand.lowered}
            onClose={close}
          />
        )}
        {panel === 'activity' && (
          <ActivityPanel
            room={room}
            view={classroom}
            slides={slides}
            tab={tab}
            onTab={setTab}
            canAsk={view.canSend && !room.teaches}
            onClose={close}
          />
        )}
      </div>
      <Toolbar
        session={session}
        view={view}
        own={own}
        panel={panel}
        unread={unread}
        waiting={waiting}
        hand={hand}
        onReact={reactions.send}
        onPanel={setPanel}
      />
    </div>
  );
}

/** Whether the server has said that the lesson is over. */
function useOver(session: LiveSession): boolean {
  const [over, setOver] = useState(false);
  useEffect(
    () =>
      session.onPacket(({ topic, payload, identity }) => {
        if (topic === ROOM_WORD_TOPIC && identity === '' && parseWord(payload)?.kind === 'ended') setOver(true);
      }),
    [session],
  );
  return over;
}

/** Faces show the hands of the queue: those of the control plane and those of the room. */
function withHands(people: readonly Person[], queue: readonly Raised[]): readonly Person[] {
  const raised = new Map(queue.map((hand) => [hand.identity, hand.atMs]));
  return people.map((person) => ({ ...person, handAt: raised.get(person.identity) ?? 0 }));
}

function Banners({ session, view, hand }: { session: LiveSession; view: LiveView; hand: unknown }) {
  const t = useT();
  return (
    <>
      <PhaseBanner phase={view.phase} />
      {view.soundBlocked && (
        <div className="banner" role="alert">
          <span>{t('live.sound.blocked')}</span>
          <button type="button" data-testid="start-sound" onClick={() => void session.startSound()}>
            {t('live.sound.start')}
          </button>
        </div>
      )}
      {view.deviceError != null && (
        <p className="banner" role="alert" data-testid="device-error">
          {explainDevice(t, view.deviceError)}
        </p>
      )}
      {hand != null && (
        <p className="banner" role="alert">
          {explain(t, hand)}
        </p>
      )}
    </>
  );
}

function QuizNotice({ text, onGo }: { text: string; onGo: () => void }) {
  const t = useT();
  return (
    <p className="quiz-notice">
      <span>{text}</span>
      <button type="button" className="primary small" onClick={onGo}>
        {t('quiz.go')}
      </button>
    </p>
  );
}

/** The classroom of whoever is signed in; without an account (an API key's guest) of the participant. */
function useRoom(entry: Class, own: { identity: string; name: string } | undefined): Classroom {
  const { account } = useAccount();
  const id = account?.id ?? own?.identity ?? '';
  const name = account?.name ?? own?.name ?? '';
  const teaches = entry.mine?.teaches ?? false;
  return useMemo(() => new Classroom(entry.id, { id, name }, teaches), [entry.id, id, name, teaches]);
}

function useLines(live: LiveState, parcels: readonly ParcelView[], view: LiveView, room: Classroom): readonly Line[] {
  return useMemo(() => {
    return conversation(live.chat, parcels, view.chat, room.me);
  }, [live.chat, parcels, view.chat, room]);
}

/** Messages that came while the chat was closed. What was said before one came in is history, not news. */
function useUnread(lines: readonly Line[], me: string, open: boolean): number {
  const [readMs, setReadMs] = useState(Date.now);
  const last = lines.at(-1)?.atMs ?? 0;
  useEffect(() => {
    if (open) setReadMs((before) => Math.max(before, last, Date.now()));
  }, [open, last]);
  return lines.filter((line) => line.atMs > readMs && line.from.id !== me && !line.hidden).length;
}

/** For a student what is open and not answered; for who teaches the questions. */
function useWaiting(room: Classroom, live: LiveState): number {
  if (room.teaches) return live.questions.filter(({ state }) => state === 'open').length;
  const quizzes = live.quizzes.filter((quiz) => quiz.state === 'open' && !quiz.mine && !room.answerOf(quiz.id));
  const polls = live.polls.filter((poll) => poll.state === 'open' && !poll.mine?.length);
  return quizzes.length + polls.length;
}

/** Calls once for each quiz or poll that opens; answers what to say of it while it is open and not answered. */
function useOpening(room: Classroom, live: LiveState, open: () => void): string | null {
  const t = useT();
  const quiz = live.quizzes.findLast((one) => one.state === 'open' && !one.mine && !room.answerOf(one.id));
  const poll = live.polls.findLast((one) => one.state === 'open' && !one.mine?.length);
  const waiting = room.teaches ? undefined : (quiz?.id ?? poll?.id);
  useEffect(() => {
    if (waiting) open();
    // Only a new one opens the sheet; `open` is a new closure at each render.
  }, [waiting]);
  if (!waiting) return null;
  return quiz ? t('quiz.opened', { title: quiz.title }) : poll ? t('poll.opened', { title: poll.question }) : null;
}
