import { expect, test } from 'vitest';
import { digitsOf, longEnough, looksLikeMail } from './check';

test('a code is read however it was typed or pasted', () => {
  expect(digitsOf('123456')).toBe('123456');
  expect(digitsOf(' 123 456 ')).toBe('123456');
  expect(digitsOf('１２３-４５６')).toBe('123456');
  expect(digitsOf('확인 번호: 004217')).toBe('004217');
  expect(digitsOf('12345678')).toBe('123456');
  expect(digitsOf('twelve')).toBe('');
});

test('only what cannot be an address is refused here', () => {
  for (const mail of ['a@b.kr', ' mina+ink@seodang.example.kr ', '한글@도메인.한국'])
    expect(looksLikeMail(mail), mail).toBe(true);
  for (const mail of ['', 'a', 'a@b', 'a b@c.d', '@b.kr', 'a@@b.kr']) expect(looksLikeMail(mail), mail).toBe(false);
});

test('a password is measured in characters', () => {
  expect(longEnough('가나다라마바사')).toBe(false);
  expect(longEnough('가나다라마바사아')).toBe(true);
  expect(longEnough('🖌️'.repeat(3))).toBe(false);
});
