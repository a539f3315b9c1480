const overview = `Postern agent: keeps this machine's agent service from being stopped, disabled or removed,
and lifts that with a signed token when the machine cannot reach its cluster.

  PosternAgent.exe -unprotect <token>      lift service protection with an agent token
  PosternAgent.exe -protect                end the lift now
  PosternAgent.exe -status [-json]         show protection, time and connection
  PosternAgent.exe -challenge              show a code that a token can be bound to instead of to the clock
  PosternAgent.exe -explain <token>        show what a token says, without using it
  PosternAgent.exe -enroll -cluster URL -key KEY
                                           join a cluster
  PosternAgent.exe -version
  PosternAgent.exe -help <command>         more on one of these

Examples:
  PosternAgent.exe -unprotect -file C:\\Users\\me\\Downloads\\agent-token-agent-WEB01-20260131T1415Z.txt
  PosternAgent.exe -status
  PosternAgent.exe -challenge

Run it as an administrator; the service must be running. -flag and --flag mean the same.
Exit codes: 0 done, 2 wrong usage, 3 refused, 4 the service does not answer, 5 not an administrator.
`;

const pages: Readonly<Record<string, string>> = {
  unprotect: `Lift service protection with an agent token.

  PosternAgent.exe -unprotect <token>
  PosternAgent.exe -unprotect -file agent-token-agent-WEB01-20260131T1415Z.txt
  PosternAgent.exe -unprotect -              read the token from standard input

No connection is needed. Where the token comes from: an authorised person generates it in the console under
Manage > Workloads > Agents > Agent List, downloads it and brings it here. It is valid for 15 minutes.

Afterwards the service can be stopped, for as long as the token allows (4 hours unless set otherwise). Protection
comes back by itself: when that time is over, when the service has been restarted and reaches its cluster, or with
-protect. The same token may be presented again until it expires; it goes on with what is left.

Refused? The first word is the reason. "expired" and "clock_not_trusted" on a machine with a wrong clock:
use -challenge.
`,
  protect: `End the lift and protect the service again, now.

  PosternAgent.exe -protect

The token that lifted it is spent by this; lifting again takes a new one.
`,
  status: `Show protection, the agent's idea of the time, and the connection to the cluster.

  PosternAgent.exe -status
  PosternAgent.exe -status -json             the same for programs

Protection and why it is what it is, since when, what is left of a lift; each layer of protection by itself; trusted
time, which tokens are judged by, beside the system clock; the cluster, when it was reached last and what is in the way.
Changes nothing, and counts down whenever it is asked again.
`,
  challenge: `Show a code that a token can be bound to instead of to the clock.

  PosternAgent.exe -challenge

For a machine whose clock is wrong, or where the profile asks for it. Read the code to the person who generates the
token for this agent; he enters it under Challenge: in the console under Manage > Workloads > Agents > Agent List, this
machine, Agent Token, or with postern token generate --agent HOST --challenge CODE. The code is good for 15 minutes or
until the service restarts, and each new one replaces the one before. Then: PosternAgent.exe -unprotect <token>

Standard output has the code alone; what to do with it goes to standard error.
`,
  explain: `Show what a token says and whether this agent would accept it now, without using it.

  PosternAgent.exe -explain <token>
  PosternAgent.exe -explain -file PATH
  PosternAgent.exe -explain -                read the token from standard input

  PosternAgent.exe -explain -file agent-token-agent-WEB01-20260131T1415Z.txt

Nothing is changed and nothing is journaled, however often it is asked. Of a token that this agent cannot verify it shows
what the token says of itself, and that none of it is verified.

Exit code 0: it would be accepted. 3: it would be refused, with the reason and what to do next.
`,
  enroll: `Join a cluster.

  PosternAgent.exe -enroll -cluster https://postern.example.com -key postern-ak1...
  PosternAgent.exe -enroll -cluster https://postern.example.com -key -
                                             read the key from standard input, so that it stays out of histories
    -ca FILE       certificates (PEM) that vouch for the server, instead of the operating system's
    -proxy URL     reach the cluster through this proxy

The activation key comes from the console. Both -ca and -proxy are remembered. While service protection is on,
enrolling anew is refused: switch it off in the profile, or lift it with a token first.
`,
  version: `Show the version of this program.

  PosternAgent.exe -version
`,
  "guard-check": `Ask whether the agent may be removed, repaired or replaced now. The installer runs this.

  PosternAgent.exe -guard-check
  PosternAgent.exe -guard-check -package PATH     replaced, by the package at this path

A package that the cluster lists for this agent, of a higher version, is copied and checked by the service and, from that
copy, installed by it; exit code 3 then too, since the run of the installer that asked has nothing more to do.

Exit code 0: protection is off or lifted, or the service has been stopped. 3: protection is on. 4: the service runs and
does not answer. Changes nothing; the answer is left for the installer, which shows and logs it.
`,
  "wait-stopped": `Wait until the service has stopped, 20 seconds at most. The installer runs this before it replaces files.

  PosternAgent.exe -wait-stopped
`,
  "installer-done": `Tell the service that the installer has replaced it, so that it is fully protected again. The installer runs this.

  PosternAgent.exe -installer-done
`,
  "folder-check": `Look whether the agent's folders belong to this machine's administrators. The installer runs this.

  PosternAgent.exe -folder-check

Exit code 3: somebody else made one of them, or put a link in its place.
`,
  "remove-data": `Remove what the agent keeps on this machine: its identity, its state and its journal. The installer runs this
after the service has been stopped, when the agent is uninstalled.

  PosternAgent.exe -remove-data

Refused while the service runs. Logs are kept.
`,
  service: `Run the agent itself.

  PosternAgent.exe -service                  on Windows, by the service manager only
  postern-agent -service -data /var/lib/postern-agent
                                             elsewhere: in the foreground, until SIGTERM
`,
};

/** The help on a command, or on all of them. */
export function helpText(about?: string): string {
  return (about !== undefined && pages[about]) || overview;
}
