import { Alert, Text } from "@mantine/core";
import { IconShieldLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import { count } from "../../shared/words.ts";

/** The roots in one sentence, and a warning when both private halves lie on the cluster. */
export function Roots() {
  const { data } = useQuery({
    queryKey: ["keys", "roots"],
    queryFn: () => read(api.GET("/api/v1/keys/roots")),
  });
  if (data === undefined) return null;
  const exported = data.roots.some(({ isHere }) => !isHere);
  return (
    <>
      {!exported && (
        <Alert color="yellow" mb="sm" icon={<IconShieldLock size={18} />} title="Both roots lie on this cluster">
          The second root's private half belongs in a safe: with it the cluster recovers when the first one is lost or
          copied. See <code>postern key root --help</code>.
        </Alert>
      )}
      <Text size="sm" c="dimmed" mb="sm">
        {data.rootsVersion === 0
          ? "The roots were never changed."
          : `The roots were changed ${count(data.rootsVersion, "time")}.`}{" "}
        {data.agents.behind === 0
          ? "Every agent has the newest trust bundle."
          : `Of ${count(data.agents.count, "agent")}, ${data.agents.behind.toLocaleString("en")} ${data.agents.behind === 1 ? "lacks" : "lack"} the newest trust bundle.`}{" "}
        Roots are changed by the command line, <code>postern key root</code>.
      </Text>
    </>
  );
}
