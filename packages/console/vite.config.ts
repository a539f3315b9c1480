import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { compressed, scriptBudget } from "./build/plugins.ts";

/** The Agent List is the page that people open first and most. */
const agentList = "src/pages/agents/agent-list-page.tsx";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), scriptBudget({ pages: [agentList], maxKilobytes: 250 }), compressed()],
  // The cluster puts a nonce of its own into each answer; see its console-files.ts.
  html: { cspNonce: "__CSP_NONCE__" },
  build: {
    // Those that know `light-dark()`, and are kept up to date by themselves.
    target: ["chrome123", "edge123", "firefox120", "safari17.5"],
    // Nothing inside the page or its styles: the Content-Security-Policy allows files of our own only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/oidc", "/readyz"].map((path) => [path, { target: "http://127.0.0.1:7480", changeOrigin: false }]),
    ),
  },
});
