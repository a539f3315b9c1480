/** As the API asks for it; it also refuses common and guessable passwords, and says why. */
export const minPasswordLength = 15;

export const passwordAdvice = `At least ${minPasswordLength} characters; a sentence is easiest to keep. No rules about digits or signs.`;
