import { ApiError } from '../api/client';
import type { Key, Translate } from '.';
import { ko } from './ko';

/** What went wrong and what to do, in the reader's language where we have the words, else as the server said it. */
export function explain(t: Translate, error: unknown): string {
  if (error instanceof ApiError) {
    const key = `error.${error.code}`;
    return key in ko ? t(key as Key) : error.message;
  }
  return t('error.bad_answer');
}
