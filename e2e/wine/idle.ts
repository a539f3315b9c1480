/** Does nothing, for as long as the machine runs. */
setInterval(() => {}, 60_000);
