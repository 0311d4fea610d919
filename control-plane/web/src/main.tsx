import { createRoot } from 'react-dom/client';
import { AccountProvider } from './account/context';
import { App } from './app';
import { I18nProvider } from './i18n';
import './style/base.css';
import './style/controls.css';
import './style/books.css';
import './style/lists.css';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <I18nProvider>
    <AccountProvider>
      <App />
    </AccountProvider>
  </I18nProvider>,
);
