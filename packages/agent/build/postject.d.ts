declare module "postject" {
  /** Puts `data` into the executable `filename` as a resource, and marks it as a single executable application. */
  export function inject(
    filename: string,
    resourceName: string,
    data: Buffer,
    options: { readonly sentinelFuse: string },
  ): Promise<void>;
}
