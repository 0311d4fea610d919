import { type FormEvent, useEffect, useState } from 'react';
import { getConfig } from '../api/client';
import type { Class, ClassRole, Config } from '../api/contract';
import { useT } from '../i18n';
import type { SessionOptions } from '../live/session';
import { Link } from '../router';
import { recall, remember, tabIdentity } from '../storage';
import { useLoad } from '../ui/use-load';
import { Preview } from './preview';
import { RegionSelect } from './region-select';
import { useMedia } from './use-media';
import './lobby.css';

const ROLES: readonly ClassRole[] = ['student', 'instructor', 'observer'];

/** Name, role, and a look in the mirror before going in. `?name=`, `?role=` and `?region=` fill the form in. */
export function Lobby({ entry, onReady }: { entry: Class; onReady: (options: SessionOptions) => void }) {
  const t = useT();
  const asked = new URLSearchParams(location.search);
  const [name, setName] = useState(asked.get('name') ?? recall('name') ?? '');
  const [role, setRole] = useState<ClassRole>(ROLES.find((known) => known === asked.get('role')) ?? 'student');
  const [region, setRegion] = useState(asked.get('region') ?? recall('region') ?? '');
  const [needName, setNeedName] = useState(false);
  const { value: config } = useLoad(getConfig, []);
  const publishes = role !== 'observer';
  const media = useMedia(publishes);
  useEffect(() => {
    if (config?.dev && region === '' && config.regions[0]) setRegion(config.regions[0].id);
  }, [config, region]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === '') {
      setNeedName(true);
      document.getElementById('join-name')?.focus();
      return;
    }
    remember('name', name.trim());
    if (config?.dev) remember('region', region);
    onReady({
      request: { class: entry.id, identity: tabIdentity(), name: name.trim(), role, ...place(config, region) },
      declared: config?.dev === true && region !== '',
      media: media.handOver(),
    });
  };

  return (
    <>
      <header className="lobby-head">
        <Link href="/" className="soft">
          ← {t('common.home')}
        </Link>
        <h1>{entry.title}</h1>
        <p>{t('home.by', { name: entry.instructor.name })}</p>
        {entry.description && <p className="soft">{entry.description}</p>}
      </header>
      <form className="lobby" onSubmit={submit} noValidate aria-label={t('lobby.title')}>
        {publishes && <Preview media={media} />}
        <div className="lobby-form">
          <div className="field">
            <label htmlFor="join-name">{t('lobby.name')}</label>
            <input
              id="join-name"
              type="text"
              value={name}
              maxLength={64}
              autoComplete="name"
              placeholder={t('lobby.name.hint')}
              data-testid="join-name"
              aria-invalid={needName}
              aria-describedby={needName ? 'join-name-error' : undefined}
              onChange={(event) => {
                setName(event.target.value);
                setNeedName(false);
              }}
            />
            {needName && (
              <p className="field-error" id="join-name-error" role="alert">
                {t('lobby.need_name')}
              </p>
            )}
          </div>
          <fieldset className="choices">
            <legend>{t('lobby.role')}</legend>
            {ROLES.map((value) => (
              <label key={value} className="choice">
                <input
                  type="radio"
                  name="role"
                  value={value}
                  checked={role === value}
                  data-testid={`join-role-${value}`}
                  onChange={() => setRole(value)}
                />
                <span>{t(`lobby.role.${value}`)}</span>
              </label>
            ))}
          </fieldset>
          {role === 'observer' && <p className="soft">{t('lobby.role.observer.hint')}</p>}
          {config?.dev && (
            <RegionSelect
              regions={config.regions}
              value={region}
              onChange={setRegion}
              label={t('lobby.region')}
              hint={t('lobby.region.hint')}
              testid="join-region"
            />
          )}
          {entry.recorded && (
            <p className="lobby-recorded">
              <span className="badge" data-tone="live">
                {t('home.recorded')}
              </span>{' '}
              {t('lobby.recorded')}
            </p>
          )}
          <button type="submit" className="primary" data-testid="join-submit" disabled={media.state === 'asking'}>
            {t('lobby.join')}
          </button>
        </div>
      </form>
    </>
  );
}

/** Only development declares a place; elsewhere the control plane goes by the address. */
function place(config: Config | null, id: string) {
  const region = config?.dev ? config.regions.find((known) => known.id === id) : undefined;
  if (!region) return {};
  return region.location ? { region: region.id, location: region.location } : { region: region.id };
}
