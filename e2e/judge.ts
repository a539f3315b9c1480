/** On what the Windows tests run: Wine on Linux, or a real Windows. */
export type Judge = "wine" | "windows";

export const judge: Judge = process.platform === "win32" ? "windows" : "wine";

/** A chapter that only one of the two can judge, and what the other lacks. */
export interface Judgement {
  readonly judgedBy: Judge;
  readonly because: string;
}
