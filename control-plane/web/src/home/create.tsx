import { type FormEvent, useEffect, useRef, useState } from 'react';
import { createClass } from '../api/client';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { navigate } from '../router';
import { ErrorNotice } from '../ui/notice';

/** A few words to open a class with; then straight on to its door. */
export function CreateClass({ onClose }: { onClose: () => void }) {
  const t = useT();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const [needTitle, setNeedTitle] = useState(false);
  const title = useRef<HTMLInputElement>(null);
  useEffect(() => void title.current?.focus(), []);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '').trim();
    if (text('title') === '') {
      setNeedTitle(true);
      title.current?.focus();
      return;
    }
    setBusy(true);
    setFailure(null);
    try {
      const made = await createClass({
        title: text('title'),
        description: text('description'),
        recorded: form.get('recorded') !== null,
      });
      navigate(`/class/${encodeURIComponent(made.id)}`);
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };

  return (
    <form className="create" onSubmit={submit} noValidate aria-labelledby="create-heading">
      <h2 id="create-heading">{t('create.title')}</h2>
      <div className="field">
        <label htmlFor="create-title">{t('create.field.title')}</label>
        <input
          id="create-title"
          name="title"
          type="text"
          ref={title}
          maxLength={120}
          autoComplete="off"
          required
          placeholder={t('create.field.title.hint')}
          data-testid="create-title"
          aria-invalid={needTitle}
          aria-describedby={needTitle ? 'create-title-error' : undefined}
          onChange={() => setNeedTitle(false)}
        />
        {needTitle && (
          <p id="create-title-error" className="field-error" role="alert">
            {t('create.need_title')}
          </p>
        )}
      </div>
      <div className="field">
        <label htmlFor="create-description">{t('create.field.description')}</label>
        <textarea id="create-description" name="description" rows={2} maxLength={1000} data-testid="create-description" />
      </div>
      <label className="check field">
        <input type="checkbox" name="recorded" defaultChecked data-testid="create-recorded" />
        <span>{t('create.field.recorded')}</span>
        <span className="hint">{t('create.field.recorded.hint')}</span>
      </label>
      {failure !== null && <ErrorNotice text={explain(t, failure)} />}
      <div className="create-actions">
        <button type="submit" className="primary" disabled={busy} data-testid="create-submit">
          {t(busy ? 'create.busy' : 'create.submit')}
        </button>
        <button type="button" className="quiet" onClick={onClose}>
          {t('common.cancel')}
        </button>
      </div>
    </form>
  );
}
