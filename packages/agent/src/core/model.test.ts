import { encodeChallenge } from "@postern/token";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type Authority, fakeAuthority, uuidV7 } from "../authority.fixture.ts";
import { Machine } from "./machine.fixture.ts";

let authority: Authority;
beforeAll(() => {
  authority = fakeAuthority();
});

/** `POSTERN_MODEL_RUNS=20000 vitest run …/model.test.ts` goes on for longer; another seed gives other sequences. */
const numRuns = Number(process.env["POSTERN_MODEL_RUNS"] ?? 400);
const seed = Number(process.env["POSTERN_MODEL_SEED"] ?? 20_261_124);

const profileLift = 1500;
const shift = fc.oneof(
  fc.constant(0),
  fc.integer({ min: -400, max: 400 }),
  fc.integer({ min: -200_000, max: 200_000 }),
);

const seconds = (most: number) =>
  fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: most }));
const lift = fc.integer({ min: 1, max: 2000 });
/** From the newest back: old ones are of interest seldom. */
const which = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 3 }) });

const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("run" as const), seconds: seconds(1200) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sleep" as const), seconds: seconds(4000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("setClock" as const), shift }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reboot" as const), off: seconds(2000), shift }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  // Not persisted is at most what a lifted agent does in half a minute.
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("crash" as const), lost: fc.constantFrom(0, 5, 30) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("checkIn" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("profile" as const),
      singleUse: fc.boolean(),
      requireChallenge: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("revoke" as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("make" as const), lift }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("challenge" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("answer" as const), lift, old: fc.boolean() }) },
  // All else is there for this.
  { weight: 9, arbitrary: fc.record({ do: fc.constant("present" as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("protect" as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer One> ? One : never;

/**
 * What the model knows of a token: when it was made, for how long the machine was off since, how long it has lifted,
 * and whether somebody ended it. Of clocks and state files it knows nothing.
 */
interface Known {
  readonly token: string;
  readonly jti: string;
  readonly lift: number;
  readonly madeAt: number;
  readonly answers?: string;
  /**
   * Seconds in which the machine was off since the cluster last told the time: the gap that no memory on the machine can
   * close. With a clock that is set back meanwhile, the agent is late by so much, and takes a token so much later.
   */
  unseen: number;
  liftedFor: number;
  accepted: number;
  /** By `-protect`, or since the cluster has told the agent what time it is or that it is revoked. */
  over: boolean;
}

/** The rules of trusted time and the lift, as a person would check them with a stop watch beside the machine. */
class Model {
  readonly known: Known[] = [];
  singleUse = false;
  requireChallenge = false;
  /** In this process, and at what second of true time. */
  outstanding: { readonly text: string; readonly at: number } | undefined;
  lastChallenge = "";
  unseen = 0;
  #current: Known | undefined;

  ran(seconds: number, isLifted: boolean): void {
    if (this.#current) this.#current.liftedFor += seconds;
    if (!isLifted) this.#current = undefined;
  }

  wasOff(seconds: number): void {
    this.unseen += seconds;
    for (const token of this.known) token.unseen += seconds;
    this.outstanding = undefined;
  }

  /** A process that starts by a clock which is not behind knows the time, and has written it down. */
  started(clockOffsetMs: number): void {
    if (clockOffsetMs < 0) return;
    this.unseen = 0;
    for (const token of this.known) token.unseen = 0;
  }

  protectedAgain(): void {
    if (this.#current) this.#current.over = true;
    this.#current = undefined;
  }

  /** The cluster says what time it is: nothing is unseen any more. */
  reached(now: number): void {
    this.unseen = 0;
    for (const token of this.known) {
      token.unseen = 0;
      if (token.answers === undefined && now - token.madeAt >= 901) token.over = true;
    }
  }

  accepts(token: Known, answer: string, now: number): void {
    expect(token.over).toBe(false);
    if (token.answers === undefined) {
      expect(this.requireChallenge).toBe(false);
      // Time that the agent was running counts, whatever the clock was set to; an answer's second may be short.
      expect(now - token.madeAt - token.unseen).toBeLessThan(902);
      if (this.singleUse) expect(token.accepted).toBe(0);
    } else {
      expect(token.answers).toBe(this.outstanding?.text);
      expect(now - (this.outstanding?.at ?? 0)).toBeLessThan(901);
      expect(token.accepted).toBe(0);
      this.outstanding = undefined;
    }
    if (answer === "redeemed") expect(token.accepted).toBe(0);
    token.accepted++;
    this.#current = token;
  }
}

test("no expired token is accepted, no lift is stretched, none is given twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 30, maxLength: 60 }), async (actions) => {
      const machine = await Machine.enrolled(authority, { liftSeconds: profileLift });
      const model = new Model();
      for (const [index, what] of actions.entries()) {
        await act(machine, model, what, index);
        for (const token of model.known) expect(token.liftedFor).toBeLessThanOrEqual(token.lift);
      }
    }),
    { numRuns, seed },
  );
}, 600_000);

async function act(machine: Machine, model: Model, what: Action, index: number): Promise<void> {
  const now = () => machine.trueMs / 1000;
  const leftBefore = machine.leftSeconds;
  const isLifted = () => machine.protection === "lifted";
  switch (what.do) {
    case "run":
      machine.run(what.seconds);
      return model.ran(Math.min(what.seconds, leftBefore), isLifted());
    case "sleep":
      // Nothing runs, and interrupt time goes on.
      machine.trueMs += what.seconds * 1000;
      machine.send({ type: "tick" });
      return model.ran(Math.min(what.seconds, leftBefore), isLifted());
    case "setClock":
      machine.clockOffsetMs += what.shift * 1000;
      return;
    case "reboot":
      model.wasOff(what.off);
      machine.reboot(what.off, what.shift);
      model.started(machine.clockOffsetMs);
      return model.ran(0, isLifted());
    case "restart":
      model.outstanding = undefined;
      machine.restart();
      return model.ran(0, isLifted());
    case "crash":
      machine.trueMs += what.lost * 1000;
      model.wasOff(what.lost);
      machine.crash();
      model.started(machine.clockOffsetMs);
      return model.ran(Math.min(what.lost, leftBefore), isLifted());
    case "checkIn":
    case "profile":
    case "revoke": {
      const revoked = what.do === "revoke" ? model.known.at(-1 - what.which) : undefined;
      const { singleUse, requireChallenge } = what.do === "profile" ? what : model;
      await machine.checkIn({
        ...(what.do === "profile" ? { profile: { liftSeconds: profileLift, singleUse, requireChallenge } } : {}),
        ...(revoked ? { revoked: [revoked.jti] } : {}),
      });
      Object.assign(model, { singleUse, requireChallenge });
      if (revoked) revoked.over = true;
      model.reached(now());
      return model.ran(0, isLifted());
    }
    case "challenge": {
      const text = encodeChallenge(Uint8Array.from({ length: 10 }, (_, at) => index + at));
      machine.send({ type: "challenge", text });
      model.outstanding = { text, at: now() };
      return;
    }
    case "make":
    case "answer": {
      const answers = what.do === "answer" ? (what.old ? model.lastChallenge : model.outstanding?.text) : undefined;
      if (model.outstanding) model.lastChallenge = model.outstanding.text;
      const jti = uuidV7();
      const chg = answers ? { chg: answers } : {};
      model.known.push({
        token: await machine.token({ jti, lift: what.lift, ...chg }),
        jti,
        lift: Math.min(what.lift, profileLift),
        madeAt: Math.floor(now()),
        ...(answers ? { answers } : {}),
        unseen: model.unseen,
        liftedFor: 0,
        accepted: 0,
        over: false,
      });
      return;
    }
    case "protect":
      machine.send({ type: "protect" });
      return model.protectedAgain();
    case "present": {
      const token = model.known.at(-1 - what.which);
      if (!token) return;
      const answer = machine.present(token.token);
      if (answer === "redeemed" || answer === "resumed" || answer === "running") model.accepts(token, answer, now());
    }
  }
}
