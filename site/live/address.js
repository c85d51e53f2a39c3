// An edit as the part after # of an address: what is edited, and the text, compressed.
const through = async (data, stream) => new Uint8Array(await new Response(new Blob([data]).stream().pipeThrough(stream)).arrayBuffer());

export async function write({ chapter, rule, exercise, text }) {
  const given = new URLSearchParams({ chapter, rule });
  if (exercise) given.set("exercise", exercise);
  if (text !== undefined) {
    const packed = await through(text, new CompressionStream("deflate-raw"));
    given.set("text", btoa(String.fromCharCode(...packed)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""));
  }
  return String(given);
}

// What such a part says; a text that cannot be read is left out.
export async function read(fragment) {
  const given = Object.fromEntries(new URLSearchParams(fragment));
  const { text, ...rest } = given;
  if (!text) return rest;
  try {
    const packed = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const unpacked = await through(packed, new DecompressionStream("deflate-raw"));
    return { ...rest, text: new TextDecoder("utf-8", { fatal: true }).decode(unpacked) };
  } catch {
    return rest;
  }
}
