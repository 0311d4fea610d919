import type { Key } from '../i18n';

/** Where the permission for camera and microphone is to be found, by browser. */
export function deniedKey(agent: string, secure: boolean): Key {
  if (!secure) return 'check.denied.insecure';
  // Windows inside other apps: KakaoTalk, Naver, Instagram, Facebook, Line.
  if (/KAKAOTALK|NAVER\(inapp|Instagram|FBAN|FBAV|\bLine\//i.test(agent)) return 'check.denied.inapp';
  if (/iPhone|iPad/.test(agent)) return 'check.denied.ios';
  if (/SamsungBrowser/.test(agent)) return 'check.denied.samsung';
  if (/Firefox/.test(agent)) return 'check.denied.firefox';
  if (/Chrome|Chromium|Edg|Whale/.test(agent)) return 'check.denied.chrome';
  if (/Safari/.test(agent)) return 'check.denied.safari';
  return 'check.denied.else';
}
