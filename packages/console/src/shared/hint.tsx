import { useEffect, useState } from "react";
import { createPortal } from "react-dom";
import classes from "./hint.module.css";

interface Shown {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly above: boolean;
}

/**
 * Shows the `data-hint` of whatever is under the pointer or has the focus. One for the whole page, since a table with a
 * tooltip component in each cell is slow. Escape hides it (WCAG 2.2, 1.4.13).
 */
export function HintLayer() {
  const [shown, setShown] = useState<Shown | null>(null);
  useEffect(() => {
    let showing: number | undefined;
    const hide = () => {
      window.clearTimeout(showing);
      setShown(null);
    };
    const show = (delayMs: number) => (event: Event) => {
      window.clearTimeout(showing);
      const target = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-hint]") : null;
      const text = target?.dataset["hint"];
      if (target === null || text === undefined || text === "") return setShown(null);
      showing = window.setTimeout(() => setShown({ text, ...placeOf(target) }), delayMs);
    };
    const onPointer = show(200);
    const onFocus = show(0);
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") hide();
    };
    document.addEventListener("pointerover", onPointer);
    document.addEventListener("focusin", onFocus);
    document.addEventListener("focusout", hide);
    document.addEventListener("keydown", onKey);
    document.addEventListener("scroll", hide, true);
    return () => {
      hide();
      document.removeEventListener("pointerover", onPointer);
      document.removeEventListener("focusin", onFocus);
      document.removeEventListener("focusout", hide);
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("scroll", hide, true);
    };
  }, []);
  if (shown === null) return null;
  return createPortal(
    <div
      className={classes["hint"]}
      role="tooltip"
      data-above={shown.above || undefined}
      style={{ left: shown.x, top: shown.y }}
    >
      {shown.text}
    </div>,
    document.body,
  );
}

function placeOf(target: HTMLElement): Omit<Shown, "text"> {
  const { left, width, top, bottom } = target.getBoundingClientRect();
  const above = top > 90;
  const x = Math.min(Math.max(left + width / 2, 130), window.innerWidth - 130);
  return { x, y: above ? top - 8 : bottom + 8, above };
}
