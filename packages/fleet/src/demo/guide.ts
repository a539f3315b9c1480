import { cutOff, hanse, people } from "./company.ts";
import { asTable } from "./machine-commands.ts";

/** What is printed once the demo stands: addresses, log-ins, and each role's way as commands to copy. */
export function guide(url: string, folder: string, passwordOf: (name: string) => string): string {
  const rows = people.map(({ name, role, tenant, may }) => [
    name,
    passwordOf(name),
    tenant === undefined ? role : `${role}@${tenant}`,
    may,
  ]);
  const demo = "npm run -s demo --";
  const logIn = (name: string) => `npx postern login --url ${url} ${name}`;
  return `
The cluster serves ${url} (the console, and the API's page at /api/docs).

${asTable([["NAME", "PASSWORD", "ROLE", "MAY"], ...rows])}
${cutOff} of ${hanse} has lost its connection, is protected, and waits for its token.
In another terminal, in this folder; each log-in asks for the password above.

customer_support generates the token, and somebody at the machine uses it:
  ${demo} stop ${cutOff}
  ${logIn("sofia")}
  npx postern token generate --agent ${cutOff} --reason "disk full, the agent must stop" --out ${folder}/token.txt
  ${demo} at ${cutOff} -unprotect -file ${folder}/token.txt
  ${demo} stop ${cutOff}
  ${demo} mend ${cutOff}
  ${demo} start ${cutOff}
  ${demo} at ${cutOff} -status
  npx postern agent show ${cutOff}

agent_installer sets up a machine, and may generate tokens for single agents only:
  ${logIn("ingrid")}
  npx postern activation-key create --tenant "${hanse}" > ${folder}/activation-key.txt
  ${demo} new HAM-WS-040 < ${folder}/activation-key.txt
  npx postern token generate --agent HAM-WS-040 --reason "handed to the workshop" > ${folder}/workshop-token.txt
  npx postern token generate --tenant "${hanse}" --reason "for all of them"

tenant_owner decides about protection, and may generate no token here (on-prem):
  ${logIn("henrik")}
  npx postern profile show Servers
  npx postern profile preview Workstations --service-protection off
  npx postern profile set Workstations --lift-seconds 7200 --require-challenge on
  npx postern token generate --agent HAM-WS-014 --reason "my own machine"

site_admin generates a token for everything:
  ${logIn("admin")}
  npx postern token generate --cluster --reason "exercise: the cluster is lost" --out ${folder}/cluster-token.txt
  ${demo} at KEM-DC-01 -explain -file ${folder}/cluster-token.txt
  npx postern token list --limit 5

auditor reads what happened, and that nothing of it was changed:
  ${logIn("anton")}
  npx postern audit list --limit 10
  npx postern audit verify

What happens on the machines is said below. ${demo} help shows what else can be done with them. Ctrl-C ends everything.
`;
}
