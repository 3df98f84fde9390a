// A driver of the official JavaScript SDK; see driver.py.

const readline = require("node:readline");
const { greengrasscoreipc, io } = require("aws-iot-device-sdk-v2");

// How long the slow handler takes for its first event, in milliseconds.
const SLOW = 100;

const say = (what) => console.log(JSON.stringify(what));

// What can be found out about an error.
const textOf = (error) =>
  [error.message, error.serviceError?.message, error.internalError, error.internalError?.message]
    .filter((it) => it)
    .join(" ");
// A service's error is an object of no class; what its declared type does not have is there all the same.
const nameOf = (error) => error.serviceError?._errorCode ?? error.name;

let client;
const subscriptions = new Map();
let onOtherEvent;
const otherEvent = new Promise((resolve) => (onOtherEvent = resolve));
let onOpen;
const open = new Promise((resolve) => (onOpen = resolve));

async function get() {
  const response = await client.getConfiguration({ keyPath: ["k"] });
  return (response.value?.k ?? "").slice(0, 100);
}

function publish(text) {
  return client.publishToTopic({
    topic: "t",
    publishMessage: { jsonMessage: { message: { text } } },
  });
}

async function start(operation) {
  switch (operation) {
    case "call":
      return get();
    case "restart":
      return (await client.restartComponent({ componentName: "c" })).restartStatus;
    case "publish":
      await publish("x".repeat(4 * 1024 * 1024));
      return "";
    case "publish_secret":
      await publish("SECRET-IN-A-REQUEST");
      return "";
  }
}

async function call(operation, number) {
  const key = `call ${number}`;
  try {
    say({ [key]: true, ok: await start(operation) });
  } catch (error) {
    say({ [key]: true, failed: nameOf(error), text: textOf(error) });
  }
}

class Handler {
  constructor(command) {
    this.topic = command.topic;
    this.kind = command.handler;
    this.count = command.count;
    this.seen = 0;
    this.inOrder = true;
  }

  async onEvent(event) {
    const text = event.jsonMessage?.message?.text ?? null;
    switch (this.kind) {
      case "call":
        try {
          say({ called: await get() });
        } catch (error) {
          say({ called: null, text: nameOf(error) });
        }
        break;
      case "wait":
        say({ waiting: true });
        await otherEvent;
        say({ waited: true });
        break;
      case "signal":
        onOtherEvent();
        break;
      case "slow":
      case "stuck":
        await this.counted(Number(text));
        break;
      default:
        say({ event: text, topic: this.topic });
    }
  }

  async counted(number) {
    if (number === 0 && this.kind === "slow") {
      // JavaScript has one thread: a handler that works does not give way.
      const end = Date.now() + SLOW;
      while (Date.now() < end);
    }
    if (number === 0 && this.kind === "stuck") {
      say({ stuck: true });
      await open;
    }
    // The events that came meanwhile are here already if the handler gave way.
    this.inOrder = this.inOrder && (this.seen === number || this.kind === "stuck");
    this.seen += 1;
    if (this.seen === this.count) say({ counted: this.seen, in_order: this.inOrder });
  }
}

async function subscribe(command) {
  const handler = new Handler(command);
  const stream = client.subscribeToTopic({ topic: command.topic });
  stream.on("message", (event) => handler.onEvent(event));
  stream.on("streamError", (error) => say({ stream_error: nameOf(error), topic: command.topic }));
  stream.on("ended", () => say({ stream_closed: true, topic: command.topic }));
  try {
    await stream.activate();
    subscriptions.set(command.topic, stream);
    say({ subscribed: command.topic });
  } catch (error) {
    say({ subscribe_failed: nameOf(error), text: textOf(error) });
  }
}

async function run(command) {
  switch (command.do) {
    case "connect":
      if (command.reconnect) {
        say({ unsupported: "there is no reconnecting" });
        return;
      }
      client = greengrasscoreipc.createClient();
      client.on("disconnection", () => {});
      await client.connect();
      say({ connected: true });
      break;
    case "cancel":
      say({ unsupported: "promises cannot be cancelled" });
      break;
    case "subscribe":
      await subscribe(command);
      break;
    case "unsubscribe":
      await subscriptions.get(command.topic).close();
      say({ unsubscribed: command.topic });
      break;
    case "open":
      onOpen();
      break;
    default:
      call(command.do, command.n);
  }
}

async function main() {
  if (process.env.CONFORMANCE_LOGS) io.enable_logging(io.LogLevel.TRACE);
  say({ ready: true });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    await run(JSON.parse(line));
  }
  process.exit(0);
}

main();
