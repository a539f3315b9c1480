import { Center } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { toProblem } from "../api/problem.ts";
import { sessionQuery } from "../api/session.ts";
import { ErrorState, LoadingState } from "../shared/states.tsx";
import { LoginPage } from "./login-page.tsx";
import { router } from "./router.tsx";

/** The log-in for those who are not logged in; else the page that the address names. */
export function App() {
  const session = useQuery(sessionQuery);
  if (session.data !== undefined) return <RouterProvider router={router} />;
  if (session.isPending) return <LoadingState />;
  if (toProblem(session.error).code === "unauthenticated") return <LoginPage />;
  return (
    <Center component="main" mih="80vh">
      <ErrorState error={session.error} retry={() => void session.refetch()} order={1} />
    </Center>
  );
}
