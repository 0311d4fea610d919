import { type FormEvent, useMemo, useState } from 'react';
import type { ClassLanguage } from '../api/contract';
import { CategoryField, LevelField } from '../catalogue/fields';
import { LANGUAGES } from '../catalogue/filters';
import { useI18n } from '../i18n';
import { dayAndHour, ownZone, sameClock, zoneName, zones } from '../i18n/time';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';
import {
  type ClassEntry,
  DESCRIPTION_LENGTH_MAX,
  DURATION_MIN_MAX,
  type Fault,
  faultsOf,
  startOf,
  TITLE_LENGTH_MAX,
} from './entry';

interface ClassFormProps {
  entry: ClassEntry;
  change: (part: Partial<ClassEntry>) => void;
  fresh: boolean;
  action: string;
  onSave: () => Promise<void>;
}

export function ClassForm({ entry, change, fresh, action, onSave }: ClassFormProps) {
  const { t } = useI18n();
  const [checked, setChecked] = useState(false);
  const { busy, failure, run } = useSubmit();
  const faults = faultsOf(entry, { fresh });
  const wrong = (fault: Fault) => checked && faults.has(fault);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (faults.size > 0) return focusFirstInvalid(event);
    void run(onSave);
  };
  return (
    <form className="sheet class-form" onSubmit={submit} noValidate data-testid="class-form">
      <Field label={t('form.title')} hint={t('form.title.hint')} error={wrong('title') && t('form.title.need')}>
        {(control) => (
          <input
            {...control}
            type="text"
            maxLength={TITLE_LENGTH_MAX}
            value={entry.title}
            data-testid="class-title"
            onChange={(event) => change({ title: event.target.value })}
          />
        )}
      </Field>
      <Field label={`${t('form.description')} (${t('common.optional')})`} hint={t('form.description.hint')}>
        {(control) => (
          <textarea
            {...control}
            rows={5}
            maxLength={DESCRIPTION_LENGTH_MAX}
            value={entry.description}
            data-testid="class-description"
            onChange={(event) => change({ description: event.target.value })}
          />
        )}
      </Field>
      <Kind entry={entry} change={change} />
      <Schedule entry={entry} change={change} wrong={wrong} />
      <div className="fields">
        <Field
          label={`${t('form.capacity')} (${t('common.optional')})`}
          hint={t('form.capacity.hint')}
          error={wrong('capacity') && t('form.capacity.wrong')}
        >
          {(control) => (
            <input
              {...control}
              type="text"
              inputMode="numeric"
              value={entry.capacity}
              data-testid="class-capacity"
              onChange={(event) => change({ capacity: event.target.value })}
            />
          )}
        </Field>
      </div>
      <label className="check field">
        <input
          type="checkbox"
          checked={entry.recorded}
          data-testid="class-recorded"
          onChange={(event) => change({ recorded: event.target.checked })}
        />
        <span>{t('form.recorded')}</span>
        <span className="hint">{t('form.recorded.hint')}</span>
      </label>
      <Failure error={failure} />
      <div className="dialog-actions">
        <button type="submit" className="primary" disabled={busy} data-testid="class-save">
          {busy ? t('common.saving') : action}
        </button>
      </div>
    </form>
  );
}

function Kind({ entry, change }: Pick<ClassFormProps, 'entry' | 'change'>) {
  const { t } = useI18n();
  return (
    <div className="fields">
      <CategoryField
        value={entry.category}
        none={t('form.category.none')}
        testid="class-category"
        onChange={(category) => change({ category })}
      />
      <LevelField value={entry.level} onChange={(level) => change({ level })} />
      <Field label={t('form.language')}>
        {(control) => (
          <select
            {...control}
            value={entry.language}
            onChange={(event) => change({ language: event.target.value as ClassLanguage })}
          >
            {LANGUAGES.map((known) => (
              <option key={known} value={known}>
                {t(`language.${known}`)}
              </option>
            ))}
          </select>
        )}
      </Field>
    </div>
  );
}

interface ScheduleProps extends Pick<ClassFormProps, 'entry' | 'change'> {
  wrong: (fault: Fault) => boolean;
}

function Schedule({ entry, change, wrong }: ScheduleProps) {
  const { t, language } = useI18n();
  const all = useMemo(zones, []);
  const start = startOf(entry);
  const elsewhere = start !== null && !sameClock(ownZone(), entry.zone, start);
  return (
    <fieldset className="schedule">
      <legend>{t('form.schedule')}</legend>
      <div className="choices">
        {[true, false].map((scheduled) => (
          <label key={String(scheduled)} className="choice">
            <input
              type="radio"
              name="scheduled"
              checked={entry.scheduled === scheduled}
              data-testid={scheduled ? 'class-scheduled' : 'class-open'}
              onChange={() => change({ scheduled })}
            />
            <span>{t(scheduled ? 'form.scheduled' : 'form.open')}</span>
          </label>
        ))}
      </div>
      {entry.scheduled && (
        <div className="fields">
          <Field
            label={t('form.date')}
            error={(wrong('when') && t('form.when.need')) || (wrong('past') && t('form.when.past'))}
          >
            {(control) => (
              <input
                {...control}
                type="date"
                value={entry.date}
                data-testid="class-date"
                onChange={(event) => change({ date: event.target.value })}
              />
            )}
          </Field>
          <Field label={t('form.time')}>
            {(control) => (
              <input
                {...control}
                type="time"
                value={entry.time}
                data-testid="class-time"
                onChange={(event) => change({ time: event.target.value })}
              />
            )}
          </Field>
          <Field label={t('form.zone')}>
            {(control) => (
              <select
                {...control}
                value={entry.zone}
                data-testid="class-zone-select"
                onChange={(event) => change({ zone: event.target.value })}
              >
                {(all.includes(entry.zone) ? all : [entry.zone, ...all]).map((zone) => (
                  <option key={zone} value={zone}>
                    {zone.replaceAll('_', ' ')}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
      )}
      <div className="fields">
        <Field label={t('form.duration')} error={wrong('duration') && t('form.duration.wrong', { n: DURATION_MIN_MAX })}>
          {(control) => (
            <input
              {...control}
              type="text"
              inputMode="numeric"
              value={entry.duration}
              data-testid="class-duration"
              onChange={(event) => change({ duration: event.target.value })}
            />
          )}
        </Field>
      </div>
      {start !== null && (
        <p className="soft" role="status">
          {t('form.starts', { at: dayAndHour(language, start, entry.zone), zone: zoneName(language, entry.zone, start) })}
          {elsewhere && ` ${t('form.starts.here', { at: dayAndHour(language, start) })}`}
        </p>
      )}
    </fieldset>
  );
}
