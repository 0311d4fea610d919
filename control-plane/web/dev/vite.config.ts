import { defineConfig, type Plugin } from 'vite';
import { mockApi, mockSession } from './mock';
import { mockClassroom } from './mock-classroom';

/**
 * `npm run dev`: the app on a made-up fleet, for work on its looks. With SEODANG_API=http://127.0.0.1:8080 it is the
 * app on a real control plane instead. Nothing in this folder is part of the build.
 */
const api = process.env.SEODANG_API;
const port = Number(process.env.PORT ?? 5173);

/**
 * `vite build --config dev/vite.config.ts && vite preview --config dev/vite.config.ts` serves the bundled app on the
 * same mock: for screenshots and checks, which files changing underneath would disturb.
 */
const alsoInPreview = (plugin: Plugin): Plugin => ({ ...plugin, configurePreviewServer: plugin.configureServer as never });

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  server: { host: '127.0.0.1', port, strictPort: true, ...(api ? { proxy: { '/v1': api } } : {}) },
  preview: { host: '127.0.0.1', port, strictPort: true },
  build: { outDir: process.env.OUT ?? 'dev/dist', emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 800 },
  // Found only behind lazy routes: a late discovery would reload the page under one's hands.
  optimizeDeps: { include: ['livekit-client', 'hls.js', 'react-dom/client'] },
  plugins: api ? [] : [mockClassroom(), mockApi(), mockSession()].map(alsoInPreview),
});
