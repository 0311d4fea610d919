import { defineConfig } from 'vite';
import { mockApi, mockSession } from './mock';
import { mockClassroom } from './mock-classroom';

/**
 * `npm run dev`: the app on a made-up fleet, for work on its looks. With SEODANG_API=http://127.0.0.1:8080 it is the
 * app on a real control plane instead. Nothing in this folder is part of the build.
 */
const api = process.env.SEODANG_API;

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  server: { host: '127.0.0.1', port: Number(process.env.PORT ?? 5173), strictPort: true, ...(api ? { proxy: { '/v1': api } } : {}) },
  // Found only behind lazy routes: a late discovery would reload the page under one's hands.
  optimizeDeps: { include: ['livekit-client', 'hls.js', 'react-dom/client'] },
  plugins: api ? [] : [mockClassroom(), mockApi(), mockSession()],
});
