import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type Authority, fakeAuthority } from "../authority.fixture.ts";
import { Machine } from "./machine.fixture.ts";

let authority: Authority;
beforeAll(() => {
  authority = fakeAuthority();
});

const action = fc.oneof(
  fc.record({ do: fc.constant("run" as const), seconds: fc.integer({ min: 1, max: 1200 }) }),
  fc.record({
    do: fc.constant("reboot" as const),
    off: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2000 })),
    shift: fc.oneof(fc.constant(0), fc.integer({ min: -400, max: 400 }), fc.integer({ min: -200_000, max: 200_000 })),
  }),
  fc.record({ do: fc.constant("restart" as const) }),
  fc.record({ do: fc.constant("crash" as const) }),
  fc.record({ do: fc.constant("checkIn" as const) }),
  fc.record({ do: fc.constant("make" as const), lift: fc.integer({ min: 1, max: 2000 }) }),
  fc.record({ do: fc.constant("present" as const), which: fc.nat({ max: 3 }) }),
  fc.record({ do: fc.constant("protect" as const) }),
);

/**
 * What the model knows of a token: for how long the agent has been running since it was made (as far as that was
 * persisted), how long it has lifted, and whether it was spent.
 */
interface Known {
  readonly token: string;
  readonly lift: number;
  readonly madeAtTrue: number;
  /** Seconds in which the machine was off since: the gap that no memory on the machine can close. */
  unseen: number;
  liftedFor: number;
  spent: boolean;
  gone: boolean;
}

test("no expired token is accepted, no lift is stretched, none is given twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 40 }), async (actions) => {
      const machine = await Machine.enrolled(authority, { liftSeconds: 1500 });
      const known: Known[] = [];
      let current: Known | undefined;
      const trueSeconds = () => machine.trueMs / 1000;
      const settle = (ranFor: number) => {
        if (current) current.liftedFor += ranFor;
        if (machine.protection !== "lifted") current = undefined;
      };
      for (const what of actions) {
        const leftBefore = machine.leftSeconds;
        switch (what.do) {
          case "run":
            machine.run(what.seconds);
            settle(Math.min(what.seconds, leftBefore));
            break;
          case "reboot":
            for (const token of known) token.unseen += what.off;
            machine.reboot(what.off, what.shift);
            settle(0);
            break;
          case "restart":
            machine.restart();
            settle(0);
            break;
          case "crash":
            // What ran since the last persist is lost, but `run` persists to the last second.
            machine.crash();
            settle(0);
            break;
          case "checkIn":
            await machine.checkIn();
            // The cluster says what time it is: nothing is unseen any more.
            for (const token of known) {
              token.unseen = 0;
              if (trueSeconds() - token.madeAtTrue >= 901) token.gone = true;
            }
            settle(0);
            break;
          case "make":
            known.push({
              token: await machine.token({ lift: what.lift }),
              lift: Math.min(what.lift, 1500),
              madeAtTrue: Math.floor(trueSeconds()),
              unseen: 0,
              liftedFor: 0,
              spent: false,
              gone: false,
            });
            break;
          case "protect":
            machine.send({ type: "protect" });
            if (current) current.spent = true;
            settle(0);
            break;
          case "present": {
            const token = known.at(-1 - what.which);
            if (!token) break;
            const answer = machine.present(token.token);
            if (answer === "redeemed" || answer === "resumed" || answer === "running") {
              const seenAge = trueSeconds() - token.madeAtTrue - token.unseen;
              // Time that the agent was running counts, whatever the clock was set to; an answer's second may be short.
              expect(seenAge).toBeLessThan(902);
              expect(token.gone).toBe(false);
              expect(token.spent).toBe(false);
              if (answer === "redeemed") expect(token.liftedFor).toBe(0);
              current = token;
            }
          }
        }
        for (const token of known) expect(token.liftedFor).toBeLessThanOrEqual(token.lift);
      }
    }),
    { numRuns: 150 },
  );
}, 30_000);
