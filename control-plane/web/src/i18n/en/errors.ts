import type { errors as ko } from '../ko/errors';

export const errors: Record<keyof typeof ko, string> = {
  'error.unreachable': 'The server cannot be reached. Check your internet connection and try again.',
  'error.bad_answer': 'The server sent an answer this page does not understand. Try again in a moment.',
  'error.class_not_found': 'There is no such class. Check the address or choose one from the list.',
  'error.no_edge': 'No server can take you right now. Try again in a moment.',
  'error.no_capacity': 'Every server is full. Try again in a moment.',
  'error.starting': 'The server is just starting. Try again in a few seconds.',
  'error.rate_limited': 'Too many requests from here. Wait a little and try again.',
  'error.store_unavailable': 'The list of classes cannot be reached. Try again in a moment.',
  'error.cdn_none': 'No server can send the replay. Try again in a moment.',
  'error.cdn_failed': 'The replay server cannot be reached. Check your internet connection and try again.',
  'error.hand_failed': 'Your hand could not be raised. Check your connection and press again.',
  'error.render': 'This page could not be drawn. Reloading usually helps.',
  'error.reload': 'Reload',
};
