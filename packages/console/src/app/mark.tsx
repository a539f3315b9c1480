/** A postern: the small gate inside the big one. */
export function Mark({ size = 24 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#1f5f5b" />
      <path d="M8 25V14a8 8 0 0 1 16 0v11" fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" />
      <path d="M13 25V15.5a3 3 0 0 1 6 0V25" fill="#fff" />
    </svg>
  );
}
