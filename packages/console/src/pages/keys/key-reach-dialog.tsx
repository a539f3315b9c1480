import { Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import { ErrorState, LoadingState } from "../../shared/states.tsx";
import { KeyReachView } from "./key-reach.tsx";
import type { Key } from "./key-words.ts";

/** Which agents hold a key. */
export function KeyReachDialog({ keyOf: { kid }, onClose }: { readonly keyOf: Key; readonly onClose: () => void }) {
  const reach = useKeyReach(kid);
  return (
    <Modal opened onClose={onClose} title="Which agents hold it" closeButtonProps={{ "aria-label": "Close" }}>
      {reach.data ? (
        <KeyReachView reach={reach.data} />
      ) : reach.isError ? (
        <ErrorState error={reach.error} retry={() => void reach.refetch()} />
      ) : (
        <LoadingState />
      )}
    </Modal>
  );
}

export function useKeyReach(kid: string | undefined) {
  return useQuery({
    queryKey: ["keys", "reach", kid],
    queryFn: () => read(api.GET("/api/v1/keys/{kid}/reach", { params: { path: { kid: kid ?? "" } } })),
    enabled: kid !== undefined,
  });
}
