import { useEffect, useRef } from 'react';
import { useT } from '../i18n';
import { Icon } from '../ui/icons';
import type { Person, Picture } from './view';

/** A picture in a `<video>`; sound is played elsewhere, so this is always mute. */
export function PictureView({ picture, mirrored, label }: { picture: Picture; mirrored?: boolean; label: string }) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (!video) return undefined;
    picture.attach(video);
    return () => picture.detach(video);
  }, [picture]);
  return <video ref={element} autoPlay playsInline muted className={mirrored ? 'mirrored' : undefined} aria-label={label} />;
}

export function Tile({ person, small }: { person: Person; small?: boolean }) {
  const t = useT();
  return (
    <li
      className={`tile ${small ? 'small' : ''}`}
      data-testid="tile"
      data-kind="camera"
      data-identity={person.identity}
      data-local={person.local}
      data-role={person.role ?? undefined}
      data-speaking={person.speaking}
      data-camera={person.camera !== null}
    >
      {person.camera ? (
        <PictureView picture={person.camera} mirrored={person.local} label={person.name} />
      ) : (
        <Initial name={person.name} />
      )}
      {person.handAt > 0 && (
        <span className="tile-hand" title={t('live.hand')}>
          <Icon name="hand" size={18} />
        </span>
      )}
      <p className="tile-label">
        {!person.micOpen && <Icon name="mic-off" size={15} />}
        <span className="tile-name">
          {person.name}
          {person.local && ` (${t('common.here')})`}
        </span>
        {person.role === 'instructor' && <span className="tile-role">{t('live.role.instructor')}</span>}
        {!person.micOpen && <span className="hidden-visually">{t('live.mic.muted')}</span>}
        {person.handAt > 0 && <span className="hidden-visually">{t('live.hand')}</span>}
      </p>
    </li>
  );
}

function Initial({ name }: { name: string }) {
  return (
    <span className="tile-initial" aria-hidden="true">
      {[...name.trim()][0] ?? '·'}
    </span>
  );
}

/** A shared screen: large, never cropped. */
export function ScreenTile({ person }: { person: Person }) {
  const t = useT();
  if (!person.screen) return null;
  return (
    <div className="tile screen" data-testid="tile" data-kind="screen" data-identity={person.identity} data-local={person.local}>
      <PictureView picture={person.screen} label={t('live.screen.of', { name: person.name })} />
      <p className="tile-label">
        <Icon name="screen" size={15} />
        <span className="tile-name">{person.local ? t('live.screen.mine') : t('live.screen.of', { name: person.name })}</span>
      </p>
    </div>
  );
}
