/** Writes one event of each severity to the Event Log, and prints "settled" when that is done. */
import { logEvent } from "../../packages/agent/src/event-log/log-events.ts";
import { windowsEventLog } from "../../packages/agent/src/windows/event-log.ts";
import { serviceName } from "../../packages/agent/src/windows/service-name.ts";

const log = windowsEventLog(serviceName);
log.write(logEvent("protection_on", { rev: 7 }));
log.write(logEvent("drift_set_back", { layer: "serviceConfig", found: "startType" }));
log.write(logEvent("pipe_taken", {}));
await log.settled();
console.log("settled");
