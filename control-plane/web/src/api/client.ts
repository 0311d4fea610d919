/** Calls for the fleet, people and the catalogue. In class and after it: `classroom.ts`. */
import type {
  Account,
  Category,
  CdnChoice,
  Class,
  ClassDetail,
  ClassQuery,
  Config,
  Demand,
  DevMail,
  Enrolled,
  EnrolmentAnswer,
  JoinRequest,
  JoinResponse,
  Location,
  Material,
  Me,
  MyClasses,
  NewAccount,
  NewClass,
  NewWish,
  Node,
  Notification,
  Ops,
  Page,
  ProfileChange,
  Recommendation,
  Suggestion,
  Wish,
} from './contract';
import { get, onCsrfRefused, part, patch, post, put, queryOf, remove, setCsrf } from './request';
import { upload } from './upload';

export { ApiError } from './request';
export { keepTrying } from './retry';

/** What every class list asks for at once. */
const PAGE_LIMIT = 24;

let config: Promise<Config> | undefined;

/** The deployment's settings; asked once per page load, again after a failure. */
export function getConfig(): Promise<Config> {
  config ??= get<Config>('/v1/config').catch((error: unknown) => {
    config = undefined;
    throw error;
  });
  return config;
}

// People

/** Who is here. Also brings the CSRF word that every change needs. */
export async function getMe(): Promise<Me> {
  const me = await get<Me>('/v1/me');
  setCsrf(me.csrf);
  return me;
}
onCsrfRefused(getMe);

/** Answers the ticket that the code of the mail is for. */
export const signUp = async (spec: NewAccount): Promise<string> =>
  (await post<{ ticket: string }>('/v1/accounts', spec)).ticket;
export const confirmAccount = (email: string, ticket: string, code: string): Promise<{ account: Account }> =>
  post('/v1/accounts/confirm', { email, ticket, code });
export const signIn = (email: string, password: string): Promise<{ account: Account }> =>
  post('/v1/session', { email, password });
export const signOut = (): Promise<void> => remove('/v1/session');
export const changeMe = async (change: ProfileChange): Promise<Account> =>
  (await patch<{ account: Account }>('/v1/me', change)).account;
export const deleteMe = (password: string): Promise<void> => remove('/v1/me', { password });
export const forgotPassword = (email: string): Promise<void> => post('/v1/password/forgotten', { email });
export const resetPassword = (email: string, code: string, password: string): Promise<void> =>
  post('/v1/password', { email, code, password });
/** Where the browser goes to sign in with `provider`, and `next` where it comes back to. */
export const oidcPath = (provider: string, next: string): string =>
  `/v1/oidc/${part(provider)}${queryOf({ return_to: next })}`;
export const devMail = async (to: string): Promise<DevMail[]> =>
  (await get<{ items: DevMail[] }>(`/v1/dev/mail${queryOf({ to })}`)).items;

export const findAccounts = (q: string, cursor?: string): Promise<Page<Account>> =>
  get(`/v1/admin/accounts${queryOf({ q, cursor })}`);
export const changeAccount = (id: string, change: { role?: Account['role']; disabled?: boolean }): Promise<Account> =>
  patch(`/v1/admin/accounts/${part(id)}`, change);

export const listNotifications = (cursor?: string): Promise<Page<Notification>> =>
  get(`/v1/me/notifications${queryOf({ cursor })}`);
/** Everything up to and with `until`. */
export const readNotifications = (until: string): Promise<void> => put('/v1/me/notifications/read', { until });

// Catalogue

let categories: Promise<Category[]> | undefined;

/** Asked once per page load, again after a failure. */
export function listCategories(): Promise<Category[]> {
  categories ??= get<{ items: Category[] }>('/v1/categories').then(
    (list) => list.items,
    (error: unknown) => {
      categories = undefined;
      throw error;
    },
  );
  return categories;
}

export const findClasses = (query: ClassQuery = {}, signal?: AbortSignal): Promise<Page<Class>> =>
  get(`/v1/classes${queryOf({ limit: PAGE_LIMIT, ...query })}`, signal ? { signal } : {});
/** The first of all classes, for those who need their titles. */
export const listClasses = async (): Promise<Class[]> => (await findClasses({ limit: 100 })).items;

export async function getClass(id: string): Promise<ClassDetail> {
  const detail = await get<ClassDetail>(classPath(id));
  return { ...detail, recordings: detail.recordings ?? [] };
}

export const classPath = (id: string): string => `/v1/classes/${part(id)}`;
export const createClass = (spec: NewClass): Promise<Class> => post('/v1/classes', spec);
export const changeClass = (id: string, change: Partial<NewClass>): Promise<Class> => patch(classPath(id), change);
export const deleteClass = (id: string): Promise<void> => remove(classPath(id));
export const enrol = (id: string): Promise<EnrolmentAnswer> => put(`${classPath(id)}/enrolment`);
export const leaveClass = (id: string): Promise<EnrolmentAnswer> => remove(`${classPath(id)}/enrolment`);
/** More than fit a page that is to be read; the server has 200 on each of its own. */
const ENROLMENTS_MAX = 4_000;

/** Who has a place and who waits, oldest first; `more`: there are others beyond those. */
export async function listEnrolments(id: string): Promise<{ items: Enrolled[]; more: boolean }> {
  const items: Enrolled[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Enrolled> = await get(`${classPath(id)}/enrolments${queryOf({ cursor })}`);
    items.push(...page.items);
    cursor = page.next ?? null;
  } while (cursor !== null && items.length < ENROLMENTS_MAX);
  return { items, more: cursor !== null };
}
export const like = (id: string): Promise<void> => put(`${classPath(id)}/like`);
export const unlike = (id: string): Promise<void> => remove(`${classPath(id)}/like`);
export const calendarPath = (id: string): string => `${classPath(id)}/calendar.ics`;
export const myClasses = (): Promise<MyClasses> => get('/v1/me/classes');

export const listMaterials = async (id: string): Promise<Material[]> =>
  (await get<{ items: Material[] }>(`${classPath(id)}/materials`)).items;
export const addLink = (id: string, title: string, url: string): Promise<Material> =>
  post(`${classPath(id)}/materials`, { title, url });
export const uploadMaterial = (id: string, file: File, onProgress: (share: number) => void): Promise<Material> =>
  upload(`${classPath(id)}/materials/file${queryOf({ name: file.name })}`, file, onProgress);
export const deleteMaterial = (id: string, material: string): Promise<void> =>
  remove(`${classPath(id)}/materials/${part(material)}`);

// Discover

export const recommendations = async (limit: number): Promise<Recommendation[]> =>
  (await get<{ items: Recommendation[] }>(`/v1/recommendations${queryOf({ limit })}`)).items;
export const suggest = async (q: string, signal: AbortSignal): Promise<Suggestion[]> =>
  (await get<{ items: Suggestion[] }>(`/v1/search/suggest${queryOf({ q })}`, { signal })).items;
export const wishFor = (wish: NewWish): Promise<Wish> => post('/v1/wishes', wish);
export const listWishes = async (): Promise<Wish[]> => (await get<{ items: Wish[] }>('/v1/me/wishes')).items;
export const deleteWish = (id: string): Promise<void> => remove(`/v1/wishes/${part(id)}`);
export const getDemand = (at: { category?: string; region?: string; weeks?: number }): Promise<Demand> =>
  get(`/v1/demand${queryOf(at)}`);

// The fleet

export const join = (spec: JoinRequest): Promise<JoinResponse> => post('/v1/join', spec);
export const getOps = (): Promise<Ops> => get('/v1/ops');

/** The edges there are, in no order of distance. */
export const listEdges = async (): Promise<Node[]> => (await get<{ edges: Node[] }>('/v1/edges')).edges;

/** Cdn nodes, nearest first; the origin last. */
export async function listCdn(at: { region?: string; location?: Location | null }): Promise<CdnChoice[]> {
  const query = at.location ? { latitude: at.location.latitude, longitude: at.location.longitude } : { region: at.region };
  return (await get<{ nodes: CdnChoice[] }>(`/v1/cdn${queryOf(query)}`)).nodes;
}
