/** Does nothing, for as long as the machine runs. */
console.log("idle");
setInterval(() => {}, 60_000);
