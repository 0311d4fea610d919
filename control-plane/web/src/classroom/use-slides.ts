import { useEffect, useMemo, useRef, useState } from 'react';
import { hideSlide, showSlide } from '../api/classroom';
import { listMaterials } from '../api/client';
import type { LiveState, Material, NewSlide, Slide } from '../api/contract';
import type { Classroom } from './room';
import { drawn, Turner, turned, type Wish } from './slides';

export interface Slides {
  /** What is shown; on the presenter's page at once, before the server has taken it. */
  slide: Slide | null;
  materials: readonly Material[];
  /** Materials could not be had. */
  unread: unknown;
  /** The latest turn was refused. */
  error: unknown;
  /** Whether the person here may choose what is shown. */
  mayShow: boolean;
  show(spec: NewSlide): void;
  /** Another page of the same. */
  go(page: number): void;
  hide(): void;
}

/** The slides of a class under way. `listed`: the materials themselves are on the page. */
export function useSlides(room: Classroom, live: LiveState, mayShow: boolean, listed: boolean): Slides {
  const [wish, setWish] = useState<Wish | undefined>(undefined);
  const [error, setError] = useState<unknown>(null);
  const shown = live.slide ?? null;
  const { materials, error: unread } = useMaterials(room.id, listed || shown?.material != null, shown?.material ?? '');
  const turner = useMemo(() => {
    const send = async (next: Wish) => {
      const slide = next ? await showSlide(room.id, next) : (await hideSlide(room.id), null);
      room.feed.change((old) => ({ ...old, slide }));
    };
    return new Turner(send, (failure) => {
      setWish(undefined);
      setError(failure);
    });
  }, [room]);
  const slide = wish === undefined ? shown : wish && drawn(wish, materials);
  const show = (next: Wish) => {
    setError(null);
    setWish(next);
    turner.turn(next);
  };
  return {
    slide,
    materials,
    unread,
    error,
    mayShow,
    show,
    go: (page) => slide && show(turned(slide, page)),
    hide: () => show(null),
  };
}

/** A class's materials, once they are wanted; asked for again when one is named that was not there yet. */
export function useMaterials(classId: string, wanted: boolean, named = ''): { materials: readonly Material[]; error: unknown } {
  const [found, setFound] = useState<readonly Material[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const asked = useRef('');
  const missing = found !== null && named !== '' && !found.some(({ id }) => id === named);
  useEffect(() => {
    // Once for each that is missing: one that was taken away stays unknown.
    const question = `${classId} ${missing ? named : ''}`;
    if (!wanted || (found !== null && !missing) || asked.current === question) return;
    asked.current = question;
    listMaterials(classId).then(
      (materials) => {
        setFound(materials);
        setError(null);
      },
      (failure: unknown) => setError(failure),
    );
  }, [classId, wanted, found, missing, named]);
  return { materials: found ?? NONE, error };
}

const NONE: readonly Material[] = [];
