// Publishes a message to each topic that is an argument, and prints whether it may.
// Needs `npm install aws-iot-device-sdk-v2`.

const { eventstream_rpc, greengrasscoreipc } = require("aws-iot-device-sdk-v2");

async function main() {
  const client = greengrasscoreipc.createClient();
  client.on("disconnection", (event) => console.log(`disconnected: ${event.reason}`));
  await client.connect();
  console.log("connected");
  for (const topic of process.argv.slice(2)) {
    try {
      await client.publishToTopic({ topic, publishMessage: { binaryMessage: { message: "Hello World" } } });
      console.log(`published to ${topic}`);
    } catch (error) {
      const denial = error.serviceError;
      if (!(error instanceof eventstream_rpc.RpcError) || !denial) throw error;
      console.log(`denied: ${denial.message}`);
    }
  }
  await client.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
