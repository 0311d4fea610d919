import { type FormEvent, useState } from 'react';
import { useAccount } from '../account/context';
import { deleteWish, getClass, getConfig, listWishes, wishFor } from '../api/client';
import type { Level, NewWish, Wish, WishTime } from '../api/contract';
import { CategoryField, LevelField } from '../catalogue/fields';
import { useCategories } from '../catalogue/use-categories';
import { regionName, useI18n } from '../i18n';
import { classHref, Link } from '../router';
import { announce } from '../ui/announce';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { Icon } from '../ui/icons';
import { SignedIn } from '../ui/signed-in';
import { Skeleton } from '../ui/skeleton';
import { useDraft } from '../ui/use-draft';
import { useLoad } from '../ui/use-load';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';
import { useTitle } from '../ui/use-title';

export const TIMES: readonly WishTime[] = [
  'weekday-morning',
  'weekday-afternoon',
  'weekday-evening',
  'weekend-morning',
  'weekend-afternoon',
  'weekend-evening',
];
const TEXT_LENGTH_MAX = 120;

/** `/wishes`: what one would like to learn and cannot find. `?text=` and `?category=` fill the form in. */
export default function WishesPage() {
  const { t } = useI18n();
  useTitle(t('wish.title'));
  return (
    <div className="page narrow">
      <header className="page-head">
        <h1>{t('wish.title')}</h1>
        <p className="soft">{t('wish.intro')}</p>
      </header>
      <SignedIn>{() => <Wishes />}</SignedIn>
    </div>
  );
}

function Wishes() {
  const { t } = useI18n();
  const { value, error, retry } = useLoad(listWishes, []);
  return (
    <>
      <WishForm onMade={retry} />
      <section className="part" aria-labelledby="my-wishes">
        <header>
          <h2 id="my-wishes">{t('wish.mine')}</h2>
        </header>
        <Failure error={error} onRetry={retry} />
        {!value && error === null && <Skeleton shape="rows" count={2} />}
        {value?.length === 0 && <p className="soft">{t('wish.none')}</p>}
        {value && value.length > 0 && (
          <ul className="lines" data-testid="wishes">
            {value.map((wish) => (
              <WishLine key={wish.id} wish={wish} onGone={retry} />
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

interface Entry {
  text: string;
  category: string;
  level: Level;
  times: WishTime[];
  region: string;
}

function WishForm({ onMade }: { onMade: () => void }) {
  const { t, language } = useI18n();
  const { account } = useAccount();
  const { value: config } = useLoad(getConfig, []);
  const asked = new URLSearchParams(location.search);
  const [entry, change, forget] = useDraft<Entry>(`wish${location.search}`, {
    text: asked.get('text')?.slice(0, TEXT_LENGTH_MAX) ?? '',
    category: asked.get('category') ?? '',
    level: 'any',
    times: [],
    region: account?.region ?? '',
  });
  const [checked, setChecked] = useState(false);
  const { busy, failure, run } = useSubmit();

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (entry.text.trim() === '') return focusFirstInvalid(event);
    const went = await run(() => wishFor(wishOf(entry, language)));
    if (!went) return;
    change({ text: '', times: [] });
    forget();
    setChecked(false);
    announce(t('wish.made'));
    onMade();
  };
  const toggle = (time: WishTime) =>
    change({ times: entry.times.includes(time) ? entry.times.filter((known) => known !== time) : [...entry.times, time] });
  return (
    <form className="sheet" onSubmit={(event) => void submit(event)} noValidate data-testid="wish-form">
      <Field
        label={t('wish.text')}
        hint={t('wish.text.hint')}
        error={checked && entry.text.trim() === '' && t('wish.text.need')}
      >
        {(control) => (
          <input
            {...control}
            type="text"
            maxLength={TEXT_LENGTH_MAX}
            value={entry.text}
            data-testid="wish-text"
            onChange={(event) => change({ text: event.target.value })}
          />
        )}
      </Field>
      <div className="fields">
        <CategoryField
          value={entry.category}
          none={t('wish.category.any')}
          onChange={(category) => change({ category })}
        />
        <LevelField value={entry.level} onChange={(level) => change({ level })} />
        <Field label={t('profile.region')}>
          {(control) => (
            <select {...control} value={entry.region} onChange={(event) => change({ region: event.target.value })}>
              <option value="">{t('profile.region.none')}</option>
              {config?.regions.map((region) => (
                <option key={region.id} value={region.id}>
                  {regionName(t, region.id)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <fieldset className="chips-field">
        <legend>{t('wish.times')}</legend>
        <div className="chips">
          {TIMES.map((time) => (
            <button
              key={time}
              type="button"
              className="chip"
              aria-pressed={entry.times.includes(time)}
              data-testid={`wish-time-${time}`}
              onClick={() => toggle(time)}
            >
              {t(`times.${time}`)}
            </button>
          ))}
        </div>
      </fieldset>
      <Failure error={failure} />
      <button type="submit" className="primary" disabled={busy} data-testid="wish-submit">
        {t(busy ? 'common.sending' : 'wish.submit')}
      </button>
    </form>
  );
}

function wishOf(entry: Entry, language: 'ko' | 'en'): NewWish {
  return {
    text: entry.text.trim(),
    level: entry.level,
    language,
    ...(entry.category ? { category: entry.category } : {}),
    ...(entry.times.length > 0 ? { times: entry.times } : {}),
    ...(entry.region ? { region: entry.region } : {}),
  };
}

function WishLine({ wish, onGone }: { wish: Wish; onGone: () => void }) {
  const { t } = useI18n();
  const { nameOf } = useCategories();
  const { busy, failure, run } = useSubmit();
  const take = async () => {
    if (await run(() => deleteWish(wish.id))) {
      announce(t('wish.gone'));
      onGone();
    }
  };
  return (
    <li data-testid="wish">
      <div className="wish-words">
        <b>{wish.text}</b>
        <span className="soft">
          {[
            wish.category && nameOf(wish.category),
            wish.level && t(`level.${wish.level}`),
            wish.times.map((time) => t(`times.${time}`)).join(', '),
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
        {wish.matched.map((id) => (
          <Match key={id} id={id} />
        ))}
        <Failure error={failure} />
      </div>
      <button
        type="button"
        className="quiet icon-only"
        disabled={busy}
        aria-label={t('wish.delete', { text: wish.text })}
        onClick={() => void take()}
      >
        <Icon name="trash" size={20} />
      </button>
    </li>
  );
}

/** A class that answers a wish. */
function Match({ id }: { id: string }) {
  const { t } = useI18n();
  const { value } = useLoad(() => getClass(id), [id]);
  return (
    <Link className="wish-match" href={classHref(id)} data-testid="wish-match">
      <Icon name="check" size={18} />
      {t('wish.matched', { title: value?.title ?? '…' })}
    </Link>
  );
}
