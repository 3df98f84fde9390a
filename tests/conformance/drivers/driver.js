// The driver of the official JavaScript SDK. See driver.py.

const readline = require("node:readline");
const { greengrasscoreipc, io } = require("aws-iot-device-sdk-v2");

// The time that the slow handler takes for its first event, in milliseconds.
const SLOW = 100;

const print = (what) => console.log(JSON.stringify(what));

// All texts of an error.
const textOf = (error) =>
  [error.message, error.serviceError?.message, error.internalError, error.internalError?.message]
    .filter((it) => it)
    .join(" ");
// A service error is a plain object. It has more members than its declared type.
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
    print({ [key]: true, ok: await start(operation) });
  } catch (error) {
    print({ [key]: true, failed: nameOf(error), text: textOf(error) });
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
          print({ called: await get() });
        } catch (error) {
          print({ called: null, text: nameOf(error) });
        }
        break;
      case "wait":
        print({ waiting: true });
        await otherEvent;
        print({ waited: true });
        break;
      case "signal":
        onOtherEvent();
        break;
      case "slow":
      case "stuck":
        await this.counted(Number(text));
        break;
      default:
        print({ event: text, topic: this.topic });
    }
  }

  async counted(number) {
    if (number === 0 && this.kind === "slow") {
      // JavaScript has one thread: a busy handler does not yield.
      const end = Date.now() + SLOW;
      while (Date.now() < end);
    }
    if (number === 0 && this.kind === "stuck") {
      print({ stuck: true });
      await open;
    }
    // While the stuck handler awaits, later events are delivered.
    this.inOrder = this.inOrder && (this.seen === number || this.kind === "stuck");
    this.seen += 1;
    if (this.seen === this.count) print({ counted: this.seen, in_order: this.inOrder });
  }
}

async function subscribe(command) {
  const handler = new Handler(command);
  const stream = client.subscribeToTopic({ topic: command.topic });
  stream.on("message", (event) => handler.onEvent(event));
  stream.on("streamError", (error) => print({ stream_error: nameOf(error), topic: command.topic }));
  stream.on("ended", () => print({ stream_closed: true, topic: command.topic }));
  try {
    await stream.activate();
    subscriptions.set(command.topic, stream);
    print({ subscribed: command.topic });
  } catch (error) {
    print({ subscribe_failed: nameOf(error), text: textOf(error) });
  }
}

async function run(command) {
  switch (command.do) {
    case "connect":
      if (command.reconnect) {
        print({ unsupported: "reconnecting is not supported" });
        return;
      }
      client = greengrasscoreipc.createClient();
      client.on("disconnection", () => {});
      await client.connect();
      print({ connected: true });
      break;
    case "cancel":
      print({ unsupported: "promises cannot be cancelled" });
      break;
    case "subscribe":
      await subscribe(command);
      break;
    case "unsubscribe":
      await subscriptions.get(command.topic).close();
      print({ unsubscribed: command.topic });
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
  print({ ready: true });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    await run(JSON.parse(line));
  }
  process.exit(0);
}

main();
