import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { deleteChat, muteChat, unmuteChat } from '../api/classroom';
import { PostStatus } from '../classroom/post-status';
import type { Line } from '../classroom/reading';
import { CHAT_LENGTH_MAX, type Classroom } from '../classroom/room';
import { useAction } from '../classroom/use-classroom';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { Icon } from '../ui/icons';
import { PanelFrame } from './panel-frame';

/** Nearer to the end than this, new messages keep the list at its end. */
const AT_END_PX = 80;

interface ChatPanelProps {
  room: Classroom;
  lines: readonly Line[];
  /** Whether the class's chat has been told yet: an empty list means nothing before. */
  known: boolean;
  canSend: boolean;
  /** Accounts whose chat is paused. */
  muted: ReadonlySet<string>;
  /** A quiz that has opened meanwhile. */
  notice: ReactNode;
  onClose: () => void;
}

export function ChatPanel({ room, lines, known, canSend, muted, notice, onClose }: ChatPanelProps) {
  const t = useT();
  const [text, setText] = useState('');
  const [said, setSaid] = useState('');
  const action = useAction();
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (atEnd.current) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [lines.length]);
  useEffect(() => void input.current?.focus({ preventScroll: true }), []);

  const send = (event: FormEvent) => {
    event.preventDefault();
    const message = text.trim();
    if (message === '') return;
    atEnd.current = true;
    room.say(message);
    setText('');
  };
  const mute = (who: { id: string; name: string }, on: boolean) =>
    void action.run(async () => {
      await (on ? muteChat(room.id, who.id) : unmuteChat(room.id, who.id));
      setSaid(t(on ? 'chat.muted.done' : 'chat.unmuted.done', { name: who.name }));
    });
  const hide = (id: string) =>
    void action.run(async () => {
      await deleteChat(room.id, id);
      room.feed.change((live) => ({ ...live, chat: live.chat.map((one) => (one.id === id ? { ...one, hidden: true } : one)) }));
    });

  return (
    <PanelFrame title={t('live.chat')} testid="panel-chat" onClose={onClose}>
      {notice}
      <div
        className="messages"
        role="log"
        aria-live="polite"
        aria-label={t('live.chat')}
        // It scrolls, so it can be reached by keyboard.
        tabIndex={0}
        ref={list}
        onScroll={({ currentTarget: box }) => {
          atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX;
        }}
      >
        {lines.length >= 100 && (
          <button
            type="button"
            className="quiet small"
            disabled={action.busy}
            onClick={() => void action.run(() => room.earlier())}
          >
            {t('chat.earlier')}
          </button>
        )}
        {lines.length === 0 && <p className="soft">{t(known ? 'live.chat.empty' : 'live.chat.unknown')}</p>}
        <ul>
          {lines.map((line) => (
            <MessageRow
              key={line.id}
              line={line}
              room={room}
              muted={muted.has(line.from.id)}
              onHide={() => hide(line.id)}
              onMute={(on) => mute(line.from, on)}
            />
          ))}
        </ul>
      </div>
      <p className="hidden-visually" role="status">
        {said}
      </p>
      {action.error != null && (
        <p className="field-error" role="alert">
          {explain(t, action.error)}
        </p>
      )}
      {!canSend && <p className="soft chat-form">{t('live.chat.readonly')}</p>}
      {canSend && muted.has(room.me.id) && (
        <p className="soft chat-form" role="status">
          {t('error.chat_muted')}
        </p>
      )}
      {canSend && !muted.has(room.me.id) && (
        <form className="chat-form" onSubmit={send}>
          <input
            type="text"
            ref={input}
            value={text}
            maxLength={CHAT_LENGTH_MAX}
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

interface MessageRowProps {
  line: Line;
  room: Classroom;
  muted: boolean;
  onHide: () => void;
  onMute: (on: boolean) => void;
}

function MessageRow({ line, room, muted, onHide, onMute }: MessageRowProps) {
  const t = useT();
  const [open, setOpen] = useState(false);
  const local = line.from.id === room.me.id;
  const manageable = !line.parcel && !line.hidden && (room.teaches || local);
  return (
    <li className="message" data-testid="chat-message" data-local={local} data-identity={line.from.id} data-hidden={line.hidden}>
      <p className="message-head">
        <b>{local ? t('common.here') : line.from.name}</b> <time className="soft">{timeOfDay(line.atMs)}</time>
        {manageable && (
          <button
            type="button"
            className="quiet more"
            aria-expanded={open}
            aria-label={t('chat.more', { name: line.from.name })}
            data-testid="chat-more"
            onClick={() => setOpen(!open)}
          >
            ⋯
          </button>
        )}
      </p>
      {line.hidden ? <p className="soft">{t('chat.hidden')}</p> : <p data-testid="chat-text">{line.text}</p>}
      {line.parcel && line.parcel.state !== 'arrived' && <PostStatus entry={line.parcel} outbox={room.outbox} quiet />}
      {open && manageable && (
        <span className="post-actions">
          <button type="button" className="small" data-testid="chat-hide" onClick={onHide}>
            {t(local ? 'chat.delete' : 'chat.hide')}
          </button>
          {!local && (
            <button
              type="button"
              className="small"
              aria-label={muted ? undefined : t('chat.mute', { name: line.from.name })}
              data-testid="chat-mute"
              onClick={() => onMute(!muted)}
            >
              {t(muted ? 'chat.unmute.short' : 'chat.mute.short')}
            </button>
          )}
        </span>
      )}
    </li>
  );
}

function timeOfDay(ms: number): string {
  const at = new Date(ms);
  return `${at.getHours()}:${String(at.getMinutes()).padStart(2, '0')}`;
}
