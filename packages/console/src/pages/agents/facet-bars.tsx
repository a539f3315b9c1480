import { Skeleton } from "@mantine/core";
import { protectionWords, type Tone } from "../../shared/badges.tsx";
import { firstPage } from "../../shared/list/use-list.ts";
import { useSearchState } from "../../shared/search-state.ts";
import { count, platformNames, stateWords } from "../../shared/words.ts";
import type { FilterName } from "./agent-filters.ts";
import classes from "./facet-bars.module.css";
import type { Facets } from "./use-facets.ts";

interface Segment {
  readonly value: string;
  readonly word: string;
  readonly count: number;
  /** Of its colour, which its word repeats. */
  readonly tone: Tone | "first" | "second" | "third" | "fourth";
}

const ranks = ["first", "second", "third", "fourth"] as const;
/** More than these are found by the filter, not by a bar. */
const shownAtMost = 5;

/** How the agents that the list shows are made up; a click on a part filters by it, and another takes the filter away. */
export function FacetBars({ facets }: { readonly facets: Facets | undefined }) {
  if (facets === undefined) {
    return (
      <div className={classes["bars"]}>
        {["protection", "state", "version", "platform"].map((name) => (
          <Skeleton key={name} height={104} radius={8} />
        ))}
      </div>
    );
  }
  const platforms = facets.platform
    .filter((one) => one.count > 0)
    .sort((a, b) => b.count - a.count)
    .map(({ value, count: number }, index) => {
      return { value, word: platformNames[value], count: number, tone: ranks[Math.min(index, 3)] ?? "fourth" };
    });
  const versions = facets.version.map(({ value, count: number }, index) => {
    return { value, word: value, count: number, tone: ranks[Math.min(index, 3)] ?? "fourth" };
  });
  const states = facets.state.map(({ value, count: number }) => ({ value, count: number, ...stateWords[value] }));
  // What would drop stands beside what is reported: it is no part of the bar, and only in its words.
  const protections = facets.protection.map(({ value, count: number }) => {
    const { word, tone } = protectionWords[value];
    return { value, word, count: number, tone };
  });
  return (
    <div className={classes["bars"]}>
      <Bar title="Protection" filter="protection" segments={protections} beside="would_drop" />
      <Bar title="State" filter="state" segments={states} />
      <Bar title="Version" filter="version" segments={versions} />
      <Bar title="Platform" filter="platform" segments={platforms} />
    </div>
  );
}

function Bar({
  title,
  filter,
  segments,
  beside,
}: {
  readonly title: string;
  readonly filter: FilterName;
  readonly segments: readonly Segment[];
  readonly beside?: string;
}) {
  const [search, setSearch] = useSearchState();
  const chosen = search[filter];
  const choose = (value: string) => setSearch({ ...firstPage, [filter]: value === chosen ? undefined : value });
  const there = segments.filter((one) => one.count > 0 || one.value === chosen);
  const parts = there.filter(({ value }) => value !== beside);
  const shown = parts.slice(0, shownAtMost);
  const others = parts.slice(shownAtMost).reduce((sum, one) => sum + one.count, 0);
  const total = parts.reduce((sum, one) => sum + one.count, 0);
  const words = [...shown, ...there.filter(({ value }) => value === beside)];
  return (
    <section className={classes["card"]} aria-label={title}>
      <h2 className={classes["title"]}>{title}</h2>
      {/* The words below are the buttons; the bar is for pointers. */}
      <div className={classes["bar"]} aria-hidden>
        {total === 0 && <span className={classes["nothing"]} />}
        {shown.map((one) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: the buttons below do the same
          // biome-ignore lint/a11y/useKeyWithClickEvents: the buttons below do the same
          <span
            key={one.value}
            className={classes["segment"]}
            data-bar={one.tone}
            data-faded={(chosen !== undefined && chosen !== one.value) || undefined}
            data-hint={`${one.word}: ${count(one.count, "agent")}`}
            style={{ flexGrow: one.count, display: one.count === 0 ? "none" : undefined }}
            onClick={() => choose(one.value)}
          />
        ))}
        {others > 0 && <span className={classes["segment"]} data-bar="mute" style={{ flexGrow: others }} />}
      </div>
      <ul className={classes["words"]}>
        {words.map((one) => (
          <li key={one.value}>
            <button
              type="button"
              className={classes["word"]}
              aria-pressed={chosen === one.value}
              onClick={() => choose(one.value)}
            >
              <span className={classes["dot"]} data-bar={one.tone} data-beside={one.value === beside || undefined} />
              {one.word}
              <span className={classes["count"]}>{one.count.toLocaleString("en")}</span>
            </button>
          </li>
        ))}
        {others > 0 && (
          <li className={classes["others"]}>
            others <span className={classes["count"]}>{others.toLocaleString("en")}</span>
          </li>
        )}
        {words.length === 0 && <li className={classes["others"]}>none</li>}
      </ul>
    </section>
  );
}
