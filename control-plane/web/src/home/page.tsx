import { type ReactNode, useEffect, useState } from 'react';
import { useAccount } from '../account/context';
import { findClasses, myClasses, recommendations } from '../api/client';
import type { Class, ClassQuery } from '../api/contract';
import { Cards } from '../catalogue/card';
import { searchPath } from '../catalogue/filters';
import { SearchBox } from '../catalogue/search-box';
import { dyeOf, useCategories } from '../catalogue/use-categories';
import { type Key, useI18n } from '../i18n';
import { classHref, Link, navigate } from '../router';
import { Failure } from '../ui/failure';
import { Notice } from '../ui/notice';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';
import { nextUp } from './next-up';
import { dayAndHour } from '../i18n/time';
import './home.css';

/** How often the shelves are asked again while the page is in front. */
const REFRESH_MS = 15_000;
/** Books on a shelf; the rest is a search away. */
const SHELF_LENGTH = 6;

const SHELVES: readonly { when: NonNullable<ClassQuery['when']>; title: Key }[] = [
  { when: 'live', title: 'home.live' },
  { when: 'upcoming', title: 'home.upcoming' },
  { when: 'replay', title: 'home.replay' },
];

/** `/`: what is on now, what may suit, what comes, what can be watched again. */
export function HomePage() {
  return (
    <div className="page home">
      <Hero />
      <Shelves />
    </div>
  );
}

function WishBox() {
  const { t } = useI18n();
  return (
    <section className="home-wish">
      <div>
        <h2>{t('home.wish.title')}</h2>
        <p className="soft">{t('home.wish.text')}</p>
      </div>
      <Link className="button" href="/wishes" data-testid="home-wish">
        {t('home.wish.action')}
      </Link>
    </section>
  );
}

function Hero() {
  const { t, language } = useI18n();
  const { account, expected } = useAccount();
  const { categories } = useCategories();
  return (
    <section className="hero">
      <div className="hero-words">
        <h1>{t('app.tagline')}</h1>
        {!account && !expected && <p className="soft">{t('home.intro')}</p>}
      </div>
      <SearchBox value="" onSearch={(q) => navigate(searchPath({ q }))} />
      <nav className="categories" aria-label={t('home.categories')}>
        {categories.map((category) => (
          <Link key={category.id} className="chip" href={searchPath({ category: category.id })} data-dye={dyeOf(category.id)}>
            {category[language]}
          </Link>
        ))}
      </nav>
    </section>
  );
}

/** The one class that comes next for who is signed in. */
function NextClass({ next }: { next: Class }) {
  const { t, language } = useI18n();
  const live = next.state === 'live';
  return (
    <div className="next-class" data-testid="next-class" data-live={live}>
      <p>
        <span className="soft">{t(live ? 'home.next.live' : 'home.next')}</span>
        <b>{next.title}</b>
        {!live && next.starts_at_ms !== null && <span>{dayAndHour(language, next.starts_at_ms)}</span>}
      </p>
      <Link className={`button ${live ? 'primary' : ''}`} href={classHref(next.id, live ? '/room' : '')}>
        {t(live ? 'home.join' : 'home.next.open')}
      </Link>
    </div>
  );
}

type Found = Partial<Record<NonNullable<ClassQuery['when']>, Class[]>>;

function Shelves() {
  const { t, language } = useI18n();
  const { account, known, error: unknown, turn } = useAccount();
  const load = async (): Promise<Found> => {
    const lists = await Promise.all(SHELVES.map(({ when }) => findClasses({ when, limit: SHELF_LENGTH })));
    return Object.fromEntries(SHELVES.map(({ when }, index) => [when, lists[index]?.items ?? []]));
  };
  const { value: found, error, retry } = useLoad(load, [turn], REFRESH_MS);
  const { value: chosen } = useLoad(() => recommendations(SHELF_LENGTH), [turn]);
  const { value: mine } = useLoad(() => (account ? myClasses() : Promise.resolve(null)), [account?.id], REFRESH_MS * 4);
  const [patient, setPatient] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setPatient(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);

  if (!found) {
    return error === null ? <Skeleton shape="cards" count={6} /> : <Failure error={error} onRetry={retry} />;
  }
  // Shelves are put up together: one that comes late would push down what is being read.
  const waiting = !chosen || (account ? !mine : !known && unknown === null);
  if (waiting && !patient) return <Skeleton shape="cards" count={6} />;
  const empty = SHELVES.every(({ when }) => found[when]?.length === 0);
  const shelf = ({ when, title }: (typeof SHELVES)[number]) => (
    <Shelf key={when} id={when} title={t(title)} all={searchPath({ when })} classes={found[when] ?? []} />
  );
  const notes = Object.fromEntries((chosen ?? []).map((entry) => [entry.class.id, entry.reason[language]]));
  const [live, ...rest] = SHELVES;
  const next = mine && nextUp([...mine.teaching, ...mine.enrolled]);
  return (
    <div className="shelves">
      {next && <NextClass next={next} />}
      <Failure error={error} onRetry={retry} />
      {empty && <Empty />}
      {live && shelf(live)}
      <Shelf
        id="for-you"
        title={t(account ? 'home.for_you' : 'home.for_all')}
        classes={(chosen ?? []).map((entry) => entry.class)}
        notes={notes}
      />
      {rest.map(shelf)}
      <WishBox />
    </div>
  );
}

/** The shelves wait this long for the recommendations and for what is one's own. */
const PATIENCE_MS = 1_500;

interface ShelfProps {
  id: string;
  title: string;
  classes: readonly Class[];
  all?: string;
  notes?: Record<string, ReactNode>;
}

function Shelf({ id, title, classes, all, notes }: ShelfProps) {
  const { t } = useI18n();
  if (classes.length === 0) return null;
  return (
    <section className="shelf" aria-labelledby={`shelf-${id}`} data-testid={`shelf-${id}`}>
      <header>
        <h2 id={`shelf-${id}`}>{title}</h2>
        {all && (
          <Link href={all} className="shelf-all">
            {t('common.all')}
            <span className="hidden-visually">: {title}</span>
          </Link>
        )}
      </header>
      <Cards classes={classes} {...(notes ? { notes } : {})} />
    </section>
  );
}

function Empty() {
  const { t } = useI18n();
  const { account } = useAccount();
  const teaches = account && account.role !== 'student';
  return (
    <Notice
      title={t('home.empty.title')}
      text={t(teaches ? 'home.empty.teach' : 'home.empty.text')}
      testid="home-empty"
      action={
        teaches && (
          <Link className="button primary" href="/desk/new">
            {t('desk.new')}
          </Link>
        )
      }
    />
  );
}
