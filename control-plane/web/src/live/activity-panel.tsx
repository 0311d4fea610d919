import { PollCard } from '../classroom/polls';
import { QuestionPile } from '../classroom/questions';
import { QuizDesk } from '../classroom/quiz-desk';
import type { Classroom } from '../classroom/room';
import { SlideDesk } from '../classroom/slide-desk';
import { StudentQuiz } from '../classroom/student-quiz';
import { Tabs } from '../classroom/tabs';
import type { ClassroomView } from '../classroom/use-classroom';
import type { Slides } from '../classroom/use-slides';
import { useT } from '../i18n';
import { Loading } from '../ui/notice';
import { PanelFrame } from './panel-frame';

export type Tab = 'quiz' | 'questions' | 'slides';
const TABS: readonly Tab[] = ['quiz', 'questions', 'slides'];

interface ActivityPanelProps {
  room: Classroom;
  view: ClassroomView;
  slides: Slides;
  tab: Tab;
  onTab: (tab: Tab) => void;
  canAsk: boolean;
  onClose: () => void;
}

/** Quizzes, polls, questions and materials. */
export function ActivityPanel({ room, view, slides, tab, onTab, canAsk, onClose }: ActivityPanelProps) {
  const t = useT();
  const { live, offsetMs } = view;
  const open = live.questions.filter(({ state }) => state === 'open').length;
  return (
    <PanelFrame title={t('live.activity')} testid="panel-activity" onClose={onClose}>
      <Tabs label={t('room.tabs')} tabs={TABS} chosen={tab} onChoose={onTab}>
        {(name) => (
          <>
            {t(`room.tab.${name}`)}
            {name === 'questions' && open > 0 && <span className="count">{open}</span>}
          </>
        )}
      </Tabs>
      <div className="panel-scroll" role="tabpanel" id={`tabpanel-${tab}`} aria-labelledby={`tab-${tab}`} tabIndex={0}>
        {view.stale && <p className="soft stale">{t('room.stale')}</p>}
        {!view.known && !view.stale && tab !== 'slides' && <Loading />}
        {view.known &&
          tab === 'quiz' &&
          (room.teaches ? (
            <QuizDesk room={room} live={live} offsetMs={offsetMs} />
          ) : (
            <StudentActivities room={room} view={view} />
          ))}
        {tab === 'questions' && (view.known || view.parcels.length > 0 || canAsk) && (
          <QuestionPile room={room} questions={live.questions} parcels={view.parcels} canAsk={canAsk} />
        )}
        {tab === 'slides' && <SlideDesk slides={slides} />}
      </div>
    </PanelFrame>
  );
}

/** What is open comes first, what came last before what came first. */
function StudentActivities({ room, view }: { room: Classroom; view: ClassroomView }) {
  const t = useT();
  const quizzes = view.live.quizzes.filter((quiz) => quiz.state !== 'draft');
  const polls = view.live.polls.filter((poll) => poll.state !== 'draft');
  const rank = (state: string) => (state === 'open' ? 0 : 1);
  const ordered = [...quizzes].sort((a, b) => rank(a.state) - rank(b.state) || (b.opened_at_ms ?? 0) - (a.opened_at_ms ?? 0));
  return (
    <div className="quiz-desk">
      {quizzes.length + polls.length === 0 && <p className="soft">{t('room.none')}</p>}
      {ordered
        .filter((quiz) => quiz.state === 'open')
        .map((quiz) => (
          <StudentQuiz key={quiz.id} room={room} quiz={quiz} offsetMs={view.offsetMs} />
        ))}
      {[...polls]
        .sort((a, b) => rank(a.state) - rank(b.state))
        .map((poll) => (
          <PollCard key={poll.id} room={room} poll={poll} />
        ))}
      {ordered
        .filter((quiz) => quiz.state !== 'open')
        .map((quiz) => (
          <StudentQuiz key={quiz.id} room={room} quiz={quiz} offsetMs={view.offsetMs} />
        ))}
    </div>
  );
}
