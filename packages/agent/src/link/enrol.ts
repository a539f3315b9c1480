import {
  type ActivationKey,
  type Facts,
  MessageRefused,
  type OpenedEnrolAnswer,
  openEnrolAnswer,
  sealEnrolRequest,
} from "@postern/protocol";
import type { Signer } from "@postern/token";
import { requestTimeoutMs } from "../limits.ts";
import type { Clock } from "../ports.ts";
import { type Exchange, NoResponse } from "./exchange.ts";
import { unverifiedAnswer, unverifiedProblemCode } from "./problem.ts";

/** Why enrolling failed: our own codes, a refused answer's `answer_<reason>`, or what the cluster says (unsigned). */
export class EnrolmentFailed extends Error {
  override readonly name = "EnrolmentFailed";
  readonly code: string;
  /** For people: the system's word for what went wrong. Never holds the activation key. */
  readonly systemCode: string | undefined;

  constructor(code: string, systemCode?: string) {
    super(`enrolling failed: ${code}`);
    this.code = code;
    this.systemCode = systemCode;
  }
}

export interface EnrolOptions {
  readonly exchange: Exchange;
  readonly key: ActivationKey;
  readonly requestId: string;
  readonly nonce: string;
  readonly identityKey: Signer;
  readonly facts: Facts;
  /** The proof of who this machine was. */
  readonly previous?: string;
  readonly clock: Clock;
}

/**
 * Enrols with an activation key, and verifies what comes back from the key's root thumbprint downwards.
 *
 * @throws {EnrolmentFailed}
 */
export async function enrol(options: EnrolOptions): Promise<{ opened: OpenedEnrolAnswer; ageMs: number }> {
  const { key, nonce, identityKey, clock } = options;
  const request = await sealEnrolRequest(
    {
      nonce,
      requestId: options.requestId,
      activationKeyId: key.id,
      secret: key.secret,
      facts: options.facts,
      ...(options.previous === undefined ? {} : { previous: options.previous }),
    },
    identityKey,
  );
  const sentAtMs = clock.interruptMs();
  const response = await options
    .exchange("/agent/v1/enroll", JSON.stringify({ request }), { timeoutMs: requestTimeoutMs })
    .catch((error: unknown) => {
      throw new EnrolmentFailed("cluster_unreachable", error instanceof NoResponse ? error.code : undefined);
    });
  const answer = response.status === 201 || response.status === 200 ? unverifiedAnswer(response) : undefined;
  if (answer === undefined) throw new EnrolmentFailed(unverifiedProblemCode(response));
  try {
    const opened = openEnrolAnswer(answer, {
      rootThumbprint: key.rootThumbprint,
      nonce,
      identityThumbprint: identityKey.kid,
    });
    return { opened, ageMs: clock.interruptMs() - sentAtMs };
  } catch (error) {
    if (error instanceof MessageRefused) throw new EnrolmentFailed(`answer_${error.reason}`);
    throw error;
  }
}
