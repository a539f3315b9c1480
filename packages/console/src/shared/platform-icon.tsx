import { type Icon, IconBrandApple, IconBrandWindows, IconServer, IconSun, IconTerminal2 } from "@tabler/icons-react";
import type { Agent } from "../api/types.ts";
import { platformNames } from "./words.ts";

const icons: Record<Agent["platform"], Icon> = {
  windows: IconBrandWindows,
  linux: IconTerminal2,
  macos: IconBrandApple,
  aix: IconServer,
  solaris: IconSun,
};

/** An agent's platform as a sign, with its name for those who point at it or read by ear. */
export function PlatformIcon({ platform }: { readonly platform: Agent["platform"] }) {
  const IconOf = icons[platform];
  const name = platformNames[platform];
  return (
    <span role="img" aria-label={name} data-hint={name} style={{ display: "inline-flex" }}>
      <IconOf size={15} stroke={1.7} aria-hidden />
    </span>
  );
}
