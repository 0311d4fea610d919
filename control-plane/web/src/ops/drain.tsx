import { useState } from 'react';
import type { Drain, Ops } from '../api/contract';
import { post, remove } from '../api/request';
import { regionName, useT } from '../i18n';
import { explain } from '../i18n/errors';
import { ago } from '../i18n/format';
import { Dialog } from '../ui/dialog';

/** What is emptied: a node by its id, or a region by its name. */
export interface Target {
  kind: 'node' | 'region';
  name: string;
}

/** Minutes until a node that is not empty yet ends all the same; 0: it waits. */
const DEADLINES_MIN = [0, 10, 30, 120] as const;

const path = ({ kind, name }: Target) => `/v1/ops/drains/${kind}/${encodeURIComponent(name)}`;

export const targetOf = ({ target }: Drain): Target =>
  'node' in target ? { kind: 'node', name: target.node } : { kind: 'region', name: target.region };

/** Whether a wish to empty exactly this stands. */
export const isWished = (drains: Ops['drains'], { kind, name }: Target): boolean =>
  drains.map(targetOf).some((target) => target.kind === kind && target.name === name);

export function DrainButton({ target, onAsk }: { target: Target; onAsk: (target: Target) => void }) {
  const t = useT();
  return (
    <button
      type="button"
      className="small"
      data-testid="ops-drain"
      data-target={`${target.kind}/${target.name}`}
      aria-label={t('ops.drain.of', { name: target.name })}
      onClick={() => onAsk(target)}
    >
      {t('ops.drain')}
    </button>
  );
}

/** Asks before anything is emptied: who is there is moved. */
export function DrainDialog({ target, people, onClose }: { target: Target; people: number; onClose: () => void }) {
  const t = useT();
  const [deadlineMin, setDeadlineMin] = useState(0);
  const [exit, setExit] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const name = target.kind === 'region' ? regionName(t, target.name) : target.name;
  const send = async () => {
    setBusy(true);
    try {
      await post(path(target), { exit, ...(deadlineMin > 0 ? { deadline_s: deadlineMin * 60 } : {}) });
      onClose();
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  return (
    <Dialog title={t('ops.drain.title', { name })} onClose={onClose} testid="drain-dialog">
      <p>{t('ops.drain.what', { count: people })}</p>
      <label className="field">
        <span>{t('ops.drain.deadline')}</span>
        <select value={deadlineMin} onChange={(event) => setDeadlineMin(Number(event.target.value))}>
          {DEADLINES_MIN.map((minutes) => (
            <option key={minutes} value={minutes}>
              {minutes === 0 ? t('ops.drain.wait') : t('ops.drain.minutes', { count: minutes })}
            </option>
          ))}
        </select>
      </label>
      <label className="check">
        <input type="checkbox" checked={exit} onChange={(event) => setExit(event.target.checked)} />
        <span>{t('ops.drain.exit')}</span>
      </label>
      {error !== null && (
        <p className="notice" role="alert">
          {explain(t, error)}
        </p>
      )}
      <p className="drain-actions">
        <button type="button" onClick={onClose}>
          {t('ops.drain.no')}
        </button>
        <button type="button" className="primary" disabled={busy} data-testid="drain-confirm" onClick={() => void send()}>
          {t('ops.drain.yes')}
        </button>
      </p>
    </Dialog>
  );
}

/** The wishes that stand, each with a way back. */
export function DrainList({ drains, nodes, nowMs }: { drains: Ops['drains']; nodes: Ops['nodes']; nowMs: number }) {
  const t = useT();
  const [error, setError] = useState<unknown>(null);
  if (drains.length === 0) return <p className="soft">{t('ops.drains.none')}</p>;
  const takeBack = (target: Target) => remove(path(target)).then(() => setError(null), setError);
  return (
    <>
      {error !== null && (
        <p className="notice" role="alert">
          {explain(t, error)}
        </p>
      )}
      <ul className="rooms">
        {drains.map((drain) => {
          const target = targetOf(drain);
          const within = nodes.filter((node) => (target.kind === 'node' ? node.id : node.region) === target.name);
          const people = within.reduce((sum, node) => sum + node.load.participants, 0);
          return (
            <li key={`${target.kind}/${target.name}`} className="room room-head" data-testid="ops-drain-wish">
              <b>{target.kind === 'region' ? regionName(t, target.name) : target.name}</b>
              <span className="soft">
                {t(`ops.drain.${target.kind}`)} · {ago(t, drain.requested_at_ms, nowMs)} · {t('ops.drain.left', { count: people })}
                {drain.deadline_ms != null &&
                  ` · ${t('ops.drain.ends', { count: Math.max(0, Math.ceil((drain.deadline_ms - nowMs) / 60_000)) })}`}
              </span>
              <button type="button" className="small" data-testid="drain-back" onClick={() => void takeBack(target)}>
                {t('ops.drain.back')}
              </button>
            </li>
          );
        })}
      </ul>
    </>
  );
}
