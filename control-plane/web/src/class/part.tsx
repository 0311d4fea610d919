import type { ReactNode } from 'react';

/** A titled part of a page. */
export function Part({ id, title, action, children }: { id: string; title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section className="part" aria-labelledby={`part-${id}`} data-testid={`part-${id}`}>
      <header>
        <h2 id={`part-${id}`}>{title}</h2>
        {action}
      </header>
      {children}
    </section>
  );
}
