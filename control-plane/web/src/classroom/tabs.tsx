import type { ReactNode } from 'react';

/** Tabs as the ARIA pattern has them: one stop, arrows between them. */
export function Tabs<Name extends string>({
  label,
  tabs,
  chosen,
  onChoose,
  children,
}: {
  label: string;
  tabs: readonly Name[];
  chosen: Name;
  onChoose: (name: Name) => void;
  children: (name: Name) => ReactNode;
}) {
  const step = (by: number) => {
    const next = tabs[(tabs.indexOf(chosen) + by + tabs.length) % tabs.length];
    if (next === undefined) return;
    onChoose(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div
      className="tabs"
      role="tablist"
      aria-label={label}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
        event.preventDefault();
        event.stopPropagation();
        step(event.key === 'ArrowRight' ? 1 : -1);
      }}
    >
      {tabs.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-selected={name === chosen}
          aria-controls={name === chosen ? `tabpanel-${name}` : undefined}
          tabIndex={name === chosen ? 0 : -1}
          data-testid={`tab-${name}`}
          onClick={() => onChoose(name)}
        >
          {children(name)}
        </button>
      ))}
    </div>
  );
}
