import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { regionName, useT } from '../i18n';
import { Icon } from '../ui/icons';
import type { ChatMessage, LiveSession, Person } from './view';

function PanelFrame({
  title,
  testid,
  onClose,
  children,
}: {
  title: string;
  testid: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const t = useT();
  return (
    <aside
      className="panel"
      aria-label={title}
      data-testid={testid}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <header>
        <h2>{title}</h2>
        <button type="button" className="quiet icon-only" aria-label={t('common.close')} onClick={onClose}>
          <Icon name="close" size={20} />
        </button>
      </header>
      {children}
    </aside>
  );
}

interface ChatPanelProps {
  session: LiveSession;
  messages: readonly ChatMessage[];
  canSend: boolean;
  onClose: () => void;
}

export function ChatPanel({ session, messages, canSend, onClose }: ChatPanelProps) {
  const t = useT();
  const [text, setText] = useState('');
  const [failed, setFailed] = useState(false);
  const end = useRef<HTMLLIElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => void end.current?.scrollIntoView({ block: 'nearest' }), [messages.length]);
  useEffect(() => void input.current?.focus({ preventScroll: true }), []);

  const send = async (event: FormEvent) => {
    event.preventDefault();
    const message = text.trim();
    if (message === '') return;
    setFailed(false);
    setText('');
    try {
      await session.sendChat(message);
    } catch {
      setText((since) => since || message);
      setFailed(true);
    }
  };

  return (
    <PanelFrame title={t('live.chat')} testid="panel-chat" onClose={onClose}>
      <ol className="messages" role="log" aria-live="polite" aria-label={t('live.chat')}>
        {messages.length === 0 && <li className="soft">{t('live.chat.empty')}</li>}
        {messages.map((message) => (
          <li
            key={message.id}
            className="message"
            data-testid="chat-message"
            data-local={message.local}
            data-identity={message.identity}
          >
            <p className="message-head">
              <b>{message.local ? t('common.here') : message.name}</b> <time className="soft">{timeOfDay(message.atMs)}</time>
            </p>
            <p data-testid="chat-text">{message.text}</p>
          </li>
        ))}
        <li ref={end} aria-hidden="true" />
      </ol>
      {failed && (
        <p className="field-error" role="alert">
          {t('live.chat.failed')}
        </p>
      )}
      {!canSend && <p className="soft chat-form">{t('live.chat.readonly')}</p>}
      {canSend && (
        <form className="chat-form" onSubmit={send}>
          <input
            type="text"
            ref={input}
            value={text}
            maxLength={4000}
            autoComplete="off"
            enterKeyHint="send"
            data-testid="chat-input"
            aria-label={t('live.chat.placeholder')}
            placeholder={t('live.chat.placeholder')}
            onChange={(event) => setText(event.target.value)}
          />
          <button type="submit" className="primary icon-only" aria-label={t('live.chat.send')} data-testid="chat-send">
            <Icon name="send" size={20} />
          </button>
        </form>
      )}
    </PanelFrame>
  );
}

function timeOfDay(ms: number): string {
  const at = new Date(ms);
  return `${at.getHours()}:${String(at.getMinutes()).padStart(2, '0')}`;
}

const BARS = { excellent: 3, good: 2, poor: 1, lost: 0, unknown: 0 } as const;

export function PeoplePanel({ people, onClose }: { people: readonly Person[]; onClose: () => void }) {
  const t = useT();
  // Raised hands first, in the order they went up.
  const ordered = [...people].sort((a, b) => (a.handAt || Infinity) - (b.handAt || Infinity) || 0);
  return (
    <PanelFrame title={t('live.people.count', { count: people.length })} testid="panel-people" onClose={onClose}>
      <ul className="people">
        {ordered.map((person) => (
          <li
            key={person.identity}
            className="person"
            data-testid="person"
            data-identity={person.identity}
            data-hand={person.handAt > 0}
            data-muted={!person.micOpen}
            data-quality={person.quality}
          >
            <span className="person-who">
              <b>
                {person.name}
                {person.local && ` (${t('common.here')})`}
              </b>
              <small className="soft">
                {[
                  person.role === 'instructor' ? t('live.role.instructor') : null,
                  person.region && regionName(t, person.region),
                  person.edge,
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </small>
            </span>
            {person.handAt > 0 && (
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
          </li>
        ))}
      </ul>
    </PanelFrame>
  );
}
