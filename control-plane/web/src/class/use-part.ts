import { useEffect, useState } from 'react';
import { useAccount } from '../account/context';
import { enrol, keepTrying, leaveClass, like, unlike } from '../api/client';
import type { Class, MyPart } from '../api/contract';
import { useT } from '../i18n';
import { navigate } from '../router';
import { signInPath } from '../account/context';
import { announce } from '../ui/announce';

/** A click is tried again for this long before the page takes it back. */
const TRY_MS = 8_000;

export interface EnrolmentState {
  mine: MyPart;
  enrolled: number;
  busy: boolean;
  failure: unknown;
  enrol(): void;
  leave(): void;
}

/** Enrolling shows at once and is taken back when it fails; the server's word replaces both. */
export function useEnrolment(entry: Class, onChanged: () => void): EnrolmentState {
  const t = useT();
  const [ahead, setAhead] = useState<MyPart | null>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => setAhead(null), [entry]);

  const mine = ahead ?? entry.mine;
  const counts = (part: MyPart) => (part.enrolment === 'enrolled' ? 1 : 0);
  const full = entry.capacity !== null && entry.enrolled >= entry.capacity;

  const change = async (guess: MyPart, call: () => ReturnType<typeof enrol>) => {
    setAhead(guess);
    setBusy(true);
    setFailure(null);
    try {
      const answer = await keepTrying(call, { maxMs: TRY_MS });
      const told: MyPart = { ...entry.mine, enrolment: answer?.enrolment ?? guess.enrolment };
      if (answer?.position !== undefined) told.position = answer.position;
      setAhead(told);
      announce(t(`class.said.${told.enrolment}`));
      onChanged();
    } catch (error) {
      setAhead(null);
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };

  return {
    mine,
    enrolled: entry.enrolled + counts(mine) - counts(entry.mine),
    busy,
    failure,
    enrol: () => void change({ ...entry.mine, enrolment: full ? 'waiting' : 'enrolled' }, () => enrol(entry.id)),
    leave: () => void change({ teaches: mine.teaches, liked: mine.liked, enrolment: 'none' }, () => leaveClass(entry.id)),
  };
}

export interface LikeState {
  liked: boolean;
  likes: number;
  failure: unknown;
  toggle(): void;
}

export function useLike(entry: Class): LikeState {
  const { account } = useAccount();
  const [ahead, setAhead] = useState<boolean | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => setAhead(null), [entry.mine.liked, entry.id]);
  const liked = ahead ?? entry.mine.liked;
  const toggle = async () => {
    if (!account) return navigate(signInPath());
    setAhead(!liked);
    setFailure(null);
    try {
      await keepTrying(() => (liked ? unlike(entry.id) : like(entry.id)), { maxMs: TRY_MS });
    } catch (error) {
      setAhead(null);
      setFailure(error);
    }
  };
  return { liked, likes: entry.likes + Number(liked) - Number(entry.mine.liked), failure, toggle: () => void toggle() };
}
