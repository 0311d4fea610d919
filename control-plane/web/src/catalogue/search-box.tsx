import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { suggest } from '../api/client';
import type { Suggestion } from '../api/contract';
import { useT } from '../i18n';
import { Icon } from '../ui/icons';
import { QUERY_LENGTH_MAX } from './filters';

/** Typing pauses this long before the server is asked; a syllable being composed is not asked for. */
const PAUSE_MS = 180;

interface SearchBoxProps {
  value: string;
  onSearch: (text: string) => void;
  autoFocus?: boolean;
}

/** A combobox: what one types, and below it what others called such things. */
export function SearchBox({ value, onSearch, autoFocus }: SearchBoxProps) {
  const t = useT();
  const id = useId();
  const [text, setText] = useState(value);
  const [active, setActive] = useState(-1);
  const [open, setOpen] = useState(false);
  const suggestions = useSuggestions(text, open);
  const input = useRef<HTMLInputElement>(null);
  const shown = open && suggestions.length > 0;
  useEffect(() => setText(value), [value]);
  useEffect(() => setActive(-1), [suggestions]);

  const search = (what: string) => {
    setOpen(false);
    setText(what);
    onSearch(what.trim());
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    search(suggestions[active]?.text ?? text);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter and arrows that end a Korean syllable belong to the input method.
    if (event.nativeEvent.isComposing) return;
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && suggestions.length > 0) {
      event.preventDefault();
      setOpen(true);
      setActive((old) => {
        const next = old + step;
        return next < -1 ? suggestions.length - 1 : next >= suggestions.length ? -1 : next;
      });
    } else if (event.key === 'Escape' && shown) {
      event.preventDefault();
      setOpen(false);
    }
  };

  return (
    <form className="search-box" role="search" onSubmit={submit} data-open={shown}>
      <label htmlFor={id} className="hidden-visually">
        {t('search.label')}
      </label>
      <div className="search-line">
        <Icon name="search" size={20} />
        <input
          ref={input}
          id={id}
          type="search"
          role="combobox"
          enterKeyHint="search"
          autoComplete="off"
          maxLength={QUERY_LENGTH_MAX}
          placeholder={t('search.placeholder')}
          value={text}
          autoFocus={autoFocus}
          aria-expanded={shown}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
          data-testid="search-input"
          onChange={(event) => {
            setText(event.target.value);
            setOpen(true);
          }}
          onKeyDown={onKeyDown}
          onBlur={() => setOpen(false)}
        />
        <button type="submit" className="primary" data-testid="search-submit">
          {t('search.submit')}
        </button>
      </div>
      <ul className="suggestions" id={`${id}-list`} role="listbox" aria-label={t('search.suggestions')} hidden={!shown}>
        {suggestions.map((suggestion, index) => (
          <li
            key={`${suggestion.kind} ${suggestion.text}`}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            data-testid="suggestion"
            // Before the blur that would close the list.
            onPointerDown={(event) => {
              event.preventDefault();
              search(suggestion.text);
            }}
          >
            <span>{suggestion.text}</span>
            <span className="soft">{t(`search.kind.${suggestion.kind}`)}</span>
          </li>
        ))}
      </ul>
    </form>
  );
}

function useSuggestions(text: string, wanted: boolean): Suggestion[] {
  const [found, setFound] = useState<Suggestion[]>([]);
  const asked = text.trim();
  useEffect(() => {
    if (!wanted || asked === '') {
      setFound([]);
      return undefined;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      // Suggestions are a help: without them the search still works.
      suggest(asked, stop.signal).then(
        (list) => !stop.signal.aborted && setFound(list.slice(0, 8)),
        () => undefined,
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [asked, wanted]);
  return found;
}
