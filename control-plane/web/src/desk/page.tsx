import { useI18n } from '../i18n';
import type { Route } from '../router';
import { SignedIn } from '../ui/signed-in';
import { useTitle } from '../ui/use-title';
import { AttendancePage } from './attendance';
import { DeskClassPage } from './class';
import { EditPage, NewPage } from './edit';
import { DeskList } from './list';
import { QuizzesPage } from './quizzes';
import { SummaryPage } from './summary';
import './desk.css';

/** What an instructor prepares, runs and looks at afterwards. */
export default function DeskPages({ route }: { route: Route }) {
  const { t } = useI18n();
  useTitle(t('nav.desk'));
  return (
    <div className="page desk">
      <SignedIn role="instructor" heads>{() => <Desk route={route} />}</SignedIn>
    </div>
  );
}

function Desk({ route }: { route: Route }) {
  switch (route.page) {
    case 'desk-new':
      return <NewPage />;
    case 'desk-class':
      return <DeskClassPage id={route.id} />;
    case 'desk-edit':
      return <EditPage id={route.id} />;
    case 'desk-quizzes':
      return <QuizzesPage id={route.id} />;
    case 'desk-attendance':
      return <AttendancePage id={route.id} />;
    case 'desk-summary':
      return <SummaryPage id={route.id} />;
    default:
      return <DeskList />;
  }
}
