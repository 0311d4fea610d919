import type { LocalAudioTrack, LocalVideoTrack } from 'livekit-client';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { ChosenMedia } from '../live/local-media';
import { recall, remember } from '../storage';
import { type DeviceList, listDevices } from './devices';

/** The lobby is on the screen before the SDK behind it is here. */
const openCamera = async (deviceId?: string) => (await import('../live/local-media')).openCamera(deviceId);
const openMicrophone = async (deviceId?: string) => (await import('../live/local-media')).openMicrophone(deviceId);

export interface LobbyMedia {
  state: 'asking' | 'ready';
  camera: LocalVideoTrack | null;
  microphone: LocalAudioTrack | null;
  /** Why a device is missing, if it is. */
  cameraError: unknown;
  microphoneError: unknown;
  devices: DeviceList;
  cameraId: string;
  microphoneId: string;
  setCamera(on: boolean, deviceId?: string): Promise<void>;
  setMicrophone(on: boolean, deviceId?: string): Promise<void>;
  /** Gives the open devices to the class; the lobby then no longer closes them. */
  handOver(): ChosenMedia;
}

/** Opens camera and microphone for the preview, and closes them when the user goes elsewhere. */
export function useMedia(wanted: boolean): LobbyMedia {
  const camera = useRef<LocalVideoTrack | null>(null);
  const microphone = useRef<LocalAudioTrack | null>(null);
  const [state, setState] = useState<LobbyMedia['state']>(wanted ? 'asking' : 'ready');
  const [cameraError, setCameraError] = useState<unknown>(null);
  const [microphoneError, setMicrophoneError] = useState<unknown>(null);
  const [devices, setDevices] = useState<DeviceList>({ cameras: [], microphones: [] });
  const [cameraId, setCameraId] = useState(recall('camera') ?? '');
  const [microphoneId, setMicrophoneId] = useState(recall('microphone') ?? '');
  const [, redraw] = useState(0);
  const changed = useCallback(() => redraw((count) => count + 1), []);

  const setCamera = useCallback(
    async (on: boolean, deviceId = '') => {
      camera.current?.stop();
      camera.current = null;
      setCameraId(deviceId);
      remember('camera', deviceId);
      setCameraError(null);
      changed();
      if (on)
        camera.current = await openCamera(deviceId).catch((cause: unknown) => {
          setCameraError(cause);
          return null;
        });
      changed();
    },
    [changed],
  );

  const setMicrophone = useCallback(
    async (on: boolean, deviceId = '') => {
      microphone.current?.stop();
      microphone.current = null;
      setMicrophoneId(deviceId);
      remember('microphone', deviceId);
      setMicrophoneError(null);
      changed();
      if (on)
        microphone.current = await openMicrophone(deviceId).catch((cause: unknown) => {
          setMicrophoneError(cause);
          return null;
        });
      changed();
    },
    [changed],
  );

  useEffect(() => {
    if (!wanted) {
      setState('ready');
      return undefined;
    }
    let current = true;
    const open = async () => {
      setState('asking');
      const [video, audio] = await Promise.allSettled([
        openCamera(recall('camera') ?? ''),
        openMicrophone(recall('microphone') ?? ''),
      ]);
      const tracks = [video, audio].flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      if (!current) {
        for (const track of tracks) track.stop();
        return;
      }
      camera.current = video.status === 'fulfilled' ? video.value : null;
      microphone.current = audio.status === 'fulfilled' ? audio.value : null;
      setCameraError(video.status === 'rejected' ? video.reason : null);
      setMicrophoneError(audio.status === 'rejected' ? audio.reason : null);
      setState('ready');
      setDevices(await listDevices());
    };
    void open();
    return () => {
      current = false;
      camera.current?.stop();
      microphone.current?.stop();
      camera.current = null;
      microphone.current = null;
    };
  }, [wanted]);

  const handOver = (): ChosenMedia => {
    const chosen = {
      camera: camera.current,
      microphone: microphone.current,
      cameraId: cameraId || undefined,
      microphoneId: microphoneId || undefined,
    };
    camera.current = null;
    microphone.current = null;
    return chosen;
  };

  return {
    state,
    camera: camera.current,
    microphone: microphone.current,
    cameraError,
    microphoneError,
    devices,
    cameraId,
    microphoneId,
    setCamera,
    setMicrophone,
    handOver,
  };
}
