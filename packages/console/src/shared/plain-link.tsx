import { useNavigate } from "@tanstack/react-router";
import type { MouseEvent, ReactNode } from "react";

/**
 * A link to a page of the console, for the cells of tables. The router's own looks at each change of the address whether it
 * leads there still, which two hundred of them cannot afford.
 */
export function PlainLink({
  to,
  className,
  children,
}: {
  readonly to: string;
  readonly className?: string | undefined;
  readonly children: ReactNode;
}) {
  const navigate = useNavigate();
  function follow(event: MouseEvent): void {
    // With a key held, or another button, the browser opens it elsewhere.
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void navigate({ to });
  }
  return (
    <a href={to} className={className} onClick={follow}>
      {children}
    </a>
  );
}
