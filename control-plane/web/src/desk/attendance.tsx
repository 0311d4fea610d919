import { type FormEvent, useState } from 'react';
import { attendanceCsvPath, correctAttendance, getAttendance } from '../api/classroom';
import { getClass } from '../api/client';
import type { AttendanceEntry, AttendanceStatus } from '../api/contract';
import { useI18n } from '../i18n';
import { percent, span } from '../i18n/format';
import { dayAndHour, hour } from '../i18n/time';
import { announce } from '../ui/announce';
import { Dialog } from '../ui/dialog';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { Icon } from '../ui/icons';
import { Notice } from '../ui/notice';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';
import { DeskHead } from './head';
import { countByStatus, STATUSES, TONES } from './status';

const REFRESH_MS = 15_000;
const REASON_LENGTH_MAX = 200;

/** `/desk/{id}/attendance`: who was there, by the facts of the edges, and what the instructor says about it. */
export function AttendancePage({ id }: { id: string }) {
  const { t, language } = useI18n();
  const { value: entry } = useLoad(() => getClass(id), [id]);
  const { value, error, retry } = useLoad(() => getAttendance(id), [id], REFRESH_MS);
  // With the lesson it was opened for: the page goes on to the next lesson by itself.
  const [correcting, setCorrecting] = useState<{ entry: AttendanceEntry; roomSid: string | undefined } | null>(null);
  const roomSid = value?.lesson?.room_sids[0];
  return (
    <>
      <DeskHead entry={entry} id={id} tab="/attendance" />
      <Failure error={error} onRetry={retry} />
      {!value && error === null && <Skeleton shape="rows" count={6} />}
      {value?.items.length === 0 && (
        <Notice title={t('attendance.none')} text={t('attendance.none.text')} testid="attendance-empty" />
      )}
      {value && value.items.length > 0 && (
        <>
          <div className="head-row">
            <Counts items={value.items} />
            <a className="button" href={attendanceCsvPath(id, roomSid)} download data-testid="attendance-csv">
              <Icon name="download" size={18} />
              {t('attendance.csv')}
            </a>
          </div>
          {value.lesson && (
            <p className="soft" data-testid="attendance-lesson">
              {dayAndHour(language, value.lesson.from_ms)}–{hour(language, value.lesson.to_ms)}
            </p>
          )}
          <Table items={value.items} onCorrect={(line) => setCorrecting({ entry: line, roomSid })} />
          <p className="soft">{t('attendance.rules')}</p>
        </>
      )}
      {correcting && (
        <CorrectionForm
          id={id}
          entry={correcting.entry}
          roomSid={correcting.roomSid}
          onClose={() => setCorrecting(null)}
          onDone={() => {
            setCorrecting(null);
            retry();
          }}
        />
      )}
    </>
  );
}

function Counts({ items }: { items: readonly AttendanceEntry[] }) {
  const { t } = useI18n();
  const counts = countByStatus(items);
  return (
    <p className="status-counts">
      {STATUSES.map((status) => (
        <span key={status} className="badge" data-tone={counts[status] > 0 ? TONES[status] : undefined}>
          {t(`status.${status}`)} {counts[status]}
        </span>
      ))}
    </p>
  );
}

function Table({ items, onCorrect }: { items: readonly AttendanceEntry[]; onCorrect: (entry: AttendanceEntry) => void }) {
  const { t, language } = useI18n();
  return (
    <div className="table-wrap">
      <table className="stacking" data-testid="attendance">
        <thead>
          <tr>
            <th scope="col">{t('attendance.name')}</th>
            <th scope="col">{t('attendance.status')}</th>
            <th scope="col">{t('attendance.time')}</th>
            <th scope="col">{t('attendance.intervals')}</th>
            <th scope="col">
              <span className="hidden-visually">{t('attendance.correct')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((entry) => (
            <tr key={entry.account.id} data-testid="attendance-row" data-status={entry.status}>
              <th scope="row" data-label={t('attendance.name')}>
                {entry.account.name}
              </th>
              <td data-label={t('attendance.status')}>
                <span className="badge" data-tone={TONES[entry.status]}>
                  {t(`status.${entry.status}`)}
                </span>
                {entry.corrected && (
                  <p className="soft correction">
                    {t('attendance.corrected', {
                      by: entry.corrected.by.name,
                      was: t(`status.${entry.corrected.was}`),
                      at: dayAndHour(language, entry.corrected.at_ms),
                    })}
                    <br />
                    {entry.corrected.reason}
                  </p>
                )}
              </td>
              <td data-label={t('attendance.time')}>
                {span(t, entry.seconds * 1000)} <span className="soft">({percent(entry.share)})</span>
              </td>
              <td data-label={t('attendance.intervals')} className="soft">
                {entry.intervals.length === 0
                  ? '–'
                  : entry.intervals
                      .map(({ from_ms, to_ms }) => `${hour(language, from_ms)}–${hour(language, to_ms)}`)
                      .join(', ')}
              </td>
              <td>
                <button type="button" className="quiet small" data-testid="correct" onClick={() => onCorrect(entry)}>
                  {t('attendance.correct')}
                  <span className="hidden-visually">: {entry.account.name}</span>
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface CorrectionFormProps {
  id: string;
  entry: AttendanceEntry;
  roomSid: string | undefined;
  onClose: () => void;
  onDone: () => void;
}

function CorrectionForm({ id, entry, roomSid, onClose, onDone }: CorrectionFormProps) {
  const { t } = useI18n();
  const [status, setStatus] = useState<AttendanceStatus>(entry.status);
  const [reason, setReason] = useState('');
  const [checked, setChecked] = useState(false);
  const { busy, failure, run } = useSubmit();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (reason.trim() === '') return focusFirstInvalid(event);
    if (!(await run(() => correctAttendance(id, entry.account.id, status, reason.trim(), roomSid)))) return;
    announce(t('common.saved'));
    onDone();
  };
  return (
    <Dialog title={t('attendance.correct.of', { name: entry.account.name })} onClose={onClose} testid="correction">
      <form onSubmit={(event) => void submit(event)} className="sheet-plain" noValidate>
        <fieldset className="choices">
          <legend>{t('attendance.status')}</legend>
          {STATUSES.map((known) => (
            <label key={known} className="choice">
              <input
                type="radio"
                name="status"
                checked={status === known}
                data-testid={`correct-${known}`}
                onChange={() => setStatus(known)}
              />
              <span>{t(`status.${known}`)}</span>
            </label>
          ))}
        </fieldset>
        <Field
          label={t('attendance.reason')}
          hint={t('attendance.reason.hint')}
          error={checked && reason.trim() === '' && t('attendance.reason.need')}
        >
          {(control) => (
            <input
              {...control}
              type="text"
              maxLength={REASON_LENGTH_MAX}
              value={reason}
              data-testid="correct-reason"
              onChange={(event) => setReason(event.target.value)}
            />
          )}
        </Field>
        <Failure error={failure} />
        <div className="dialog-actions">
          <button type="submit" className="primary" disabled={busy} data-testid="correct-save">
            {t(busy ? 'common.saving' : 'common.save')}
          </button>
          <button type="button" onClick={onClose}>
            {t('common.cancel')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
