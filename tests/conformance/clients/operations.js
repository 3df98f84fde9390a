// A component that uses the official JavaScript SDK and calls any operation. See operations.py.

const readline = require("node:readline");
const { greengrasscoreipc } = require("aws-iot-device-sdk-v2");

const print = (what) => console.log(JSON.stringify(what));

// A request in the types of the SDK.
function typed(value) {
  if (Array.isArray(value)) return value.map(typed);
  if (value === null || typeof value !== "object") return value;
  if ("$blob" in value) return value.$blob;
  if ("$map" in value) return new Map(Object.entries(value.$map));
  if ("$date" in value) return new Date(value.$date * 1000);
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [name, typed(it)]));
}

// The JSON of the protocol.
function plain(value) {
  if (value instanceof Date) return value.getTime() / 1000;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.map(([name, it]) => [name, plain(it)]));
}

async function call(client, operation, request) {
  const result = client[operation[0].toLowerCase() + operation.slice(1)](typed(request));
  if (!operation.startsWith("SubscribeTo")) return result;
  result.on("message", (event) => print({ event_of: operation, event: plain(event) }));
  result.on("streamError", (error) => print({ stream_error: error.serviceError?._errorCode ?? error.name }));
  result.on("ended", () => print({ stream_closed: operation }));
  return result.activate();
}

async function main() {
  const client = greengrasscoreipc.createClient();
  await client.connect();
  print({ connected: true });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { operation, request } = JSON.parse(line);
    try {
      print({ done: operation, response: plain(await call(client, operation, request)) });
    } catch (error) {
      const service = error.serviceError;
      print({ failed: service?._errorCode ?? error.constructor.name, message: service?.message ?? error.toString() });
    }
  }
  await client.close();
  process.exit(0);
}

main();
