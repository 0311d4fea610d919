import { useAccount } from '../account/context';
import type { Route } from '../router';
import { SignedIn } from '../ui/signed-in';
import { ThreadList } from './list';
import { ThreadPage } from './thread';
import './board.css';

/** Questions and answers of a class, outside its hours. */
export default function BoardPages({ route }: { route: Extract<Route, { page: 'thread' } | { id: string }> }) {
  const { account } = useAccount();
  if (!account) {
    return (
      <div className="page narrow">
        <SignedIn>{() => null}</SignedIn>
      </div>
    );
  }
  return 'thread' in route ? (
    <ThreadPage key={route.thread} id={route.id} thread={route.thread} account={account} />
  ) : (
    <ThreadList key={route.id} id={route.id} />
  );
}
