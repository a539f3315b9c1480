import { ActionIcon, Button } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useEffect, useState } from "react";

/** Copies a text, and says that it did. An icon, or with `children` a button of words. */
export function CopyButton({
  text,
  what,
  children,
}: {
  readonly text: string;
  /** What is copied, for those who read by ear: "the command". */
  readonly what: string;
  readonly children?: string;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = window.setTimeout(() => setCopied(false), 2_000);
    return () => window.clearTimeout(timer);
  }, [copied]);
  const copy = () => void writeClipboard(text).then(setCopied);
  const IconOf = copied ? IconCheck : IconCopy;
  const said = copied ? "Copied" : `Copy ${what}`;
  if (children === undefined) {
    return (
      <ActionIcon variant="subtle" color="gray" onClick={copy} aria-label={said} data-hint={said}>
        <IconOf size={16} aria-hidden />
      </ActionIcon>
    );
  }
  return (
    <Button variant="default" onClick={copy} leftSection={<IconOf size={16} aria-hidden />} aria-live="polite">
      {copied ? "Copied" : children}
    </Button>
  );
}

/** Where the page is not on HTTPS nor on loopback, browsers keep the clipboard from it: the older way still works. */
async function writeClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("readonly", "");
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
