import { ApiError } from '../api/client';
import type { Key, Translate } from '../i18n';
import { explain } from '../i18n/errors';

/** What became of asking for a device, by the names `getUserMedia` and `getDisplayMedia` use. */
export function deviceErrorKey(error: unknown): Key {
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'lobby.device.denied';
    case 'NotReadableError':
    case 'AbortError':
      return 'lobby.device.busy';
    case 'NotFoundError':
    case 'OverconstrainedError':
    case 'TypeError':
      return 'lobby.device.missing';
    default:
      return 'lobby.device.failed';
  }
}

export function explainDevice(t: Translate, error: unknown): string {
  return error instanceof ApiError ? explain(t, error) : t(deviceErrorKey(error));
}

export interface DeviceList {
  cameras: MediaDeviceInfo[];
  microphones: MediaDeviceInfo[];
}

export async function listDevices(): Promise<DeviceList> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const named = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind && device.deviceId !== '');
  return { cameras: named('videoinput'), microphones: named('audioinput') };
}
