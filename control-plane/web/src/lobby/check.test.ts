import { expect, test } from 'vitest';
import { deniedKey } from './denied';
import { gradeOf } from './probe';

test('the verdict is about what a class will be like, not about numbers', () => {
  expect(gradeOf([8, 9, 10, 9, 8, 12])).toEqual({ grade: 'good', rttMs: 9 });
  expect(gradeOf([300, 310, 290, 305, 300, 320]).grade).toBe('fair');
  expect(gradeOf([700, 650, 600, 720, 690, 710]).grade).toBe('weak');
  expect(gradeOf([20, 22, 400, 25, 21, 30]).grade).toBe('unstable');
  expect(gradeOf([20, null, 22, 21, 20, 19]).grade).toBe('unstable');
  expect(gradeOf([20, null, null, null, 20, 19]).grade).toBe('unstable');
  expect(gradeOf([null, null]).grade).toBe('none');
  expect(gradeOf([]).grade).toBe('none');
});

test('each browser has its own place for the permission', () => {
  const chrome = 'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36';
  expect(deniedKey(chrome, true)).toBe('check.denied.chrome');
  expect(deniedKey(`${chrome} KAKAOTALK 10.1`, true)).toBe('check.denied.inapp');
  expect(deniedKey('Mozilla/5.0 (Linux) SamsungBrowser/26.0 Chrome/122.0 Mobile Safari/537.36', true)).toBe(
    'check.denied.samsung',
  );
  expect(deniedKey('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile Safari/604.1', true)).toBe('check.denied.ios');
  expect(deniedKey('Mozilla/5.0 (Macintosh) Version/18.0 Safari/605.1', true)).toBe('check.denied.safari');
  expect(deniedKey('Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/140.0', true)).toBe('check.denied.firefox');
  expect(deniedKey(chrome, false)).toBe('check.denied.insecure');
});
