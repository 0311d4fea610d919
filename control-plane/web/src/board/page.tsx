import type { Route } from '../router';
import { ThreadList } from './list';
import { ThreadPage } from './thread';
import './board.css';

/** Questions and answers of a class, outside its hours. */
export default function BoardPages({ route }: { route: Extract<Route, { page: 'thread' } | { id: string }> }) {
  return 'thread' in route ? (
    <ThreadPage key={route.thread} id={route.id} thread={route.thread} />
  ) : (
    <ThreadList key={route.id} id={route.id} />
  );
}
