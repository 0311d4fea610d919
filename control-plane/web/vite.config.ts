import { defineConfig } from 'vite';

/** The shipped build. Pages load livekit-client and hls.js only when they need them (dynamic imports in the routes). */
export default defineConfig({
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // Scripts and styles only from files: the page works under a Content-Security-Policy without 'unsafe-inline'.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Pages by their folder: `replay-….js`, not one more `page-….js`.
        chunkFileNames: ({ facadeModuleId }) => {
          const page = /\/src\/(\w+)\/page\.tsx$/.exec(facadeModuleId ?? '')?.[1];
          return page ? `assets/${page}-[hash].js` : 'assets/[name]-[hash].js';
        },
      },
    },
    // livekit-client alone is larger than Vite's default hint; it is loaded only by the lobby and the live class.
    chunkSizeWarningLimit: 800,
  },
});
