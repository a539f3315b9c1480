/** What the exit code of a command says. */
export const exitCodes = { done: 0, usage: 2, refused: 3, noAnswer: 4, notAdministrator: 5 } as const;
