// The benchmark program of the official JavaScript SDK: `node bench.js MODE [COUNT [SIZE]]`.

const fs = require("fs");
const { greengrasscoreipc } = require("aws-iot-device-sdk-v2");

const IN_FLIGHT = 64;
const [mode, count = 1, size = 1024] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const data = Buffer.from(Array.from({ length: size }, (_, index) => (index * 31 + 7) & 255));

function report(total, more = "") {
  const status = fs.readFileSync("/proc/self/status", "utf8");
  const number = (key) => new RegExp(`${key}:\\s+(\\d+)`).exec(status)[1];
  console.log(
    `count=${count} total_ns=${total} ${more}peak_kib=${number("VmHWM")} threads=${number("Threads")}`,
  );
  process.exit(0);
}

async function main() {
  const client = greengrasscoreipc.createClient();
  await client.connect();
  const publish = () =>
    client.publishToTopic({
      topic: "my/topic",
      publishMessage: { binaryMessage: { message: data } },
    });
  const begin = process.hrtime.bigint();
  if (mode === "first") {
    await publish();
    process.exit(0);
  } else if (mode === "sequential") {
    for (let index = 0; index < 300; index++) await publish();
    const latencies = [];
    const begin = process.hrtime.bigint();
    for (let index = 0; index < count; index++) {
      const since = process.hrtime.bigint();
      await publish();
      latencies.push(Number(process.hrtime.bigint() - since));
    }
    const total = process.hrtime.bigint() - begin;
    latencies.sort((a, b) => a - b);
    const at = (share) => latencies[Math.floor(((count - 1) * share) / 100)];
    report(total, `p50_ns=${at(50)} p99_ns=${at(99)} `);
  } else if (mode === "in-flight") {
    const each = Math.floor(count / IN_FLIGHT);
    const publishEach = async () => {
      for (let index = 0; index < each; index++) await publish();
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, publishEach));
    report(process.hrtime.bigint() - begin);
  } else if (mode === "events") {
    let arrived = 0;
    let received = 0;
    const stream = client.subscribeToTopic({ topic: `bench/${count}/${size}` });
    stream.on("message", (event) => {
      const { message } = event.binaryMessage;
      received += message.length ?? message.byteLength;
      if (++arrived === count) {
        if (received !== count * size) throw new Error(`${received} bytes`);
        report(process.hrtime.bigint() - begin);
      }
    });
    setTimeout(() => {
      console.error(`stalled at ${arrived}`);
      process.exit(2);
    }, 60000);
    await stream.activate();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(2);
});
