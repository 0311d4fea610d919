import { useI18n } from '../i18n';
import { devMail } from '../api/client';
import { useLoad } from '../ui/use-load';
import { CODE_LENGTH } from './check';
import { useAccount } from './context';

const REFRESH_MS = 2_000;

/** Development has no mail: what would have been sent is shown here. */
export function DevMailHint({ email, onCode }: { email: string; onCode: (code: string) => void }) {
  const { dev } = useAccount();
  return dev ? <Mail email={email} onCode={onCode} /> : null;
}

function Mail({ email, onCode }: { email: string; onCode: (code: string) => void }) {
  const { t } = useI18n();
  const { value } = useLoad(() => devMail(email), [email], REFRESH_MS);
  const mail = value?.[0];
  if (!mail) return null;
  const code = new RegExp(`\\b\\d{${CODE_LENGTH}}\\b`).exec(mail.text)?.[0];
  return (
    <aside className="dev-mail" data-testid="dev-mail">
      <p className="soft">{t('code.dev')}</p>
      <p>
        <b>{mail.subject}</b>
      </p>
      <p className="dev-mail-text">{mail.text}</p>
      {code && (
        <button type="button" data-testid="dev-mail-code" onClick={() => onCode(code)}>
          {t('code.dev.use', { code })}
        </button>
      )}
    </aside>
  );
}
