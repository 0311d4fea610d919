import { useState } from 'react';
import { listClasses } from '../api/client';
import type { Class } from '../api/contract';
import { type Key, useT } from '../i18n';
import { explain } from '../i18n/errors';
import { ErrorNotice, Loading, Notice } from '../ui/notice';
import { useLoad } from '../ui/use-load';
import { Icon } from '../ui/icons';
import { ClassCard } from './card';
import { CreateClass } from './create';
import { shelve } from './shelve';
import './home.css';

/** How often the list is asked again while the page is in front. */
const REFRESH_MS = 5_000;

const SHELVES: readonly [keyof ReturnType<typeof shelve>, Key][] = [
  ['live', 'home.live'],
  ['upcoming', 'home.upcoming'],
  ['replay', 'home.replay'],
  ['ended', 'home.ended'],
];

export function HomePage() {
  const t = useT();
  const { value: classes, error, retry } = useLoad(listClasses, [], REFRESH_MS);
  const [creating, setCreating] = useState(false);
  return (
    <div className="page home">
      <section className="hero">
        <div>
          <h1>{t('app.tagline')}</h1>
          <p className="soft">{t('home.intro')}</p>
        </div>
        {!creating && (
          <button type="button" className="primary" data-testid="create-open" onClick={() => setCreating(true)}>
            <Icon name="plus" size={18} />
            {t('create.open')}
          </button>
        )}
      </section>
      {creating && <CreateClass onClose={() => setCreating(false)} />}
      {error !== null && <ErrorNotice text={explain(t, error)} onRetry={retry} />}
      {!classes && error === null && <Loading />}
      {classes && <Shelves classes={classes} />}
    </div>
  );
}

function Shelves({ classes }: { classes: Class[] }) {
  const t = useT();
  if (classes.length === 0) return <Notice title={t('home.empty.title')} text={t('home.empty.text')} testid="home-empty" />;
  const shelves = shelve(classes);
  return (
    <div className="shelves" data-testid="class-list">
      {SHELVES.map(
        ([name, title]) =>
          shelves[name].length > 0 && (
            <section key={name} className="shelf" aria-labelledby={`shelf-${name}`} data-testid={`shelf-${name}`}>
              <h2 id={`shelf-${name}`}>
                {t(title)} <span className="soft count">{shelves[name].length}</span>
              </h2>
              <ul className="cards">
                {shelves[name].map((entry) => (
                  <ClassCard key={entry.id} entry={entry} />
                ))}
              </ul>
            </section>
          ),
      )}
    </div>
  );
}
