import type { Class } from '../api/contract';
import { useI18n } from '../i18n';
import { deskHref, Link } from '../router';

const TABS = ['', '/edit', '/quizzes', '/attendance', '/summary'] as const;
export type DeskTab = (typeof TABS)[number];

/** The class's name and the leaves of its desk. */
export function DeskHead({ entry, id, tab }: { entry: Class | null; id: string; tab: DeskTab }) {
  const { t } = useI18n();
  return (
    <header className="desk-head">
      <Link href="/desk" className="back">
        ← {t('nav.desk')}
      </Link>
      <h1>{entry?.title ?? ' '}</h1>
      <nav className="leaves" aria-label={t('desk.leaves')}>
        {TABS.map((name) => (
          <Link
            key={name}
            href={deskHref(id, name)}
            aria-current={name === tab ? 'page' : undefined}
            data-testid={`leaf${name.replace('/', '-')}`}
          >
            {t(`desk.leaf${name.replace('/', '.') as '' | '.edit' | '.quizzes' | '.attendance' | '.summary'}`)}
          </Link>
        ))}
      </nav>
    </header>
  );
}
