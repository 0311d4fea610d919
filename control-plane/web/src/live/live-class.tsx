import { useEffect, useState, useSyncExternalStore } from 'react';
import type { Class } from '../api/contract';
import { regionName, useT } from '../i18n';
import { explainDevice } from '../lobby/devices';
import { ChatPanel, PeoplePanel } from './panels';
import { News } from './news';
import { PhaseBanner, PhaseScreen } from './phase';
import { Stage } from './stage';
import { type Panel, Toolbar } from './toolbar';
import { useWakeLock } from './use-wake-lock';
import { judge } from './verdict';
import type { LiveSession, LiveView } from './view';
import './live.css';

export function LiveClass({ entry, session, onBack }: { entry: Class; session: LiveSession; onBack: () => void }) {
  const t = useT();
  const view = useSyncExternalStore(session.subscribe, session.view);
  const [panel, setPanel] = useState<Panel>(null);
  const unread = useUnread(view, panel === 'chat');
  const own = view.people.find((person) => person.local);
  const { phase } = view;
  useEffect(() => () => void session.leave(), [session]);
  useWakeLock();

  if (phase.name === 'ended' || phase.name === 'failed' || (phase.name === 'connecting' && view.people.length === 0)) {
    return (
      <div className="live">
        <PhaseScreen phase={phase} entry={entry} onRetry={() => void session.retry()} onBack={onBack} />
      </div>
    );
  }
  return (
    <div className="live" data-testid="live" data-phase={phase.name} data-edge={view.edge?.id} data-panel={panel ?? 'none'}>
      <header className="live-head">
        <h1>{entry.title}</h1>
        {(view.recording || entry.recorded) && (
          <span className="badge" data-tone="live">
            <span>{t('live.recording')}</span>
          </span>
        )}
        <VerdictMark view={view} />
      </header>
      <div className="live-body">
        <div className="live-main">
          <PhaseBanner phase={phase} />
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
          <Stage people={view.people} />
          <News view={view} chatOpen={panel === 'chat'} />
        </div>
        {panel === 'chat' && (
          <ChatPanel session={session} messages={view.chat} canSend={view.canSend} onClose={() => setPanel(null)} />
        )}
        {panel === 'people' && <PeoplePanel people={view.people} onClose={() => setPanel(null)} />}
      </div>
      <Toolbar session={session} view={view} own={own} panel={panel} unread={unread} onPanel={setPanel} />
    </div>
  );
}

function VerdictMark({ view }: { view: LiveView }) {
  const t = useT();
  const [open, setOpen] = useState(false);
  const verdict = judge(view.phase, view.measure);
  const { edge, measure } = view;
  return (
    <div className="verdict">
      <button type="button" data-testid="verdict" data-grade={verdict.grade} aria-expanded={open} onClick={() => setOpen(!open)}>
        <i className="verdict-dot" aria-hidden="true" />
        <span>{t(verdict.title)}</span>
      </button>
      <span className="hidden-visually" role="status">
        {verdict.grade === 'weak' || verdict.grade === 'lost' ? t(verdict.title) : ''}
      </span>
      {open && (
        <div className="verdict-more" data-testid="verdict-more">
          {verdict.text && <p>{t(verdict.text, verdict.values)}</p>}
          {edge && (
            <p className="soft">
              {t('live.edge')}: {regionName(t, edge.region)} · <span data-testid="edge-id">{edge.id}</span>
            </p>
          )}
          <p className="soft">
            {measure.rttMs !== null && `${t('ops.col.rtt')} ${Math.round(measure.rttMs)} ms`}
            {measure.loss !== null && ` · ${t('ops.col.loss')} ${(measure.loss * 100).toFixed(1)} %`}
          </p>
        </div>
      )}
    </div>
  );
}

/** Messages that came while the chat was closed. */
function useUnread(view: LiveView, open: boolean): number {
  const [read, setRead] = useState(0);
  const received = view.chat.filter((message) => !message.local).length;
  useEffect(() => {
    if (open) setRead(received);
  }, [open, received]);
  return Math.max(0, received - read);
}
