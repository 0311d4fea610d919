import { useEffect } from 'react';
import { navigate } from '../router';
import { Skeleton } from '../ui/skeleton';
import { nextPath, useAccount } from './context';
import { PasswordPage } from './password';
import { ProfilePage } from './profile';
import { SignInPage } from './sign-in';
import { SignUpPage } from './sign-up';
import './account.css';

/** Pages about who somebody is. Who is signed in already is led on. */
export default function AccountPages({ page }: { page: 'signin' | 'signup' | 'password' | 'me' }) {
  const { account } = useAccount();
  const leave = account !== null && (page === 'signin' || page === 'signup');
  useEffect(() => {
    if (leave) navigate(nextPath(location.search), { replace: true });
  }, [leave]);
  if (leave) return <Skeleton />;
  switch (page) {
    case 'signin':
      return <SignInPage />;
    case 'signup':
      return <SignUpPage />;
    case 'password':
      return <PasswordPage />;
    case 'me':
      return <ProfilePage />;
  }
}
