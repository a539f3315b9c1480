/** The name of our folders, beneath Program Files and ProgramData: with it alone, a path is known as ours. */
export const posternFolder = "Postern";

/** Fixed, not asked of the environment: ProgramData is a variable that an administrator can change. */
export const dataFolder = `C:\\ProgramData\\${posternFolder}`;
