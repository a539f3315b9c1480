/** Names of members and kinds as words: `processDacl` is "process dacl", `service_started` "service started". */
export function layerWord(name: string): string {
  return name
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll(/[_.]/g, " ")
    .toLowerCase();
}
