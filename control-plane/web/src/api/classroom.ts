/**
 * Calls in class and after it. Every id that is made here (`newId`) makes its call idempotent: it may be tried again
 * (`keepTrying`) until it is answered.
 */
import { classPath } from './client';
import type {
  AnswerReceipt,
  Attendance,
  AttendanceEntry,
  AttendanceStatus,
  ChatMessage,
  ClassEvent,
  Control,
  LiveState,
  NewPoll,
  NewQuestion,
  NewQuiz,
  NewSlide,
  NewThread,
  Page,
  Poll,
  Question,
  QuestionState,
  Quiz,
  QuizAnswer,
  Reply,
  Slide,
  Summary,
  Tally,
  Thread,
  ThreadDetail,
  Watched,
} from './contract';
import { get, part, patch, post, put, queryOf, remove } from './request';

/** Name of something the page makes: the same thing sent twice is one. */
export const newId = (): string => crypto.randomUUID();

export const getLive = (id: string): Promise<LiveState> => get(`${classPath(id)}/live`);

// Quizzes and polls

const quiz = (id: string, q: string) => `${classPath(id)}/quizzes/${part(q)}`;
export const makeQuiz = (id: string, spec: NewQuiz): Promise<Quiz> => post(`${classPath(id)}/quizzes`, spec);
export const changeQuiz = (id: string, q: string, spec: NewQuiz): Promise<Quiz> => put(quiz(id, q), spec);
export const deleteQuiz = (id: string, q: string): Promise<void> => remove(quiz(id, q));
export const moveQuiz = (id: string, q: string, to: 'open' | 'close' | 'reveal'): Promise<Quiz> => post(`${quiz(id, q)}/${to}`);
export const answerQuiz = (id: string, q: string, answerId: string, answer: QuizAnswer): Promise<AnswerReceipt> =>
  put(`${quiz(id, q)}/answers/${part(answerId)}`, answer);
export const getTally = (id: string, q: string): Promise<Tally> => get(`${quiz(id, q)}/tally`);

const poll = (id: string, p: string) => `${classPath(id)}/polls/${part(p)}`;
export const makePoll = (id: string, spec: NewPoll): Promise<Poll> => post(`${classPath(id)}/polls`, spec);
export const movePoll = (id: string, p: string, to: 'open' | 'close'): Promise<Poll> => post(`${poll(id, p)}/${to}`);
export const vote = (id: string, p: string, choices: string[]): Promise<Poll> => put(`${poll(id, p)}/vote`, { choices });

// Chat, hands, questions, controls

export const sendChat = (id: string, message: { id: string; text: string }): Promise<ChatMessage> =>
  post(`${classPath(id)}/chat`, message);
export const listChat = (id: string, at: { before?: string; after?: string }): Promise<Page<ChatMessage>> =>
  get(`${classPath(id)}/chat${queryOf(at)}`);
export const deleteChat = (id: string, message: string): Promise<void> => remove(`${classPath(id)}/chat/${part(message)}`);
export const muteChat = (id: string, account: string): Promise<void> => put(`${classPath(id)}/chat/muted/${part(account)}`);
export const unmuteChat = (id: string, account: string): Promise<void> =>
  remove(`${classPath(id)}/chat/muted/${part(account)}`);

export const raiseHand = (id: string): Promise<void> => put(`${classPath(id)}/hand`);
export const lowerHand = (id: string): Promise<void> => remove(`${classPath(id)}/hand`);
export const lowerHandOf = (id: string, account: string): Promise<void> => remove(`${classPath(id)}/hands/${part(account)}`);

const question = (id: string, q: string) => `${classPath(id)}/questions/${part(q)}`;
export const ask = (id: string, spec: NewQuestion): Promise<Question> => post(`${classPath(id)}/questions`, spec);
export const voteFor = (id: string, q: string): Promise<void> => put(`${question(id, q)}/vote`);
export const unvote = (id: string, q: string): Promise<void> => remove(`${question(id, q)}/vote`);
export const changeQuestion = (id: string, q: string, change: { state?: QuestionState; answer?: string }): Promise<Question> =>
  patch(question(id, q), change);

export const showSlide = (id: string, spec: NewSlide): Promise<Slide> => put(`${classPath(id)}/slide`, spec);
export const hideSlide = (id: string): Promise<void> => remove(`${classPath(id)}/slide`);

export const control = (id: string, what: Control, identity?: string): Promise<void> =>
  post(`${classPath(id)}/controls`, { do: what, ...(identity === undefined ? {} : { identity }) });

// After class

export const getAttendance = (id: string): Promise<Attendance> => get(`${classPath(id)}/attendance`);
/** Of the lesson that life of the room belongs to; else of the latest. */
export const attendanceCsvPath = (id: string, roomSid?: string): string =>
  `${classPath(id)}/attendance.csv${queryOf({ room_sid: roomSid })}`;
export const correctAttendance = (
  id: string,
  account: string,
  status: AttendanceStatus,
  reason: string,
  /** A life of the room in the lesson it is about: another one may have begun meanwhile. */
  roomSid: string | undefined,
): Promise<AttendanceEntry> =>
  patch(`${classPath(id)}/attendance/${part(account)}`, {
    status,
    reason,
    ...(roomSid === undefined ? {} : { room_sid: roomSid }),
  });
export const getSummary = (id: string): Promise<Summary> => get(`${classPath(id)}/summary`);
export const getTimeline = async (id: string, roomSid: string): Promise<ClassEvent[]> =>
  (await get<{ items: ClassEvent[] }>(`${classPath(id)}/timeline${queryOf({ room_sid: roomSid })}`)).items;
/** `leaving`: the page may be gone before the answer. */
export const sendWatched = (id: string, items: Watched[], leaving = false): Promise<void> =>
  post(`${classPath(id)}/watched`, { items }, { keepalive: leaving });

const thread = (id: string, t: string) => `${classPath(id)}/board/${part(t)}`;
export const listThreads = (id: string, cursor?: string): Promise<Page<Thread>> =>
  get(`${classPath(id)}/board${queryOf({ cursor })}`);
export const startThread = (id: string, spec: NewThread): Promise<Thread> => post(`${classPath(id)}/board`, spec);
export const getThread = (id: string, t: string): Promise<ThreadDetail> => get(thread(id, t));
export const reply = (id: string, t: string, spec: { id: string; text: string }): Promise<Reply> =>
  post(`${thread(id, t)}/replies`, spec);
export const accept = (id: string, t: string, accepted: string): Promise<void> =>
  put(`${thread(id, t)}/accepted`, { reply: accepted });
export const deleteThread = (id: string, t: string): Promise<void> => remove(thread(id, t));
