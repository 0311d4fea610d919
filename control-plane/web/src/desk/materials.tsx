import { type FormEvent, useRef, useState } from 'react';
import { addLink, ApiError, deleteMaterial, listMaterials, uploadMaterial } from '../api/client';
import { MaterialLink } from '../class/materials';
import { useI18n } from '../i18n';
import { percent } from '../i18n/format';
import { announce } from '../ui/announce';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { Icon } from '../ui/icons';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';

/** What the control plane takes in one file. */
const FILE_BYTES_MAX = 20 * 1024 * 1024;

/** Materials as their instructor sees them: files and links come and go. */
export function MaterialDesk({ id }: { id: string }) {
  const { t } = useI18n();
  const { value, error, retry } = useLoad(() => listMaterials(id), [id]);
  const file = useRef<HTMLInputElement>(null);
  const { busy, failure, run } = useSubmit();
  const [share, setShare] = useState<number | null>(null);

  const upload = async (chosen: File | undefined) => {
    if (!chosen) return;
    const went = await run(async () => {
      if (chosen.size > FILE_BYTES_MAX) throw new ApiError('too_large', chosen.name);
      setShare(0);
      await uploadMaterial(id, chosen, setShare);
    });
    setShare(null);
    if (file.current) file.current.value = '';
    if (!went) return;
    announce(t('materials.added'));
    retry();
  };
  const take = async (material: string) => {
    if (await run(() => deleteMaterial(id, material))) retry();
  };
  return (
    <>
      <Failure error={error} onRetry={retry} />
      {!value && error === null && <Skeleton shape="rows" count={2} />}
      {value?.length === 0 && <p className="soft">{t('class.materials.none')}</p>}
      {value && value.length > 0 && (
        <ul className="lines">
          {value.map((material) => (
            <li key={material.id}>
              <MaterialLink material={material} />
              <button
                type="button"
                className="quiet icon-only"
                disabled={busy}
                aria-label={t('materials.delete', { title: material.title })}
                onClick={() => void take(material.id)}
              >
                <Icon name="trash" size={20} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <Failure error={failure} />
      <div className="material-forms">
        <label className="button file-button" data-busy={busy}>
          <input
            ref={file}
            type="file"
            className="hidden-visually"
            disabled={busy}
            data-testid="material-file"
            onChange={(event) => void upload(event.target.files?.[0])}
          />
          <Icon name="file" size={18} />
          {share === null ? t('materials.file') : t('materials.sent', { share: percent(share) })}
        </label>
        {share !== null && <progress value={share} max={1} aria-label={t('materials.progress')} />}
        <LinkForm id={id} onAdded={retry} />
      </div>
      <p className="soft">{t('materials.limit')}</p>
    </>
  );
}

function LinkForm({ id, onAdded }: { id: string; onAdded: () => void }) {
  const { t } = useI18n();
  const [open, setOpen] = useState(false);
  const [title, setTitle] = useState('');
  const [url, setUrl] = useState('');
  const [checked, setChecked] = useState(false);
  const { busy, failure, run } = useSubmit();
  const good = /^https?:\/\/\S+$/i.test(url.trim());
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (!good) return focusFirstInvalid(event);
    const address = url.trim();
    if (!(await run(() => addLink(id, title.trim() || new URL(address).hostname, address)))) return;
    setTitle('');
    setUrl('');
    setChecked(false);
    setOpen(false);
    announce(t('materials.added'));
    onAdded();
  };
  if (!open) {
    return (
      <button type="button" onClick={() => setOpen(true)}>
        <Icon name="link" size={18} />
        {t('materials.link')}
      </button>
    );
  }
  return (
    <form className="sheet" onSubmit={(event) => void submit(event)} noValidate>
      <Field label={t('materials.link.url')} error={checked && !good && t('materials.link.wrong')}>
        {(control) => (
          <input
            {...control}
            type="url"
            inputMode="url"
            value={url}
            placeholder="https://"
            onChange={(event) => setUrl(event.target.value)}
          />
        )}
      </Field>
      <Field label={`${t('materials.link.title')} (${t('common.optional')})`}>
        {(control) => (
          <input {...control} type="text" maxLength={120} value={title} onChange={(event) => setTitle(event.target.value)} />
        )}
      </Field>
      <Failure error={failure} />
      <div className="dialog-actions">
        <button type="submit" className="primary" disabled={busy}>
          {t('materials.link')}
        </button>
        <button type="button" className="quiet" onClick={() => setOpen(false)}>
          {t('common.cancel')}
        </button>
      </div>
    </form>
  );
}
