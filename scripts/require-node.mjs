// Plain JavaScript, so that it runs where the program behind it could not even be read.
// The project brings its own Node as an optional dependency; this speaks where no such package exists.

const needed = 24;

if (Number(process.versions.node.split(".")[0]) < needed) {
  console.error(
    `Postern needs Node ${needed} or newer; this is ${process.versions.node}. ` +
      `Run "npm ci" first (it brings Node ${needed} for Linux, Windows and Intel Macs); elsewhere install Node ${needed} or newer.`,
  );
  process.exit(1);
}
