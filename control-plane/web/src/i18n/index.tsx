import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { recall, remember } from '../storage';
import { type Key, ko } from './ko';

export type { Key };
export type Language = 'ko' | 'en';
export type Translate = (key: Key, values?: Record<string, string | number>) => string;

interface I18n {
  language: Language;
  setLanguage(language: Language): void;
  t: Translate;
}

const Context = createContext<I18n | null>(null);

/** Fills `{name}` in; a name without a value stays as it is, so that it shows in tests. */
export function fill(text: string, values: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

function firstLanguage(): Language {
  const asked = new URLSearchParams(location.search).get('lang');
  // A link that names a language is a choice like the switch.
  if (asked === 'ko' || asked === 'en') remember('language', asked);
  return (asked ?? recall('language')) === 'en' ? 'en' : 'ko';
}

type Words = Record<Key, string>;

/** Korean comes with the page; English is fetched by those who read it. */
async function wordsOf(language: Language): Promise<Words> {
  return language === 'ko' ? ko : (await import('./en')).en;
}

export function I18nProvider({ children }: { children: ReactNode }) {
  const [asked, setAsked] = useState<Language>(firstLanguage);
  const [loaded, setLoaded] = useState<{ language: Language; words: Words } | null>(
    asked === 'ko' ? { language: 'ko', words: ko } : null,
  );
  useEffect(() => {
    let current = true;
    const take = (language: Language, words: Words) => current && setLoaded({ language, words });
    wordsOf(asked).then(
      (words) => take(asked, words),
      () => take('ko', ko),
    );
    return () => {
      current = false;
    };
  }, [asked]);
  const language = loaded?.language ?? asked;
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const value = useMemo<I18n | null>(
    () =>
      loaded && {
        language: loaded.language,
        setLanguage: (next) => {
          remember('language', next);
          setAsked(next);
        },
        t: (key, values) => fill(loaded.words[key], values),
      },
    [loaded],
  );
  return value && <Context value={value}>{children}</Context>;
}

export function useI18n(): I18n {
  const value = useContext(Context);
  if (!value) throw new Error('useI18n outside of I18nProvider');
  return value;
}

export const useT = (): Translate => useI18n().t;

/** A region by its name in the reader's language; unknown regions go by their id. */
export function regionName(t: Translate, id: string): string {
  const key = `region.${id}`;
  return key in ko ? t(key as Key) : id;
}
