import { getConfig, getDemand } from '../api/client';
import type { Demand, DemandTopic } from '../api/contract';
import { Part } from '../class/part';
import { useCategories } from '../catalogue/use-categories';
import { type Key, regionName, type Translate, useI18n } from '../i18n';
import { ko } from '../i18n/ko';
import { Link, navigate, useQuery } from '../router';
import { Failure } from '../ui/failure';
import { Notice } from '../ui/notice';
import { Bar, Sparkline } from '../ui/plot';
import { SignedIn } from '../ui/signed-in';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';
import { useTitle } from '../ui/use-title';
import { largest, trendOf } from './reading';
import './desk.css';

const WEEKS = [4, 12, 26] as const;
const TOP = 3;

/** `/demand`: what people wish for and search without finding; a class is one press away. */
export default function DemandPage() {
  const { t } = useI18n();
  useTitle(t('nav.demand'));
  return (
    <div className="page desk">
      <header className="page-head">
        <h1>{t('nav.demand')}</h1>
        <p className="soft">{t('demand.intro')}</p>
      </header>
      <SignedIn role="instructor">{() => <Board />}</SignedIn>
    </div>
  );
}

function Board() {
  const query = useQuery();
  const category = query.get('category') ?? '';
  const region = query.get('region') ?? '';
  const weeks = WEEKS.find((known) => String(known) === query.get('weeks')) ?? 12;
  const { value, error, retry } = useLoad(() => getDemand({ category, region, weeks }), [category, region, weeks]);
  return (
    <>
      <Narrowing category={category} region={region} weeks={weeks} />
      <Failure error={error} onRetry={retry} />
      {!value && error === null && <Skeleton shape="cards" />}
      {value && <Known demand={value} weeks={weeks} />}
    </>
  );
}

function Narrowing({ category, region, weeks }: { category: string; region: string; weeks: number }) {
  const { t, language } = useI18n();
  const { categories } = useCategories();
  const { value: config } = useLoad(getConfig, []);
  const go = (part: { category?: string; region?: string; weeks?: string }) => {
    const next = new URLSearchParams();
    for (const [name, value] of Object.entries({ category, region, weeks: String(weeks), ...part }))
      if (value) next.set(name, value);
    navigate(`/demand?${next}`, { replace: true });
  };
  return (
    <div className="filters" role="group" aria-label={t('filter.label')}>
      <label className="filter-choice" data-set={category !== ''}>
        <span className="hidden-visually">{t('form.category')}</span>
        <select value={category} data-testid="demand-category" onChange={(event) => go({ category: event.target.value })}>
          <option value="">{t('filter.category')}</option>
          {categories.map((known) => (
            <option key={known.id} value={known.id}>
              {known[language]}
            </option>
          ))}
        </select>
      </label>
      <label className="filter-choice" data-set={region !== ''}>
        <span className="hidden-visually">{t('profile.region')}</span>
        <select value={region} data-testid="demand-region" onChange={(event) => go({ region: event.target.value })}>
          <option value="">{t('demand.region.all')}</option>
          {config?.regions.map((known) => (
            <option key={known.id} value={known.id}>
              {regionName(t, known.id)}
            </option>
          ))}
        </select>
      </label>
      <label className="filter-choice">
        <span className="hidden-visually">{t('demand.weeks.label')}</span>
        <select value={weeks} onChange={(event) => go({ weeks: event.target.value })}>
          {WEEKS.map((known) => (
            <option key={known} value={known}>
              {t('demand.weeks', { n: known })}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function Known({ demand, weeks }: { demand: Demand; weeks: number }) {
  const { t } = useI18n();
  const { nameOf } = useCategories();
  if (demand.wishes.length + demand.searches.length === 0) {
    return <Notice title={t('demand.none')} text={t('demand.none.text')} testid="demand-empty" />;
  }
  const wanted = demand.categories.filter((entry) => entry.wishes + entry.searches > 0);
  const most = Math.max(1, ...wanted.map((entry) => entry.wishes + entry.searches));
  return (
    <div className="desk-body" data-testid="demand">
      {demand.wishes.length > 0 && (
        <Part id="wishes" title={t('demand.wishes')}>
          <ul className="topics">
            {demand.wishes.map((topic) => (
              <Topic key={topic.topic} topic={topic} weeks={weeks} />
            ))}
          </ul>
        </Part>
      )}
      {demand.searches.length > 0 && (
        <Part id="searches" title={t('demand.searches')}>
          <p className="soft">{t('demand.searches.text')}</p>
          <ul className="lines searches">
            {demand.searches.map((search) => (
              <li key={search.text} data-testid="demand-search">
                <b>{search.text}</b>
                <Sparkline values={search.weekly} label={t('demand.weekly', { weeks, list: search.weekly.join(', ') })} />
                <span className="soft">{t('demand.times', { n: search.n })}</span>
                <OpenClass title={search.text} />
              </li>
            ))}
          </ul>
        </Part>
      )}
      {wanted.length > 0 && (
        <Part id="categories" title={t('demand.categories')}>
          <div className="bars-list">
            {wanted.map((entry) => (
              <Bar
                key={entry.id}
                name={nameOf(entry.id)}
                share={(entry.wishes + entry.searches) / most}
                figure={t('demand.category', { wanted: entry.wishes + entry.searches, classes: entry.classes })}
              />
            ))}
          </div>
        </Part>
      )}
    </div>
  );
}

function Topic({ topic, weeks }: { topic: DemandTopic; weeks: number }) {
  const { t } = useI18n();
  const trend = trendOf(topic.weekly);
  const list = (parts: Record<string, number>, name: (id: string) => string) =>
    largest(parts, TOP)
      .map((part) => `${name(part.name)} ${part.n}`)
      .join(' · ');
  const facts: [string, string][] = [
    [t('profile.region'), list(topic.regions, (id) => regionName(t, id))],
    [t('form.level'), list(topic.levels, (id) => named(t, `level.${id}`, id))],
    [t('demand.when'), list(topic.times, (id) => named(t, `times.${id}`, id))],
  ];
  return (
    <li className="topic" data-testid="demand-wish">
      <header>
        <h3>{topic.topic}</h3>
        <p>
          <b>{t('demand.people', { n: topic.n })}</b> <span className={`trend ${trend}`}>{t(`demand.${trend}`)}</span>
        </p>
      </header>
      <Sparkline values={topic.weekly} label={t('demand.weekly', { weeks, list: topic.weekly.join(', ') })} />
      <dl>
        {facts.map(
          ([name, text]) =>
            text && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{text}</dd>
              </div>
            ),
        )}
      </dl>
      <OpenClass title={topic.topic} />
    </li>
  );
}

function OpenClass({ title }: { title: string }) {
  const { t } = useI18n();
  return (
    <Link className="button small" href={`/desk/new?${new URLSearchParams({ title })}`}>
      {t('demand.open')}
      <span className="hidden-visually">: {title}</span>
    </Link>
  );
}

/** A word for it where there is one, else as it came. */
function named(t: Translate, key: string, otherwise: string): string {
  return key in ko ? t(key as Key) : otherwise;
}
