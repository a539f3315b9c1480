import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./app/app.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/query-client.ts";
import { App } from "./app/app.tsx";
import { cssVariables, theme } from "./app/theme.ts";
import { HintLayer } from "./shared/hint.tsx";

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
// The name by which libraries that add styles by themselves (react-remove-scroll) look for it.
Object.assign(globalThis, { __webpack_nonce__: nonce });

// A new version was put in place while this page was open: its files have other names.
window.addEventListener("vite:preloadError", () => {
  const lastAt = Number(sessionStorage.getItem("reloaded-at"));
  if (Date.now() - lastAt < 60_000) return;
  sessionStorage.setItem("reloaded-at", String(Date.now()));
  window.location.reload();
});

const root = document.getElementById("root");
if (root === null) throw new Error("The page has no place for the console.");
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" autoClose={6_000} limit={3} />
        <HintLayer />
        <App />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
