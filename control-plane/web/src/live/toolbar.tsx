import { type ReactNode, useState } from 'react';
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
      {view.canPublish && (
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
          {'getDisplayMedia' in navigator.mediaDevices && (
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
        </>
      )}
      {student && (
        <ToolButton
          testid="btn-hand"
          icon="hand"
          label={hand.up ? 'live.hand.off' : 'live.hand.on'}
          short="live.hand.short"
          on={hand.up}
          disabled={!ready}
          onPress={() => hand.toggle()}
        >
          {hand.place > 0 && <span className="dot quiet">{hand.place}</span>}
        </ToolButton>
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
        onPress={() => toggle('activity')}
      >
        {waiting > 0 && panel !== 'activity' && <span className="dot">{waiting}</span>}
      </ToolButton>
      <ToolButton
        testid="toggle-chat"
        icon="chat"
        label="live.chat"
        short="live.chat"
        on={panel === 'chat'}
        onPress={() => toggle('chat')}
      >
        {unread > 0 && panel !== 'chat' && <span className="dot">{unread > 99 ? '99+' : unread}</span>}
      </ToolButton>
      <ToolButton
        testid="toggle-people"
        icon="people"
        label="live.people"
        short="live.people"
        on={panel === 'people'}
        onPress={() => toggle('people')}
      >
        <span className="dot quiet">{view.people.length}</span>
      </ToolButton>
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
  onPress: () => unknown;
  children?: ReactNode;
}

function ToolButton({ testid, icon, label, short, off, on, danger, disabled, onPress, children }: ToolButtonProps) {
  const t = useT();
  return (
    <button
      type="button"
      className="tool"
      data-testid={testid}
      data-off={off}
      data-on={on}
      data-danger={danger}
      disabled={disabled}
      aria-label={t(label)}
      title={t(label)}
      aria-pressed={on ?? (off === undefined ? undefined : !off)}
      onClick={() => void onPress()}
    >
      <span className="tool-icon">
        <Icon name={icon} />
        {children}
      </span>
      <span className="tool-label" aria-hidden="true">
        {t(short)}
      </span>
    </button>
  );
}
