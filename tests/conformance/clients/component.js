// A component that uses the official JavaScript SDK and executes commands. See component.py.

const readline = require("node:readline");
const { greengrasscoreipc } = require("aws-iot-device-sdk-v2");

const print = (what) => console.log(JSON.stringify(what));

function received(event) {
  const json = event.jsonMessage;
  if (json) {
    print({ event: json.message, kind: "json", topic: json.context.topic });
  } else {
    const binary = event.binaryMessage;
    const text = Buffer.from(binary.message).toString("base64");
    print({ event: text, kind: "binary", topic: binary.context.topic });
  }
}

function changed(event) {
  const change = event.configurationUpdateEvent;
  print({ changed: change.keyPath, component: change.componentName });
}

async function open(stream, onEvent) {
  stream.on("message", onEvent);
  stream.on("streamError", (error) => print({ stream_error: error.serviceError?.constructor?.name ?? error.name }));
  stream.on("ended", () => print({ stream_closed: true }));
  await stream.activate();
  return stream;
}

async function main() {
  const client = greengrasscoreipc.createClient();
  try {
    await client.connect();
  } catch (error) {
    print({ connect_failed: error.name });
    return;
  }
  print({ connected: true });
  const streams = [];
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    try {
      let result = null;
      switch (command.do) {
        case "publish":
          await client.publishToTopic({
            topic: command.topic,
            publishMessage:
              command.kind === "json"
                ? { jsonMessage: { message: command.message } }
                : { binaryMessage: { message: Buffer.from(command.message, "base64") } },
          });
          break;
        case "subscribe":
          streams.push(await open(client.subscribeToTopic({ topic: command.topic }), received));
          break;
        case "unsubscribe":
          await streams.pop().close();
          break;
        case "get":
          result = (await client.getConfiguration({ keyPath: command.path })).value;
          break;
        case "update":
          await client.updateConfiguration({
            keyPath: command.path,
            valueToMerge: command.value,
            timestamp: new Date(),
          });
          break;
        case "watch":
          streams.push(
            await open(client.subscribeToConfigurationUpdate({ keyPath: command.path }), changed),
          );
          break;
        case "list":
          await client.listComponents({});
          break;
        case "close":
          await client.close();
          break;
      }
      print({ done: command.do, result });
      if (command.do === "close") process.exit(0);
    } catch (error) {
      const modelled = error.serviceError;
      print({ failed: modelled ? "service" : error.constructor.name, message: modelled?.message ?? null });
    }
  }
}

main();
