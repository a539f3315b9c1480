import { ActionIcon, Menu, SegmentedControl, Text, useMantineColorScheme, VisuallyHidden } from "@mantine/core";
import { IconDeviceLaptop, IconLogout, IconMoon, IconSun, IconUser, IconUserCircle } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { api } from "../api/client.ts";
import { useSession } from "../api/session.ts";
import { useAction } from "../api/use-action.ts";
import { roleNames } from "../shared/words.ts";
import { pages } from "./pages.ts";
import { useTenantName } from "./tenant.ts";

const sessionsPath = "/sessions";

/** Who one is, the colours, one's sessions, and the way out. */
export function UserMenu() {
  const { name, roles } = useSession();
  const tenantName = useTenantName();
  const navigate = useNavigate();
  const logOut = useAction(() => api.DELETE("/api/v1/session"), { onDone: () => window.location.assign("/") });
  return (
    <Menu width={250}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={34} aria-label={`${name}: sessions, colours, log out`}>
          <IconUserCircle size={21} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <div style={{ padding: "8px 12px" }}>
          <Text fw={600} size="md">
            {name}
          </Text>
          {roles.map(({ role, tenantId }) => (
            <Text key={`${role} ${tenantId}`} size="xs" c="dimmed">
              {roleNames[role]}
              {tenantId !== null && ` of ${tenantName(tenantId)}`}
            </Text>
          ))}
        </div>
        <Menu.Divider />
        <ColourSwitch />
        <Menu.Divider />
        {pages.some(({ path }) => path === sessionsPath) && (
          <Menu.Item leftSection={<IconUser size={16} />} onClick={() => void navigate({ to: sessionsPath })}>
            Your sessions
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void logOut.run()}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const schemes = [
  { value: "light", name: "Light", icon: IconSun },
  { value: "dark", name: "Dark", icon: IconMoon },
  { value: "auto", name: "As the system", icon: IconDeviceLaptop },
] as const;

function ColourSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <div style={{ padding: "4px 12px 8px" }}>
      <Text size="xs" c="dimmed" mb={4}>
        Colours
      </Text>
      <SegmentedControl
        fullWidth
        size="xs"
        aria-label="Colours"
        value={colorScheme}
        onChange={(value) => setColorScheme(schemes.find((one) => one.value === value)?.value ?? "auto")}
        data={schemes.map(({ value, name, icon: IconOf }) => ({
          value,
          label: (
            <span data-hint={name}>
              <IconOf size={16} style={{ display: "block", margin: "auto" }} aria-hidden />
              <VisuallyHidden>{name}</VisuallyHidden>
            </span>
          ),
        }))}
      />
    </div>
  );
}
