import { type FormEvent, useState } from 'react';
import { getClass, keepTrying } from '../api/client';
import { accept, deleteThread, getThread, newId, reply } from '../api/classroom';
import type { Account, ClassDetail, Reply, ThreadDetail } from '../api/contract';
import { useI18n } from '../i18n';
import { ago, clock } from '../i18n/format';
import { classHref, Link, navigate, replayHref } from '../router';
import { announce } from '../ui/announce';
import { Dialog } from '../ui/dialog';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { Icon } from '../ui/icons';
import { Skeleton } from '../ui/skeleton';
import { useDraft } from '../ui/use-draft';
import { useLoad } from '../ui/use-load';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';
import { useTitle } from '../ui/use-title';

const REFRESH_MS = 15_000;
const TEXT_LENGTH_MAX = 4000;
const TRY_MS = 15_000;

export function ThreadPage({ id, thread, account }: { id: string; thread: string; account: Account }) {
  const { t } = useI18n();
  const { value: entry } = useLoad(() => getClass(id), [id]);
  const { value, error, retry } = useLoad(() => getThread(id, thread), [id, thread], REFRESH_MS);
  useTitle(value?.thread.title ?? t('class.board'));
  return (
    <div className="page narrow board" data-testid="thread-page">
      <Link href={classHref(id, '/board')} className="back">
        ← {t('class.board')}
        {entry && ` · ${entry.title}`}
      </Link>
      <Failure error={error} onRetry={retry} />
      {!value && error === null && <Skeleton count={5} />}
      {value && <Discussion id={id} detail={value} entry={entry} account={account} onChanged={retry} />}
    </div>
  );
}

interface DiscussionProps {
  id: string;
  detail: ThreadDetail;
  entry: ClassDetail | null;
  account: Account;
  onChanged: () => void;
}

function Discussion({ id, detail, entry, account, onChanged }: DiscussionProps) {
  const { t } = useI18n();
  const { thread, replies } = detail;
  const teaches = entry?.mine.teaches ?? false;
  const own = account.id === thread.from.id;
  const mayAccept = own || teaches;
  // The accepted answer first: it is what most come for.
  const ordered = [...replies].sort((a, b) => Number(b.accepted) - Number(a.accepted) || a.at_ms - b.at_ms);
  return (
    <>
      <article className="thread">
        <h1>{thread.title}</h1>
        <p className="soft">
          {thread.from.name} · {ago(t, thread.at_ms, Date.now())}
          {thread.minute_ms !== undefined && (
            <>
              {' · '}
              <Link href={`${replayHref(id)}?t=${Math.floor(thread.minute_ms / 1000)}`}>
                {t('board.watch', { at: clock(thread.minute_ms) })}
              </Link>
            </>
          )}
        </p>
        {thread.text && <p className="posting">{thread.text}</p>}
        {(own || teaches || account.role === 'admin') && <Delete id={id} thread={thread.id} />}
      </article>
      <section className="part" aria-labelledby="replies">
        <header>
          <h2 id="replies">{t('board.replies', { n: replies.length })}</h2>
        </header>
        {replies.length === 0 && <p className="soft">{t('board.replies.none')}</p>}
        <ol className="replies">
          {ordered.map((answer) => (
            <ReplyView
              key={answer.id}
              answer={answer}
              {...(mayAccept && !answer.accepted ? { onAccept: () => accept(id, thread.id, answer.id) } : {})}
              onChanged={onChanged}
            />
          ))}
        </ol>
      </section>
      <ReplyForm id={id} thread={thread.id} onSent={onChanged} />
    </>
  );
}

interface ReplyViewProps {
  answer: Reply;
  onAccept?: () => Promise<unknown>;
  onChanged: () => void;
}

function ReplyView({ answer, onAccept, onChanged }: ReplyViewProps) {
  const { t } = useI18n();
  const { busy, failure, run } = useSubmit();
  const take = async () => {
    if (onAccept && (await run(onAccept))) {
      announce(t('board.accepted.said'));
      onChanged();
    }
  };
  return (
    <li className="reply" data-testid="reply" data-accepted={answer.accepted}>
      <p className="reply-head">
        <b>{answer.from.name}</b>
        {answer.instructor && <span className="badge">{t('role.instructor')}</span>}
        {answer.accepted && (
          <span className="badge" data-tone="good">
            <Icon name="check" size={14} /> {t('board.chosen')}
          </span>
        )}
        <span className="soft">{ago(t, answer.at_ms, Date.now())}</span>
      </p>
      <p className="posting">{answer.text}</p>
      {onAccept && (
        <button type="button" className="quiet small" disabled={busy} data-testid="accept" onClick={() => void take()}>
          <Icon name="check" size={18} />
          {t('board.accept')}
        </button>
      )}
      <Failure error={failure} />
    </li>
  );
}

function ReplyForm({ id, thread, onSent }: { id: string; thread: string; onSent: () => void }) {
  const { t } = useI18n();
  const [entry, change, forget] = useDraft(`reply.${thread}`, { key: newId(), text: '' });
  const [checked, setChecked] = useState(false);
  const { busy, failure, run } = useSubmit();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (entry.text.trim() === '') return focusFirstInvalid(event);
    const spec = { id: entry.key, text: entry.text.trim() };
    const went = await run(() => keepTrying(() => reply(id, thread, spec), { maxMs: TRY_MS }));
    if (!went) return;
    change({ key: newId(), text: '' });
    forget();
    setChecked(false);
    announce(t('board.replied'));
    onSent();
  };
  return (
    <form className="sheet" onSubmit={(event) => void submit(event)} noValidate>
      <Field label={t('board.reply')} error={checked && entry.text.trim() === '' && t('board.reply.need')}>
        {(control) => (
          <textarea
            {...control}
            rows={4}
            maxLength={TEXT_LENGTH_MAX}
            value={entry.text}
            data-testid="reply-text"
            onChange={(event) => change({ text: event.target.value })}
          />
        )}
      </Field>
      <Failure error={failure} />
      <div className="dialog-actions">
        <button type="submit" className="primary" disabled={busy} data-testid="reply-submit">
          {t(busy ? 'common.sending' : 'board.reply.submit')}
        </button>
      </div>
    </form>
  );
}

function Delete({ id, thread }: { id: string; thread: string }) {
  const { t } = useI18n();
  const [open, setOpen] = useState(false);
  const { busy, failure, run } = useSubmit();
  const erase = async () => {
    if (await run(() => deleteThread(id, thread))) {
      announce(t('board.deleted'));
      navigate(classHref(id, '/board'), { replace: true });
    }
  };
  return (
    <>
      <button type="button" className="quiet small thread-delete" onClick={() => setOpen(true)}>
        <Icon name="trash" size={18} />
        {t('common.delete')}
      </button>
      {open && (
        <Dialog title={t('board.delete')} onClose={() => setOpen(false)}>
          <p>{t('board.delete.text')}</p>
          <Failure error={failure} />
          <div className="dialog-actions">
            <button type="button" className="danger" disabled={busy} onClick={() => void erase()}>
              {t('common.delete')}
            </button>
            <button type="button" onClick={() => setOpen(false)}>
              {t('common.cancel')}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
