import { changeClass, createClass, getClass } from '../api/client';
import type { ClassDetail } from '../api/contract';
import { useI18n } from '../i18n';
import { deskHref, Link, navigate } from '../router';
import { announce } from '../ui/announce';
import { Failure } from '../ui/failure';
import { Skeleton } from '../ui/skeleton';
import { useDraft } from '../ui/use-draft';
import { useLoad } from '../ui/use-load';
import { blankEntry, changesOf, entryOf, specOf } from './entry';
import { ClassForm } from './form';
import { DeskHead } from './head';

/** `/desk/new`. `?title=` and `?category=` come from the demand board. */
export function NewPage() {
  const { t, language } = useI18n();
  const asked = new URLSearchParams(location.search);
  const [entry, change, forget] = useDraft(`class${location.search}`, {
    ...blankEntry(language),
    title: asked.get('title') ?? '',
    category: asked.get('category') ?? '',
  });
  return (
    <>
      <header className="desk-head">
        <Link href="/desk" className="back">
          ← {t('nav.desk')}
        </Link>
        <h1>{t('desk.new')}</h1>
      </header>
      <ClassForm
        fresh
        entry={entry}
        change={change}
        action={t('form.create')}
        onSave={async () => {
          const made = await createClass(specOf(entry));
          forget();
          announce(t('form.created'));
          navigate(deskHref(made.id));
        }}
      />
    </>
  );
}

export function EditPage({ id }: { id: string }) {
  const { value, error, retry } = useLoad(() => getClass(id), [id]);
  return (
    <>
      <DeskHead entry={value} id={id} tab="/edit" />
      <Failure error={error} onRetry={retry} />
      {!value && error === null && <Skeleton count={6} />}
      {value && <Edit key={value.id} known={value} />}
    </>
  );
}

function Edit({ known }: { known: ClassDetail }) {
  const { t } = useI18n();
  const [entry, change, forget] = useDraft(`class.${known.id}`, entryOf(known));
  return (
    <ClassForm
      fresh={false}
      entry={entry}
      change={change}
      action={t('common.save')}
      onSave={async () => {
        const changes = changesOf(entryOf(known), entry);
        if (Object.keys(changes).length > 0) await changeClass(known.id, changes);
        forget();
        announce(t('common.saved'));
        navigate(deskHref(known.id));
      }}
    />
  );
}
