import { type FormEvent, useState } from 'react';
import { getClass, keepTrying } from '../api/client';
import { listThreads, newId, startThread } from '../api/classroom';
import type { Thread } from '../api/contract';
import { useI18n } from '../i18n';
import { ago, clock } from '../i18n/format';
import { classHref, Link, navigate, useQuery } from '../router';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { Icon } from '../ui/icons';
import { Notice } from '../ui/notice';
import { Skeleton } from '../ui/skeleton';
import { useDraft } from '../ui/use-draft';
import { useLoad } from '../ui/use-load';
import { usePages } from '../ui/use-pages';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';
import { useTitle } from '../ui/use-title';

const TITLE_LENGTH_MAX = 120;
const TEXT_LENGTH_MAX = 4000;
/** A question is sent again for this long; its id makes it one question. */
const TRY_MS = 15_000;

/** `/class/{id}/board`. `?minute_ms=` asks about a moment of the class. */
export function ThreadList({ id }: { id: string }) {
  const { t } = useI18n();
  const asked = useQuery();
  const { value: entry } = useLoad(() => getClass(id), [id]);
  const pages = usePages<Thread>((cursor) => listThreads(id, cursor), [id]);
  const [writing, setWriting] = useState(asked.has('minute_ms'));
  useTitle(entry ? `${t('class.board')} · ${entry.title}` : t('class.board'));
  return (
    <div className="page narrow board" data-testid="board">
      <header className="page-head">
        <Link href={classHref(id)} className="back">
          ← {entry?.title ?? t('board.back')}
        </Link>
        <div className="head-row">
          <h1>{t('class.board')}</h1>
          {!writing && (
            <button type="button" className="primary" data-testid="board-new" onClick={() => setWriting(true)}>
              <Icon name="plus" size={18} />
              {t('board.new')}
            </button>
          )}
        </div>
      </header>
      {writing && <NewThreadForm id={id} onClose={() => setWriting(false)} />}
      <Failure error={pages.error} onRetry={pages.retry} />
      {!pages.items && pages.error === null && <Skeleton shape="rows" count={4} />}
      {pages.items?.length === 0 && <Notice title={t('board.none')} text={t('board.none.text')} testid="board-empty" />}
      {pages.items && pages.items.length > 0 && (
        <ul className="lines threads">
          {pages.items.map((thread) => (
            <ThreadLine key={thread.id} id={id} thread={thread} />
          ))}
        </ul>
      )}
      {pages.more && (
        <button type="button" className="load-more" disabled={pages.busy} onClick={pages.loadMore}>
          {t(pages.busy ? 'common.loading' : 'common.more')}
        </button>
      )}
    </div>
  );
}

function ThreadLine({ id, thread }: { id: string; thread: Thread }) {
  const { t } = useI18n();
  return (
    <li data-testid="thread">
      <Link className="line-link thread-line" href={classHref(id, `/board/${encodeURIComponent(thread.id)}`)}>
        <span className="thread-mark" data-accepted={thread.accepted}>
          {thread.accepted ? <Icon name="check" size={18} /> : <b>{thread.replies}</b>}
          <span className="hidden-visually">
            {thread.accepted ? t('board.accepted') : t('board.replies', { n: thread.replies })}
          </span>
        </span>
        <span className="thread-words">
          <span className="thread-title">{thread.title}</span>
          <span className="soft">
            {thread.from.name} · {ago(t, thread.at_ms, Date.now())}
            {thread.minute_ms !== undefined && ` · ${t('board.minute', { at: clock(thread.minute_ms) })}`}
          </span>
        </span>
      </Link>
    </li>
  );
}

function NewThreadForm({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useI18n();
  const minute = Number(useQuery().get('minute_ms') ?? Number.NaN);
  const [entry, change, forget] = useDraft(`board.${id}`, { key: newId(), title: '', text: '' });
  const [checked, setChecked] = useState(false);
  const { busy, failure, run } = useSubmit();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (entry.title.trim() === '' || entry.text.trim() === '') return focusFirstInvalid(event);
    const spec = {
      id: entry.key,
      title: entry.title.trim(),
      text: entry.text.trim(),
      ...(Number.isFinite(minute) ? { minute_ms: minute } : {}),
    };
    const went = await run(async () => {
      const made = await keepTrying(() => startThread(id, spec), { maxMs: TRY_MS });
      forget();
      navigate(classHref(id, `/board/${encodeURIComponent(made.id)}`));
    });
    if (went) onClose();
  };
  return (
    <form className="sheet" onSubmit={(event) => void submit(event)} noValidate data-testid="thread-form">
      {Number.isFinite(minute) && <p className="badge">{t('board.about', { at: clock(minute) })}</p>}
      <Field label={t('board.title')} error={checked && entry.title.trim() === '' && t('board.title.need')}>
        {(control) => (
          <input
            {...control}
            type="text"
            maxLength={TITLE_LENGTH_MAX}
            value={entry.title}
            data-testid="thread-title"
            onChange={(event) => change({ title: event.target.value })}
          />
        )}
      </Field>
      <Field
        label={t('board.text')}
        hint={t('board.text.hint')}
        error={checked && entry.text.trim() === '' && t('board.text.need')}
      >
        {(control) => (
          <textarea
            {...control}
            rows={5}
            maxLength={TEXT_LENGTH_MAX}
            value={entry.text}
            data-testid="thread-text"
            onChange={(event) => change({ text: event.target.value })}
          />
        )}
      </Field>
      <Failure error={failure} />
      <div className="dialog-actions">
        <button type="submit" className="primary" disabled={busy} data-testid="thread-submit">
          {t(busy ? 'common.sending' : 'board.submit')}
        </button>
        <button type="button" className="quiet" onClick={onClose}>
          {t('common.cancel')}
        </button>
      </div>
    </form>
  );
}
