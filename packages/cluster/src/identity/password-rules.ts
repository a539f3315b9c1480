import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import { adjacencyGraphs, dictionary } from "@zxcvbn-ts/language-common";
import { Problem } from "../http/problems.ts";
import { identityLimits } from "./limits.ts";

/**
 * Refuses a password that would be guessed (NIST SP 800-63B-4 §3.1.1.2): too short, common or put together from common
 * parts, or little more than what is expected of this very user. Every character counts and none is asked for.
 *
 * @param expected names that a guesser tries first: the user's, those of the user's tenants
 * @throws {Problem} password_unacceptable
 */
export function requireAcceptablePassword(password: string, expected: readonly string[]): void {
  const plain = password.normalize("NFKC");
  if ([...plain].length < identityLimits.minPasswordLength) {
    throw new Problem(
      "password_unacceptable",
      `The password needs ${identityLimits.minPasswordLength} characters or more.`,
    );
  }
  const words = [...expected, productName].map((word) => word.normalize("NFKC").toLowerCase()).filter(isNoticeable);
  if (lengthWithout(plain.toLowerCase(), words) < identityLimits.minUnexpectedLength) {
    throw new Problem("password_unacceptable", "The password is little more than names that anybody would try.");
  }
  if (guessesLog10(plain, words) < identityLimits.minGuessesLog10) {
    throw new Problem(
      "password_unacceptable",
      "The password is common, or repeats or follows a pattern that guessers try. Take words that do not belong together.",
    );
  }
}

const productName = "postern";

/** One and two letters are in every sentence. */
function isNoticeable(word: string): boolean {
  return word.length >= 3;
}

function lengthWithout(password: string, words: readonly string[]): number {
  const longestFirst = words.toSorted((a, b) => b.length - a.length);
  return [...longestFirst.reduce((rest, word) => rest.replaceAll(word, ""), password)].length;
}

let estimator: ZxcvbnFactory | undefined;

function guessesLog10(password: string, words: readonly string[]): number {
  estimator ??= new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs }); // some megabytes: not before it is needed
  return estimator.check([...password].slice(0, identityLimits.estimatedLength).join(""), [...words]).guessesLog10;
}
