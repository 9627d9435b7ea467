import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'
import { mockBackend } from './mock/plugin.ts'

const backend = process.env.MESHUI_URL ?? 'http://127.0.0.1:8000'
const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Built assets live under /static/, which Django serves; the pages themselves live at the root. */
export default defineConfig(({ command, mode, isPreview }) => ({
  base: command === 'build' || isPreview ? '/static/' : '/',
  plugins: [react(), ...(mode === 'mock' ? [mockBackend()] : [])],
  resolve: { alias: { '@': folder('./src'), '@mock': folder('./mock') } },
  build: { outDir: 'dist', sourcemap: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  worker: { format: 'es' },
  server: {
    proxy:
      mode === 'mock' ? undefined : { '/api': { target: backend }, '/ws': { target: backend, ws: true } },
  },
  test: {
    environment: 'jsdom',
    setupFiles: ['tests/setup.ts'],
    include: ['tests/**/*.test.{ts,tsx}'],
    restoreMocks: true,
  },
}))
