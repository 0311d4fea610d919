import type { SessionOptions } from '../src/live/session';
import type { ChatMessage, LiveSession, LiveView, Person, Phase, Picture } from '../src/live/view';

/** A class without a server: `?scene=` alone, talk, screen, crowd, reconnecting, moving, failed, ended. */

const NAMES = [
  '한가람',
  '미나',
  '준호',
  '서연',
  '해녀 순이',
  '도윤',
  '하은',
  '지우',
  'Ruth Adeyemi',
  '유진',
  '민재',
  '파랑',
  '솔',
  '나리',
  '정원',
  '들국',
];
const REGIONS = ['seoul', 'jeju', 'gangneung'];

export function createSession(options: SessionOptions): LiveSession {
  const scene = new URLSearchParams(location.search).get('scene') ?? 'talk';
  const count = { alone: 0, crowd: 40, screen: 9, failed: 0, ended: 0 }[scene] ?? 5;
  const listeners = new Set<() => void>();
  const phase: Phase =
    scene === 'reconnecting' || scene === 'moving'
      ? { name: scene }
      : scene === 'failed'
        ? { name: 'failed', error: null }
        : scene === 'ended'
          ? { name: 'ended', reason: 'duplicate' }
          : { name: 'connected' };
  const chat: ChatMessage[] =
    scene !== 'sdk-chat'
      ? []
      : [
          ['미나', '안녕하세요! 제주에서 들어왔어요.'],
          ['한가람', '어서 오세요. 소리 잘 들리시나요?'],
          ['준호', '네, 화면도 잘 보여요. 오늘 준비물에 수건도 있었나요? 물도 미리 챙기는 게 좋을까요?'],
        ].map(([name = '', text = ''], place) => ({
          id: String(place),
          identity: name,
          name,
          text,
          atMs: Date.now() - 60_000 * (3 - place),
        }));
  let view: LiveView = {
    phase,
    edge: { id: 'jeju-edge', region: 'jeju', url: '', distance_km: 2, reason: 'nearest' },
    chat,
    recording: false,
    soundBlocked: false,
    measure: scene === 'weak' ? { quality: 'poor', rttMs: 480, loss: 0.12 } : { quality: 'good', rttMs: 9, loss: 0.004 },
    canPublish: options.request.role !== 'observer',
    canSpeak: options.request.role !== 'observer',
    canShare: options.request.role !== 'observer',
    canSend: options.request.role !== 'observer',
    canRaiseHand: options.request.role !== 'observer',
    deviceError: null,
    people: [own(options), ...Array.from({ length: count }, (_, place) => other(place, scene)).filter(notMe)],
  };
  const set = (change: Partial<LiveView>) => {
    view = { ...view, ...change };
    for (const listener of listeners) listener();
  };
  const change = (part: Partial<Person>) =>
    set({ people: view.people.map((person) => (person.local ? { ...person, ...part } : person)) });
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    view: () => view,
    onPacket: (listener) => {
      const words = new EventSource(`/mock-words?class=${encodeURIComponent(options.request.class)}`);
      const encode = (text: string) => new TextEncoder().encode(text);
      words.onmessage = ({ data }) => listener({ topic: 'seodang.class', payload: encode(String(data)), identity: '' });
      const clap = setInterval(() => {
        if (scene === 'react') listener({ topic: 'seodang.reaction', payload: encode('{"e":"👏"}'), identity: 'p1' });
      }, 500);
      return () => {
        words.close();
        clearInterval(clap);
      };
    },
    sendPacket: async () => undefined,
    setMicrophone: async (micOpen) => change({ micOpen }),
    setCamera: async (on) => change({ camera: on ? drawn('나', 20) : null }),
    setScreen: async (on) => change({ screen: on ? drawn('내 화면', 200) : null }),
    setHand: async (up) => change({ handAt: up ? Date.now() : 0 }),
    startSound: async () => set({ soundBlocked: false }),
    retry: async () => set({ phase: { name: 'connected' } }),
    leave: async () => set({ phase: { name: 'ended', reason: 'left' } }),
  };
}

/** The teacher of the fixtures is oneself where one teaches. */
function notMe(person: Person): boolean {
  return person.identity !== 'p0' || new URLSearchParams(location.search).get('as') !== 'teacher';
}

function own({ request, media }: SessionOptions): Person {
  const as = new URLSearchParams(location.search).get('as');
  return {
    ...blank(as === 'teacher' ? 'p0' : 'a-me', as === 'teacher' ? '한가람' : request.name || '바람'),
    local: true,
    role: as === 'teacher' ? 'instructor' : (request.role ?? 'student'),
    region: 'jeju',
    edge: 'jeju-edge',
    micOpen: media.microphone !== null,
    camera: media.camera ? drawn('나', 20) : null,
  };
}

function other(place: number, scene: string): Person {
  const name = NAMES[place % NAMES.length] ?? '?';
  const region = REGIONS[place % REGIONS.length] ?? 'seoul';
  return {
    ...blank(`p${place}`, place < NAMES.length ? name : `${name} ${Math.floor(place / NAMES.length) + 1}`),
    role: place === 0 ? 'instructor' : 'student',
    region,
    edge: `${region}-edge`,
    micOpen: place % 3 !== 2,
    speaking: place === 0,
    canSpeak: true,
    canShare: place === 0,
    spokeAt: place === 0 ? Date.now() : 0,
    handAt: place === 3 ? Date.now() - 5_000 : 0,
    camera: place % 4 === 2 ? null : drawn(name, place * 47),
    quality: (['excellent', 'good', 'poor', 'excellent'] as const)[place % 4] ?? 'unknown',
    screen: scene === 'screen' && place === 0 ? slide() : null,
  };
}

function blank(identity: string, name: string): Person {
  return {
    identity,
    name,
    local: false,
    role: 'student',
    region: null,
    edge: null,
    handAt: 0,
    micOpen: false,
    camera: null,
    screen: null,
    speaking: false,
    canSpeak: true,
    canShare: true,
    spokeAt: 0,
    quality: 'excellent',
  };
}

function drawn(name: string, hue: number): Picture {
  return canvasPicture(
    640,
    360,
    (context, frame) => {
      context.fillStyle = `hsl(${hue} 22% 34%)`;
      context.fillRect(0, 0, 640, 360);
      context.fillStyle = `hsl(${hue} 30% 62%)`;
      context.beginPath();
      context.arc(320, 150 + Math.sin(frame / 8) * 4, 62, 0, 7);
      context.ellipse(320, 350, 150, 120, 0, 0, 7);
      context.fill();
    },
    name,
  );
}

function slide(): Picture {
  return canvasPicture(
    1280,
    720,
    (context) => {
      context.fillStyle = '#f7f2e6';
      context.fillRect(0, 0, 1280, 720);
      context.fillStyle = '#221d17';
      context.font = '700 64px serif';
      context.fillText('오늘의 동작: 첫 회전', 90, 150);
      context.font = '36px sans-serif';
      ['1. 손의 높이를 먼저 정합니다', '2. 안쪽 발로 밀고, 바깥 무릎을 접습니다', '3. 시선은 도는 쪽으로'].forEach(
        (line, place) => context.fillText(line, 90, 270 + place * 80),
      );
      context.strokeStyle = '#a8321f';
      context.lineWidth = 8;
      context.strokeRect(40, 40, 1200, 640);
    },
    '화면',
  );
}

function canvasPicture(
  width: number,
  height: number,
  draw: (context: CanvasRenderingContext2D, frame: number) => void,
  id: string,
): Picture {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  let frame = 0;
  if (context) setInterval(() => draw(context, frame++), 100);
  const stream = canvas.captureStream(10);
  return {
    id,
    attach: (element) => {
      element.srcObject = stream;
    },
    detach: (element) => {
      element.srcObject = null;
    },
  };
}
