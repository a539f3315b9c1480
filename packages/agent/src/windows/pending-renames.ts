/**
 * What is left of a list of pending renames when those that name a component (a folder's or a file's name) are taken
 * out. The list is pairs of source and target; an empty target deletes the source. An unpaired end is dropped.
 */
export function withoutRenamesOf(component: string, list: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < list.length; at += 2) {
    const pair = [list[at] ?? "", list[at + 1] ?? ""];
    if (!pair.some((path) => names(path, component))) kept.push(...pair);
  }
  return kept;
}

/** Windows compares names without case, and takes both slashes. */
function names(path: string, component: string): boolean {
  return path.toUpperCase().split(/[\\/]/).includes(component.toUpperCase());
}
