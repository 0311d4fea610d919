import { type ReactNode, useCallback, useEffect, useState } from 'react';
import { useT } from '../i18n';
import { Icon, type IconName } from '../ui/icons';
import { deviceErrorKey } from './devices';
import { deniedKey } from './denied';
import { type Network, probeNetwork } from './probe';
import { playNotes } from './speaker';
import type { LobbyMedia } from './use-media';

type State = 'good' | 'fair' | 'bad' | 'off' | 'wait';

/** Camera, microphone, speaker, network: each with a plain verdict and what to do. None of them keeps anybody out. */
export function DeviceCheck({ media, publishes, heard }: { media: LobbyMedia; publishes: boolean; heard: boolean }) {
  const t = useT();
  return (
    <section className="check-list" aria-labelledby="check-title" data-testid="device-check">
      <h2 id="check-title">{t('check.title')}</h2>
      <ul>
        {publishes && (
          <>
            <DeviceRow media={media} device="camera" heard={heard} />
            <DeviceRow media={media} device="mic" heard={heard} />
          </>
        )}
        <SpeakerRow />
        <NetworkRow />
      </ul>
    </section>
  );
}

function Row({
  name,
  icon,
  state,
  text,
  children,
}: {
  name: 'camera' | 'mic' | 'speaker' | 'network';
  icon: IconName;
  state: State;
  text: string;
  children?: ReactNode;
}) {
  const t = useT();
  return (
    <li className="check-row" data-testid={`check-${name}`} data-state={state}>
      <Icon name={icon} size={20} />
      <div>
        <p className="check-head">
          <b>{t(`check.${name}`)}</b>
          <span className="check-state">{t(`check.state.${state}`)}</span>
        </p>
        <p role="status">{text}</p>
        {children}
      </div>
    </li>
  );
}

function DeviceRow({ media, device, heard }: { media: LobbyMedia; device: 'camera' | 'mic'; heard: boolean }) {
  const t = useT();
  const camera = device === 'camera';
  const on = camera ? media.camera !== null : media.microphone !== null;
  const error = camera ? media.cameraError : media.microphoneError;
  const icon: IconName = camera ? (on ? 'camera' : 'camera-off') : on ? 'mic' : 'mic-off';
  if (media.state === 'asking') return <Row name={device} icon={icon} state="wait" text={t('check.asking')} />;
  if (error != null) {
    const denied = deviceErrorKey(error) === 'lobby.device.denied';
    const text = t(denied ? deniedKey(navigator.userAgent, isSecureContext) : deviceErrorKey(error));
    return (
      <Row name={device} icon={icon} state="bad" text={text}>
        <button
          type="button"
          className="small"
          onClick={() => void (camera ? media.setCamera(true, media.cameraId) : media.setMicrophone(true, media.microphoneId))}
        >
          {t('check.retry')}
        </button>
      </Row>
    );
  }
  if (!on) return <Row name={device} icon={icon} state="off" text={t(`check.${device}.off`)} />;
  if (camera) return <Row name={device} icon={icon} state="good" text={t('check.camera.good')} />;
  return (
    <Row name={device} icon={icon} state={heard ? 'good' : 'wait'} text={t(heard ? 'check.mic.good' : 'check.mic.silent')} />
  );
}

function SpeakerRow() {
  const t = useT();
  const [state, setState] = useState<'untested' | 'playing' | 'ask' | 'good' | 'help'>('untested');
  const play = () => {
    setState('playing');
    playNotes().then(
      () => setState('ask'),
      () => setState('help'),
    );
  };
  const shown = { untested: 'wait', playing: 'wait', ask: 'wait', good: 'good', help: 'bad' } as const;
  return (
    <Row name="speaker" icon="sound" state={shown[state]} text={t(`check.speaker.${state}`)}>
      {state === 'ask' ? (
        <span className="check-buttons">
          <button type="button" className="small" onClick={() => setState('good')}>
            {t('check.speaker.yes')}
          </button>
          <button type="button" className="small" onClick={() => setState('help')}>
            {t('check.speaker.no')}
          </button>
        </span>
      ) : (
        <button type="button" className="small" data-testid="speaker-test" disabled={state === 'playing'} onClick={play}>
          {t('check.speaker.play')}
        </button>
      )}
    </Row>
  );
}

function NetworkRow() {
  const t = useT();
  const [network, setNetwork] = useState<Network | null>(null);
  const measure = useCallback(() => {
    setNetwork(null);
    probeNetwork().then(setNetwork, () => setNetwork({ grade: 'none', rttMs: 0 }));
  }, []);
  useEffect(measure, [measure]);
  if (!network) return <Row name="network" icon="activity" state="wait" text={t('check.network.running')} />;
  const { grade, rttMs } = network;
  const state: State = grade === 'good' ? 'good' : grade === 'none' ? 'bad' : 'fair';
  return (
    <Row name="network" icon="activity" state={state} text={t(`check.network.${grade}`, { rtt: rttMs })}>
      {grade !== 'good' && (
        <button type="button" className="small" onClick={measure}>
          {t('check.network.again')}
        </button>
      )}
    </Row>
  );
}
