import { Link, useRouterState } from "@tanstack/react-router";
import { useMay } from "../api/session.ts";
import classes from "./navigation.module.css";
import type { Page } from "./page.ts";
import { pages } from "./pages.ts";

/** The pages that one may open, under the words of their trails. */
export function Navigation() {
  const may = useMay();
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const open = pages.filter(({ icon, permission }) => icon && (permission === undefined || may(permission)));
  const byTrail = Map.groupBy(open, ({ trail }) => trail.join(" › "));
  return (
    <div className={classes["scroll"]}>
      {[...byTrail].map(([trail, under]) => (
        <section key={trail} className={classes["section"]} aria-label={trail === "" ? "More" : trail}>
          {trail !== "" && <h2 className={classes["trail"]}>{trail}</h2>}
          <ul className={classes["list"]}>
            {under.map((page) => (
              <Entry key={page.path} page={page} here={path === page.path || path.startsWith(`${page.path}/`)} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function Entry({
  page: { path, title, icon: IconOf, count: CountOf },
  here,
}: {
  readonly page: Page;
  readonly here: boolean;
}) {
  return (
    <li>
      <Link to={path} className={classes["link"] ?? ""} aria-current={here ? "page" : undefined}>
        {IconOf && <IconOf size={17} stroke={1.7} aria-hidden />}
        {title}
        {CountOf && (
          <span className={classes["count"]}>
            <CountOf />
          </span>
        )}
      </Link>
    </li>
  );
}
