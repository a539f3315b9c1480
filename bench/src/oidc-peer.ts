// The peer of `bench api`: an authorization server that issues tokens by the client-credentials grant and keeps them in
// memory. It runs as a program of its own, as the clusters do, and prints its address when it listens.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [clientId = "", clientSecret = ""] = process.argv.slice(2);
const provider = new Provider("http://127.0.0.1", {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
});
const server = createServer(provider.callback());
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address !== "string") console.log(`http://127.0.0.1:${address.port}`);
});
