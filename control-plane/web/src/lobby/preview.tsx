import type { LocalAudioTrack, LocalVideoTrack } from 'livekit-client';
import { useEffect, useRef } from 'react';
import { useT } from '../i18n';
import { Icon } from '../ui/icons';
import type { LobbyMedia } from './use-media';

/** The mirror before class: how I look, whether my microphone works, which devices. */
export function Preview({ media, onHeard }: { media: LobbyMedia; onHeard: () => void }) {
  const t = useT();
  const cameraOn = media.camera !== null;
  const micOn = media.microphone !== null;
  return (
    <section className="preview" aria-label={t('lobby.preview')}>
      <div className="preview-picture">
        {media.camera ? (
          <Mirror track={media.camera} />
        ) : (
          <p>{t(media.state === 'asking' ? 'lobby.preview.asking' : 'lobby.preview.off')}</p>
        )}
        <div className="preview-buttons">
          <button
            type="button"
            className="round"
            data-testid="preview-mic"
            data-off={!micOn}
            aria-pressed={micOn}
            disabled={media.state === 'asking'}
            aria-label={t(micOn ? 'live.mic.off' : 'live.mic.on')}
            title={t(micOn ? 'live.mic.off' : 'live.mic.on')}
            onClick={() => void media.setMicrophone(!micOn, media.microphoneId)}
          >
            <Icon name={micOn ? 'mic' : 'mic-off'} />
          </button>
          <button
            type="button"
            className="round"
            data-testid="preview-camera"
            data-off={!cameraOn}
            aria-pressed={cameraOn}
            disabled={media.state === 'asking'}
            aria-label={t(cameraOn ? 'live.camera.off' : 'live.camera.on')}
            title={t(cameraOn ? 'live.camera.off' : 'live.camera.on')}
            onClick={() => void media.setCamera(!cameraOn, media.cameraId)}
          >
            <Icon name={cameraOn ? 'camera' : 'camera-off'} />
          </button>
        </div>
      </div>
      {media.microphone && <Level track={media.microphone} onHeard={onHeard} />}
      <Devices media={media} />
    </section>
  );
}

/** Which camera and microphone; folded away, for most people have one of each. */
function Devices({ media }: { media: LobbyMedia }) {
  const t = useT();
  if (media.devices.cameras.length < 2 && media.devices.microphones.length < 2) return null;
  return (
    <details className="preview-devices" data-testid="devices">
      <summary>{t('lobby.devices')}</summary>
      <div>
        <DeviceSelect
          id="device-camera"
          label={t('lobby.camera')}
          devices={media.devices.cameras}
          value={media.cameraId}
          onChange={(id) => void media.setCamera(true, id)}
        />
        <DeviceSelect
          id="device-mic"
          label={t('lobby.mic')}
          devices={media.devices.microphones}
          value={media.microphoneId}
          onChange={(id) => void media.setMicrophone(true, id)}
        />
      </div>
    </details>
  );
}

function Mirror({ track }: { track: LocalVideoTrack }) {
  const t = useT();
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (!video) return undefined;
    track.attach(video);
    return () => void track.detach(video);
  }, [track]);
  return <video ref={element} autoPlay playsInline muted data-testid="preview-video" aria-label={t('lobby.preview')} />;
}

/** A voice, and not the hum of a room. */
const HEARD_PEAK = 0.08;

/** A bar that moves with the voice, drawn without React: sixty times a second. */
function Level({ track, onHeard }: { track: LocalAudioTrack; onHeard: () => void }) {
  const t = useT();
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(new MediaStream([track.mediaStreamTrack])).connect(analyser);
    const samples = new Uint8Array(analyser.fftSize);
    let frame = 0;
    const draw = () => {
      analyser.getByteTimeDomainData(samples);
      const peak = samples.reduce((loudest, sample) => Math.max(loudest, Math.abs(sample - 128)), 0) / 128;
      if (peak > HEARD_PEAK) onHeard();
      if (bar.current) bar.current.style.transform = `scaleX(${Math.min(1, Math.sqrt(peak))})`;
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => {
      cancelAnimationFrame(frame);
      void context.close();
    };
  }, [track, onHeard]);
  return (
    <p className="level">
      <span className="level-bar" role="img" aria-label={t('lobby.mic.level')}>
        <i ref={bar} />
      </span>
      <span className="soft">{t('lobby.mic.test')}</span>
    </p>
  );
}

function DeviceSelect({
  id,
  label,
  devices,
  value,
  onChange,
}: {
  id: string;
  label: string;
  devices: readonly MediaDeviceInfo[];
  value: string;
  onChange: (id: string) => void;
}) {
  // One device leaves nothing to choose.
  if (devices.length < 2) return null;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} data-testid={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {devices.map((device, place) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || `${label} ${place + 1}`}
          </option>
        ))}
      </select>
    </div>
  );
}
