// Prints alarms, and asks the sensor for faster readings at the first one.
// Needs `npm install aws-iot-device-sdk-v2`.

const { greengrasscoreipc } = require("aws-iot-device-sdk-v2");

const INTERVAL = 20;

// A service error is a plain object.
const textOf = (error) => error.serviceError?.message ?? error.message;

async function main() {
  const client = greengrasscoreipc.createClient();
  let isStopping = false;
  client.on("disconnection", () => {
    // The core has ended. Another one starts its components with new tokens.
    if (!isStopping) process.exit(1);
  });
  await client.connect();

  let alarms = 0;
  const stream = client.subscribeToTopic({ topic: "example/alarms" });
  stream.on("message", async (event) => {
    alarms += 1;
    console.log(`alarm: ${event.jsonMessage.message.value}`);
    if (alarms > 1) return;
    try {
      const publishMessage = { jsonMessage: { message: { interval: INTERVAL } } };
      await client.publishToTopic({ topic: "example/commands", publishMessage });
      console.log(`asked for readings every ${INTERVAL} ms`);
    } catch (error) {
      console.log(`denied: ${textOf(error)}`);
    }
  });
  await stream.activate();
  console.log("waiting for alarms");

  process.on("SIGTERM", async () => {
    isStopping = true;
    await client.close();
    console.log("stopped");
    process.exit(0);
  });
}

main().catch((error) => {
  console.error(textOf(error));
  process.exit(1);
});
