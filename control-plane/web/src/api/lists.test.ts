import { afterEach, expect, test, vi } from 'vitest';
import { attendanceCsvPath, correctAttendance } from './classroom';
import { listEnrolments } from './client';

afterEach(() => void vi.unstubAllGlobals());

test('everybody enrolled is listed, not the first page only', async () => {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    const from = Number(new URL(path, 'http://x').searchParams.get('cursor') ?? 0);
    const items = Array.from({ length: 200 }, (_, at) => ({ account: { id: `a${from + at}` } }));
    return new Response(JSON.stringify({ items, next: from < 400 ? String(from + 200) : null }));
  });
  const { items, more } = await listEnrolments('clay');
  expect(items.map((line) => line.account.id)).toEqual(Array.from({ length: 600 }, (_, at) => `a${at}`));
  expect(more).toBe(false);
  expect(asked).toHaveLength(3);
});

test('a list without an end is given up, and that is told', async () => {
  const page = JSON.stringify({ items: Array.from({ length: 200 }, () => ({})), next: 'on' });
  vi.stubGlobal('fetch', async () => new Response(page));
  expect(await listEnrolments('clay')).toMatchObject({ more: true });
});

test('a correction is of the lesson that was on the page', async () => {
  const sent: unknown[] = [];
  vi.stubGlobal('fetch', async (_: string, { body }: RequestInit) => {
    sent.push(JSON.parse(String(body)));
    return new Response('{}');
  });
  await correctAttendance('clay', 'mina', 'present', 'was there', 'RM_1');
  await correctAttendance('clay', 'mina', 'present', 'was there', undefined);
  expect(sent).toEqual([
    { status: 'present', reason: 'was there', room_sid: 'RM_1' },
    { status: 'present', reason: 'was there' },
  ]);
  expect(attendanceCsvPath('clay', 'RM_1')).toBe('/v1/classes/clay/attendance.csv?room_sid=RM_1');
});
