import { useEffect, useState } from 'react';
import { findClasses } from '../api/client';
import type { Class } from '../api/contract';
import { useT } from '../i18n';
import { Link, navigate, useQuery } from '../router';
import { Failure } from '../ui/failure';
import { Notice } from '../ui/notice';
import { Skeleton } from '../ui/skeleton';
import { usePages } from '../ui/use-pages';
import { useTitle } from '../ui/use-title';
import { Cards } from './card';
import { FilterBar } from './filter-bar';
import { type Filters, filtersOf, narrowed, searchPath } from './filters';
import { SearchBox } from './search-box';

/** `/search`: the whole catalogue, narrowed by what the address says. */
export default function SearchPage() {
  const t = useT();
  const filters = filtersOf(useQuery());
  const key = searchPath(filters);
  const found = usePages<Class>((cursor) => findClasses({ ...filters, ...(cursor ? { cursor } : {}) }), [key]);
  useTitle(filters.q ? t('search.title.of', { text: filters.q }) : t('search.title'));
  const change = (next: Filters) => navigate(searchPath(next), { replace: true });
  return (
    <div className="page search">
      <header className="page-head">
        <h1>{t('search.title')}</h1>
        <SearchBox value={filters.q ?? ''} onSearch={(q) => change({ ...filters, q })} />
      </header>
      <FilterBar filters={filters} onChange={change} />
      <section aria-label={t('search.results')} aria-busy={found.busy} className="results">
        <ResultCount found={found.items} more={found.more} filters={filters} />
        <Failure error={found.error} onRetry={found.retry} />
        {!found.items && found.error === null && <Skeleton shape="cards" count={6} />}
        {found.items && found.items.length > 0 && <Cards classes={found.items} />}
        {found.items?.length === 0 && <Nothing filters={filters} />}
        {found.more && (
          <button type="button" className="load-more" disabled={found.busy} onClick={found.loadMore} data-testid="more">
            {t(found.busy ? 'common.loading' : 'common.more')}
          </button>
        )}
      </section>
    </div>
  );
}

/** How many there are, also for those who only hear the page. */
function ResultCount({ found, more, filters }: { found: Class[] | null; more: boolean; filters: Filters }) {
  const t = useT();
  const [text, setText] = useState('');
  const n = found?.length;
  useEffect(() => {
    if (n === undefined) return;
    const count = more ? t('search.count.more', { n }) : t('search.count', { n });
    setText(filters.q ? t('search.count.of', { text: filters.q, count }) : count);
  }, [n, more, filters.q, t]);
  return (
    <p className="soft results-count" role="status" data-testid="search-count">
      {text}
    </p>
  );
}

/** Nothing found is where a wish begins. */
function Nothing({ filters }: { filters: Filters }) {
  const t = useT();
  const wish = `/wishes?${new URLSearchParams({
    ...(filters.q ? { text: filters.q } : {}),
    ...(filters.category ? { category: filters.category } : {}),
  })}`;
  return (
    <Notice
      title={filters.q ? t('search.none.of', { text: filters.q }) : t('search.none')}
      text={t('search.none.text')}
      testid="search-empty"
      action={
        <>
          <Link className="button primary" href={wish} data-testid="wish-from-search">
            {t('search.wish')}
          </Link>
          {narrowed(filters) > 0 && (
            <Link className="button" href={searchPath(filters.q ? { q: filters.q } : {})}>
              {t('search.widen')}
            </Link>
          )}
        </>
      }
    />
  );
}
