import type { ReactNode } from "react";
import classes from "./facts.module.css";

/** A framed part of a page under a title of its own. */
export function Panel({
  title,
  actions,
  children,
}: {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className={classes["panel"]}>
      <header className={classes["head"]}>
        <h2 className={classes["title"]}>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

/** Names and values, one under the other: {@link Fact}s. */
export function Facts({ children }: { readonly children: ReactNode }) {
  return <dl className={classes["facts"]}>{children}</dl>;
}

/** A name and its value; nothing at all without a value. */
export function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  if (children === null || children === undefined || children === false || children === "") return null;
  return (
    <div className={classes["row"]}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
