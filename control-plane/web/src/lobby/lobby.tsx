import { type FormEvent, useCallback, useEffect, useState } from 'react';
import { signInPath, useAccount } from '../account/context';
import { getConfig } from '../api/client';
import type { Account, Class, ClassRole, Config, JoinRequest } from '../api/contract';
import { type Key, useT } from '../i18n';
import type { SessionOptions } from '../live/session';
import { classHref, deskHref, Link } from '../router';
import { recall, remember, tabIdentity } from '../storage';
import { Notice } from '../ui/notice';
import { useLoad } from '../ui/use-load';
import { DeviceCheck } from './check';
import { Preview } from './preview';
import { RegionSelect } from './region-select';
import { type LobbyMedia, useMedia } from './use-media';
import './lobby.css';

/** A look in the mirror, and at the network, before going in. `?role=` and `?region=` fill the form in. */
export function Lobby({ entry, onReady }: { entry: Class; onReady: (options: SessionOptions) => void }) {
  const t = useT();
  const { account, known, error } = useAccount();
  const asked = new URLSearchParams(location.search);
  const teaches = entry.mine?.teaches ?? false;
  // Without accounts (the control plane is away or has none) people say themselves who they are.
  const guest = !known && error !== null;
  const roles: readonly ClassRole[] = guest
    ? ['student', 'instructor', 'observer']
    : [teaches ? 'instructor' : 'student', 'observer'];
  const [name, setName] = useState(asked.get('name') ?? recall('name') ?? '');
  const [chosen, setChosen] = useState<ClassRole | null>(roles.find((role) => role === asked.get('role')) ?? null);
  const [region, setRegion] = useState(asked.get('region') ?? recall('region') ?? '');
  const [needName, setNeedName] = useState(false);
  const [heard, setHeard] = useState(false);
  const { value: config } = useLoad(getConfig, []);
  const role = chosen !== null && roles.includes(chosen) ? chosen : (roles[0] ?? 'student');
  const publishes = role !== 'observer';
  const media = useMedia(publishes);
  const onHeard = useCallback(() => setHeard(true), []);
  useEffect(() => {
    if (config?.dev && region === '' && config.regions[0]) setRegion(config.regions[0].id);
  }, [config, region]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (guest && name.trim() === '') {
      setNeedName(true);
      document.getElementById('join-name')?.focus();
      return;
    }
    if (guest) remember('name', name.trim());
    if (config?.dev) remember('region', region);
    onReady({
      request: { class: entry.id, ...who(account, role, name), ...place(config, region) },
      declared: config?.dev === true && region !== '',
      media: media.handOver(),
    });
  };

  return (
    <>
      <header className="lobby-head">
        <Link href={classHref(entry.id)} className="soft">
          ← {t('lobby.to_class')}
        </Link>
        <h1>{entry.title}</h1>
        <p>{t('home.by', { name: entry.instructor.name })}</p>
      </header>
      <form className="lobby" onSubmit={submit} noValidate aria-label={t('lobby.title')}>
        <div className="lobby-look">
          {publishes && <Preview media={media} onHeard={onHeard} />}
          <DeviceCheck media={media} publishes={publishes} heard={heard} />
        </div>
        <div className="lobby-form">
          {account && <p data-testid="join-as">{t('lobby.as', { name: account.name })}</p>}
          {guest && <NameField name={name} needed={needName} onChange={(next) => (setName(next), setNeedName(false))} />}
          <fieldset className="choices">
            <legend>{t('lobby.role')}</legend>
            {roles.map((value) => (
              <label key={value} className="choice">
                <input
                  type="radio"
                  name="role"
                  value={value}
                  checked={role === value}
                  data-testid={`join-role-${value}`}
                  onChange={() => setChosen(value)}
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
          {teaches && (
            <Link className="button" href={deskHref(entry.id, '/quizzes')} data-testid="lobby-quizzes">
              {t('lobby.quizzes')}
            </Link>
          )}
        </div>
        <div className="lobby-door">
          <Door entry={entry} account={account} guest={guest} media={media} publishes={publishes} />
        </div>
      </form>
    </>
  );
}

interface DoorProps {
  entry: Class;
  account: Account | null;
  guest: boolean;
  media: LobbyMedia;
  publishes: boolean;
}

/** The way in, or why there is none. */
function Door({ entry, account, guest, media, publishes }: DoorProps) {
  const t = useT();
  const { known } = useAccount();
  if (known && !account) {
    return (
      <Notice
        title={t('lobby.signin.title')}
        text={t('lobby.signin.text')}
        testid="sign-in-needed"
        action={
          <Link className="button primary" href={signInPath()} data-testid="to-sign-in">
            {t('lobby.signin')}
          </Link>
        }
      />
    );
  }
  const { mine } = entry;
  const waiting = mine?.enrolment === 'waiting';
  // A class with a limit takes who is enrolled; others enrol by coming in.
  const closed = !guest && mine !== undefined && !mine.teaches && mine.enrolment === 'none' && entry.capacity !== null;
  return (
    <>
      {entry.locked && !mine?.teaches && <p className="deck-note">{t('lobby.locked')}</p>}
      {waiting && <p className="deck-note">{t('lobby.waiting', { n: mine.position ?? 1 })}</p>}
      {closed && (
        <p className="deck-note">
          {t('lobby.enrol.first')}
          <Link className="button" href={classHref(entry.id)}>
            {t('lobby.to_class')}
          </Link>
        </p>
      )}
      <button
        type="submit"
        className="primary"
        data-testid="join-submit"
        disabled={(publishes && media.state === 'asking') || waiting || closed || (!known && !guest)}
      >
        {t(labelOf(media, publishes))}
      </button>
    </>
  );
}

/** The button says what coming in now means. */
function labelOf(media: LobbyMedia, publishes: boolean): Key {
  if (!publishes || media.state === 'asking' || media.camera) return publishes ? 'lobby.join' : 'lobby.observe';
  return media.microphone ? 'lobby.audio' : 'lobby.listen';
}

function NameField({ name, needed, onChange }: { name: string; needed: boolean; onChange: (name: string) => void }) {
  const t = useT();
  return (
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
        aria-invalid={needed}
        aria-describedby={needed ? 'join-name-error' : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      {needed && (
        <p className="field-error" id="join-name-error" role="alert">
          {t('lobby.need_name')}
        </p>
      )}
    </div>
  );
}

/** Whoever is signed in is known by the session: a page may only ask to be less. */
function who(account: Account | null, role: ClassRole, name: string): Partial<JoinRequest> {
  if (account) return role === 'observer' ? { role } : {};
  return { identity: tabIdentity(), name: name.trim(), role };
}

/** Only development declares a place; elsewhere the control plane goes by the address. */
function place(config: Config | null, id: string) {
  const region = config?.dev ? config.regions.find((known) => known.id === id) : undefined;
  if (!region) return {};
  return region.location ? { region: region.id, location: region.location } : { region: region.id };
}
