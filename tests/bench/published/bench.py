"""The benchmark program of the official Python SDK: `bench.py MODE [COUNT [SIZE]]`."""

import collections
import os
import sys
import threading
import time

import awsiot.greengrasscoreipc.model as model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

IN_FLIGHT = 64
mode = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 1
size = int(sys.argv[3]) if len(sys.argv) > 3 else 1024
data = bytes((index * 31 + 7) & 255 for index in range(size))
client = GreengrassCoreIPCClientV2()


def message():
    return model.PublishMessage(binary_message=model.BinaryMessage(message=data))


def publish():
    client.publish_to_topic(topic="my/topic", publish_message=message())


def start():
    return client.publish_to_topic_async(topic="my/topic", publish_message=message())


def report(total, more=""):
    with open("/proc/self/status") as status:
        fields = dict(line.split(":", 1) for line in status if ":" in line)
    peak, threads = fields["VmHWM"].split()[0], int(fields["Threads"])
    print(f"count={count} total_ns={total} {more}peak_kib={peak} threads={threads}")
    end()


def end():
    sys.stdout.flush()
    # Threads of the SDK would delay a normal exit.
    os._exit(0)


if mode == "first":
    publish()
    end()
elif mode == "sequential":
    for _ in range(200):
        publish()
    latencies = []
    begin = time.perf_counter_ns()
    for _ in range(count):
        since = time.perf_counter_ns()
        publish()
        latencies.append(time.perf_counter_ns() - since)
    total = time.perf_counter_ns() - begin
    latencies.sort()
    last = len(latencies) - 1
    report(total, f"p50_ns={latencies[last // 2]} p99_ns={latencies[last * 99 // 100]} ")
elif mode == "in-flight":
    begin = time.perf_counter_ns()
    waiting = collections.deque()
    sent = done = 0
    while done < count:
        while sent < count and len(waiting) < IN_FLIGHT:
            waiting.append(start())
            sent += 1
        waiting.popleft().result(10)
        done += 1
    report(time.perf_counter_ns() - begin)
elif mode == "events":
    arrived, received = 0, 0
    is_done = threading.Event()

    def on_event(event):
        global arrived, received
        received += len(event.binary_message.message)
        arrived += 1
        if arrived == count:
            is_done.set()

    begin = time.perf_counter_ns()
    client.subscribe_to_topic(
        topic=f"bench/{count}/{size}",
        on_stream_event=on_event,
        on_stream_error=lambda error: True,
        on_stream_closed=lambda: None,
    )
    assert is_done.wait(60), f"stalled at {arrived}"
    assert received == count * size
    report(time.perf_counter_ns() - begin)
