import { useMemo } from 'react';
import { getClass } from '../api/client';
import type { Account } from '../api/contract';
import { QuizDesk } from '../classroom/quiz-desk';
import { Classroom } from '../classroom/room';
import { useClassroom } from '../classroom/use-classroom';
import { useI18n } from '../i18n';
import { Failure } from '../ui/failure';
import { SignedIn } from '../ui/signed-in';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';
import { DeskHead } from './head';
import '../classroom/classroom.css';

/** `/desk/{id}/quizzes`: quizzes and polls made ready before the class, with the means of the live room. */
export function QuizzesPage({ id }: { id: string }) {
  const { t } = useI18n();
  const { value, error, retry } = useLoad(() => getClass(id), [id]);
  return (
    <>
      <DeskHead entry={value} id={id} tab="/quizzes" />
      <p className="soft">{t('desk.quizzes.text')}</p>
      <Failure error={error} onRetry={retry} />
      {value && (
        <SignedIn role="instructor">
          {(account) => <Prepare id={id} account={account} canOpen={value.state === 'live'} />}
        </SignedIn>
      )}
    </>
  );
}

function Prepare({ id, account, canOpen }: { id: string; account: Account; canOpen: boolean }) {
  const room = useMemo(() => new Classroom(id, { id: account.id, name: account.name }, true), [id, account.id, account.name]);
  const { live, known, offsetMs } = useClassroom(room);
  if (!known) return <Skeleton shape="rows" count={3} />;
  return (
    <div className="prepare">
      <QuizDesk room={room} live={live} offsetMs={offsetMs} canOpen={canOpen} />
    </div>
  );
}
