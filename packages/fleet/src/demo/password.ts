const words =
  "amber anvil badger barley beacon birch bramble cabin candle cedar cinder clover comet copper coral cradle crater daisy delta ember falcon fennel fjord flint garnet geyser ginger glacier harbor hazel heron indigo island jasmine juniper kettle lagoon lantern lemon linen lotus maple marble meadow mellow nectar nutmeg oasis olive onyx orchid otter pebble pepper pewter pigeon plover poplar quartz quiver raven ripple saddle saffron sorrel spruce sparrow tallow tansy teapot thistle thunder timber topaz tulip turnip umber velvet violet walnut willow winter yarrow zephyr".split(
    " ",
  );

/** Four words that do not belong together: easily typed, and as long as the cluster asks for. */
export function newPassword(pick: (below: number) => number): string {
  const left = [...words];
  return Array.from({ length: 4 }, () => left.splice(pick(left.length), 1)[0]).join("-");
}
