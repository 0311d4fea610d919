import { myClasses } from '../api/client';
import type { Class, MyClasses } from '../api/contract';
import { Cards } from '../catalogue/card';
import { useI18n } from '../i18n';
import { Link } from '../router';
import { Failure } from '../ui/failure';
import { Notice } from '../ui/notice';
import { SignedIn } from '../ui/signed-in';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';
import { useTitle } from '../ui/use-title';
import { byState } from './by-state';

const REFRESH_MS = 20_000;

/** `/mine`: what I take, by what I can do with it now. */
export default function MinePage() {
  const { t } = useI18n();
  useTitle(t('nav.mine'));
  return (
    <div className="page mine">
      <header className="page-head">
        <h1>{t('nav.mine')}</h1>
      </header>
      <SignedIn>{() => <Mine />}</SignedIn>
    </div>
  );
}

function Mine() {
  const { value, error, retry } = useLoad(myClasses, [], REFRESH_MS);
  return (
    <>
      <Failure error={error} onRetry={retry} />
      {!value && error === null && <Skeleton shape="cards" />}
      {value && <Lists mine={value} />}
    </>
  );
}

function Lists({ mine }: { mine: MyClasses }) {
  const { t } = useI18n();
  const taken = byState(mine.enrolled);
  const groups: readonly [string, string, readonly Class[]][] = [
    ['live', t('mine.live'), [...mine.teaching.filter((entry) => entry.state === 'live'), ...taken.live]],
    ['upcoming', t('mine.upcoming'), taken.upcoming],
    ['waiting', t('mine.waiting'), mine.waiting],
    ['ended', t('mine.ended'), taken.ended],
  ];
  if (groups.every(([, , classes]) => classes.length === 0)) {
    return (
      <Notice
        title={t('mine.empty')}
        text={t('mine.empty.text')}
        testid="mine-empty"
        action={
          <Link className="button primary" href="/search">
            {t('nav.search')}
          </Link>
        }
      />
    );
  }
  return (
    <div className="shelves">
      {groups.map(
        ([id, title, classes]) =>
          classes.length > 0 && (
            <section key={id} className="shelf" aria-labelledby={`mine-${id}`} data-testid={`mine-${id}`}>
              <header>
                <h2 id={`mine-${id}`}>{title}</h2>
              </header>
              <Cards classes={classes} />
            </section>
          ),
      )}
    </div>
  );
}
