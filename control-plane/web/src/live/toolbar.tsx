import { useState } from 'react';
import { type Key, useT } from '../i18n';
import { Icon, type IconName } from '../ui/icons';
import { ReactionBar } from './reactions';
import type { HandState } from './use-hand';
import type { LiveSession, LiveView, Person } from './view';

export type Panel = 'chat' | 'people' | 'activity' | null;

interface ToolbarProps {
  session: LiveSession;
  view: LiveView;
  own: Person | undefined;
  panel: Panel;
  unread: number;
  /** Quizzes, polls or questions that wait for this person. */
  waiting: number;
  hand: HandState;
  onReact: (emoji: string) => void;
  onPanel: (panel: Panel) => void;
}

export function Toolbar({ session, view, own, panel, unread, waiting, hand, onReact, onPanel }: ToolbarProps) {
  const t = useT();
  const ready = own !== undefined && view.phase.name !== 'failed';
  const mic = own?.micOpen ?? false;
  const camera = own?.camera != null;
  const screen = own?.screen != null;
  const [reacting, setReacting] = useState(false);
  const student = own !== undefined && own.role !== 'instructor' && own.role !== 'observer';
  const toggle = (to: Exclude<Panel, null>) => onPanel(panel === to ? null : to);
  return (
    <div className="toolbar" role="toolbar" aria-label={t('live.label')}>
      {view.canSpeak && (
        <>
          <ToolButton
            testid="btn-mic"
            icon={mic ? 'mic' : 'mic-off'}
            label={mic ? 'live.mic.off' : 'live.mic.on'}
            short="live.mic.short"
            off={!mic}
            disabled={!ready}
            onPress={() => session.setMicrophone(!mic)}
          />
          <ToolButton
            testid="btn-camera"
            icon={camera ? 'camera' : 'camera-off'}
            label={camera ? 'live.camera.off' : 'live.camera.on'}
            short="lobby.camera"
            off={!camera}
            disabled={!ready}
            onPress={() => session.setCamera(!camera)}
          />
        </>
      )}
      {view.canShare && 'getDisplayMedia' in navigator.mediaDevices && (
        <ToolButton
          testid="btn-screen"
          icon="screen"
          label={screen ? 'live.screen.off' : 'live.screen.on'}
          short="live.screen.short"
          on={screen}
          disabled={!ready}
          onPress={() => session.setScreen(!screen)}
        />
      )}
      {student && (
        <ToolButton
          testid="btn-hand"
          icon="hand"
          label={hand.up ? 'live.hand.off' : 'live.hand.on'}
          short="live.hand.short"
          on={hand.up}
          disabled={!ready}
          count={hand.place}
          quietCount
          onPress={() => hand.toggle()}
        />
      )}
      {view.canSend && (
        <span className="tool-group">
          <ToolButton
            testid="btn-react"
            icon="smile"
            label="react.title"
            short="react.short"
            on={reacting}
            disabled={!ready}
            onPress={() => setReacting(!reacting)}
          />
          {reacting && <ReactionBar onSend={onReact} />}
        </span>
      )}
      <ToolButton
        testid="toggle-activity"
        icon="activity"
        label="live.activity"
        short="live.activity.short"
        on={panel === 'activity'}
        count={panel === 'activity' ? 0 : waiting}
        onPress={() => toggle('activity')}
      />
      <ToolButton
        testid="toggle-chat"
        icon="chat"
        label="live.chat"
        short="live.chat"
        on={panel === 'chat'}
        count={panel === 'chat' ? 0 : unread}
        onPress={() => toggle('chat')}
      />
      <ToolButton
        testid="toggle-people"
        icon="people"
        label="live.people"
        short="live.people"
        on={panel === 'people'}
        count={view.people.length}
        quietCount
        onPress={() => toggle('people')}
      />
      <ToolButton testid="btn-leave" icon="leave" label="live.leave" short="live.leave" danger onPress={() => session.leave()} />
    </div>
  );
}

interface ToolButtonProps {
  testid: string;
  icon: IconName;
  label: Key;
  short: Key;
  /** Something of mine is closed (mic, camera). */
  off?: boolean;
  /** Something is switched on beyond the ordinary (screen, hand, a panel). */
  on?: boolean;
  danger?: boolean;
  disabled?: boolean;
  /** A number on the icon. */
  count?: number;
  quietCount?: boolean;
  onPress: () => unknown;
}

/** Larger numbers say no more, and take room. */
const COUNT_MAX = 99;

function ToolButton({ testid, icon, label, short, off, on, danger, disabled, count, quietCount, onPress }: ToolButtonProps) {
  const t = useT();
  const [full, brief] = [t(label), t(short)];
  return (
    <button
      type="button"
      className="tool"
      data-testid={testid}
      data-off={off}
      data-on={on}
      data-danger={danger}
      disabled={disabled}
      title={full}
      aria-pressed={on ?? (off === undefined ? undefined : !off)}
      onClick={() => void onPress()}
    >
      <span className="tool-icon">
        <Icon name={icon} />
        {count !== undefined && count > 0 && (
          <span className={quietCount ? 'dot quiet' : 'dot'} aria-hidden="true">
            {count > COUNT_MAX ? `${COUNT_MAX}+` : count}
          </span>
        )}
      </span>
      <span className="tool-label" aria-hidden="true">
        {brief}
      </span>
      {/* What is seen is part of what it is called: one may say "press Mic" to a machine. */}
      <span className="hidden-visually">
        {full.includes(brief) ? full : `${brief}: ${full}`}
        {count ? ` (${count})` : ''}
      </span>
    </button>
  );
}
