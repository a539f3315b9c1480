import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const postern: MantineColorsTuple = [
  "#eef7f6",
  "#dcecea",
  "#b4d9d5",
  "#89c4be",
  "#62b0a9",
  "#43988f",
  "#2f7f77",
  "#23706a",
  "#1c5f5a",
  "#134a46",
];

const dark: MantineColorsTuple = [
  "#d7dce0",
  "#aeb8bf",
  "#909ba3",
  "#76828a",
  "#3c464d",
  "#2f383e",
  "#252c31",
  "#1a2024",
  "#151a1d",
  "#0f1316",
];

/** Calm and dense: a table of agents is read all day. */
export const theme = createTheme({
  colors: { postern, dark },
  primaryColor: "postern",
  primaryShade: { light: 7, dark: 7 },
  autoContrast: true,
  defaultRadius: 6,
  cursorType: "pointer",
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "SF Mono", Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  headings: {
    fontWeight: "620",
    sizes: {
      h1: { fontSize: "1.375rem", lineHeight: "1.3" },
      h2: { fontSize: "1.0625rem" },
      h3: { fontSize: "0.9375rem" },
    },
  },
  components: {
    Button: { defaultProps: { size: "sm" } },
    TextInput: { defaultProps: { size: "sm" } },
    PasswordInput: { defaultProps: { size: "sm" } },
    Textarea: { defaultProps: { size: "sm", autosize: true } },
    Select: { defaultProps: { size: "sm", checkIconPosition: "right" } },
    MultiSelect: { defaultProps: { size: "sm" } },
    TagsInput: { defaultProps: { size: "sm" } },
    NumberInput: { defaultProps: { size: "sm" } },
    SegmentedControl: { defaultProps: { size: "sm" } },
    // Words of the second rank are small, not tiny.
    InputWrapper: { styles: { description: { fontSize: "var(--mantine-font-size-xs)" } } },
    Modal: {
      styles: { title: { fontSize: "var(--mantine-font-size-lg)", fontWeight: 620 } },
      defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.45 }, transitionProps: { duration: 120 } },
    },
    Menu: { defaultProps: { shadow: "md", position: "bottom-end", transitionProps: { duration: 80 } } },
    Alert: { defaultProps: { variant: "light" } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    Tooltip: { defaultProps: { openDelay: 200, withArrow: true, events: { hover: true, focus: true, touch: true } } },
  },
});

/** Words in the second rank keep a contrast of 4.5 : 1 (WCAG 2.2, 1.4.3). */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#57626b",
    "--mantine-color-placeholder": "#66717a",
    "--mantine-color-body": "#ffffff",
    "--mantine-color-error": "#b02a2a",
  },
  dark: {
    "--mantine-color-dimmed": "#a0abb3",
    "--mantine-color-placeholder": "#909ba3",
    "--mantine-color-anchor": "#7fcac2",
    "--mantine-color-error": "#ff9d94",
  },
});
