//! AWS IoT Core over a broker, which is Mosquitto.

mod mosquitto;

use std::{collections::BTreeSet, time::SystemTime};

use greengrass_core_ipc::{
    Client,
    types::{ConnectionStatus, MqttMessage, PayloadFormat, Qos, UserProperty, error::ServiceError},
};
use greengrass_local_core::{Builder, Clock, LocalCore};

use crate::{
    iot_core::{next, pair, publish, retain, start, status, subscribe, text},
    support::Program,
};
use mosquitto::Broker;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A core that is connected to a broker. Its subscriptions wait for the broker without a time limit.
async fn connected(builder: Builder) -> (LocalCore, Client) {
    let (core, client) = start(builder.clock(Clock::manual(SystemTime::now()))).await;
    wait_for(&client, ConnectionStatus::Connected).await;
    (core, client)
}

async fn wait_for(client: &Client, expected: ConnectionStatus) {
    let mut statuses = client.subscribe_to_iot_core_connection_status().send().await.unwrap();
    while status(&mut statuses).await != expected {}
}

#[tokio::test]
async fn messages_go_to_a_tool_and_come_from_it_with_their_members() {
    if !mosquitto::is_installed() {
        return;
    }
    let mut broker = Broker::start("").await;
    let (_core, client) = connected(LocalCore::builder().mqtt(broker.url())).await;

    let mut received = subscribe(&client, "from/+/#").await;
    let properties = "content-type text/plain,correlation-data id,message-expiry-interval 100,\
         payload-format-indicator 1,response-topic answers,user-property k 1,user-property k 2";
    let properties =
        properties.split(',').flat_map(|it| ["-D", "publish"].into_iter().chain(it.split(' ')));
    let message = ["-t", "from/tool/x", "-m", "hello", "-q", "1"];
    broker.publish(&message.into_iter().chain(properties).collect::<Vec<_>>()).await;
    let property = |value| UserProperty::builder().key("k").value(value).build();
    let expected = MqttMessage::builder()
        .topic_name("from/tool/x")
        .payload("hello")
        .retain(false)
        .user_properties(vec![property("1"), property("2")])
        .message_expiry_interval_seconds(100)
        .correlation_data("id")
        .response_topic("answers")
        .payload_format(PayloadFormat::Utf8)
        .content_type("text/plain");
    assert_eq!(next(&mut received).await, expected.build().unwrap());

    let tool = broker.subscribe("to/#", "%t %q %p %D %E %F %R %P").await;
    let publish = client.publish_to_iot_core().topic_name("to/tool").qos(Qos::AtLeastOnce);
    let publish = publish
        .payload("hello")
        .user_properties(vec![property("1"), property("2")])
        .message_expiry_interval_seconds(100)
        .correlation_data("id")
        .response_topic("answers")
        .payload_format(PayloadFormat::Utf8);
    publish.send().await.unwrap();
    let output = test_util::in_time("the tool", tool.wait_with_output()).await.unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        line,
        "to/tool 1 hello id 100 1 answers k:1 k:2
"
    );
}

#[tokio::test]
async fn a_message_arrives_once_although_filters_overlap() {
    if !mosquitto::is_installed() {
        return;
    }
    let broker = Broker::start("").await;
    let (_core, client) = connected(LocalCore::builder().mqtt(broker.url())).await;
    retain(&client, "o/x", "retained", None).await;
    let mut subscriptions = Vec::new();
    for filter in ["o/x", "o/+", "+/x", "#", "o/x"] {
        subscriptions.push(subscribe(&client, filter).await);
    }
    for payload in ["1", "2"] {
        publish(&client, "o/x", payload).await.unwrap();
    }
    for (index, subscription) in subscriptions.iter_mut().enumerate() {
        // Not the last one, whose filter the broker already has.
        if index < 4 {
            let retained = next(subscription).await;
            assert_eq!((&*retained.topic_name, retained.retain), ("o/x", Some(true)));
        }
        for payload in ["1", "2"] {
            assert_eq!(text(subscription).await, pair("o/x", payload), "{index}");
        }
    }
    // The broker still has the filter, for the last subscription.
    subscriptions.remove(0).close().await.unwrap();
    publish(&client, "o/x", "3").await.unwrap();
    assert_eq!(text(subscriptions.last_mut().unwrap()).await, pair("o/x", "3"));
    let mut shared = [
        subscribe(&client, "$share/group/o/y").await,
        subscribe(&client, "$share/group/o/y").await,
    ];
    for payload in ["4", "5"] {
        publish(&client, "o/y", payload).await.unwrap();
    }
    let [first, second] = &mut shared;
    let received = BTreeSet::from([text(first).await.1, text(second).await.1]);
    assert_eq!(received, BTreeSet::from(["4".to_owned(), "5".to_owned()]));
}

#[tokio::test]
async fn subscriptions_and_queued_messages_survive_the_end_of_the_broker() {
    if !mosquitto::is_installed() {
        return;
    }
    let mut broker = Broker::start("").await;
    let (_core, client) = connected(LocalCore::builder().mqtt(broker.url())).await;
    let mut received = subscribe(&client, "q/+").await;
    for _ in 0..2 {
        broker.kill().await;
        wait_for(&client, ConnectionStatus::Disconnected).await;
        let qos0 = client.publish_to_iot_core().topic_name("q/0").qos(Qos::AtMostOnce).payload("x");
        assert_eq!(qos0.send().await.unwrap_err().code(), Some("ServiceError"));
        // They are retained because they may be sent before the subscription.
        let mut topics: BTreeSet<_> = (0..20).map(|index| format!("q/{index}")).collect();
        for topic in &topics {
            retain(&client, topic, "x", None).await;
        }
        // Waits for the connection.
        let (late, ()) = tokio::join!(subscribe(&client, "late"), broker.restart());
        while !topics.is_empty() {
            topics.remove(&next(&mut received).await.topic_name);
        }
        late.close().await.unwrap();
    }
    broker.publish(&["-t", "q/end", "-m", "end", "-q", "1"]).await;
    while next(&mut received).await.topic_name != "q/end" {}
}

#[tokio::test]
async fn a_login_has_the_permissions_of_the_broker() {
    if !mosquitto::is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    mosquitto::add_user(&file("users"), "core", "p@ss:/%");
    std::fs::write(file("permissions"), "user core\ntopic readwrite allowed/#\n").unwrap();
    let (users, permissions) = (file("users"), file("permissions"));
    let options = format!("password_file {}\nacl_file {}", users.display(), permissions.display());
    let broker = Broker::start(&options).await;
    let url = broker.url().replace("mqtt://", "mqtt://core:p%40ss%3A%2F%25@");
    let (_core, client) = connected(LocalCore::builder().mqtt(url)).await;
    let mut received = subscribe(&client, "allowed/#").await;
    // The broker refuses the first message, and the core does not send it again.
    for topic in ["denied/x", "allowed/x"] {
        publish(&client, topic, topic).await.unwrap();
    }
    assert_eq!(text(&mut received).await, pair("allowed/x", "allowed/x"));
}

/// A listener for the connections of a core, and its URL.
async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Accepts a client as a broker does.
async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut io, _) = listener.accept().await.unwrap();
    assert_eq!(packet(&mut io).await.unwrap().0, CONNECT);
    io.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap();
    io
}

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 8;

/// The type and the content of the next packet, which is short.
async fn packet(io: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    io.read_exact(&mut head).await?;
    let mut body = vec![0; head[1].into()];
    io.read_exact(&mut body).await?;
    Ok((head[0] >> 4, body))
}

/// The last byte of the next message with QoS 1 and a topic of one letter. Acknowledges the message.
async fn acknowledge(io: &mut TcpStream) -> u8 {
    let (kind, body) = packet(io).await.unwrap();
    assert_eq!(kind, PUBLISH);
    io.write_all(&[0x40, 2, body[3], body[4]]).await.unwrap();
    *body.last().unwrap()
}

/// Serves a connection as a broker that refuses all subscriptions.
async fn refuse_subscriptions(listener: TcpListener) -> std::io::Result<()> {
    let mut io = accept(&listener).await;
    loop {
        let (kind, body) = packet(&mut io).await?;
        if kind == SUBSCRIBE {
            // SUBACK with the reason code "not authorized".
            io.write_all(&[0x90, 4, body[0], body[1], 0, 0x87]).await?;
        }
    }
}

#[tokio::test]
async fn a_refused_subscription_fails_with_the_reason_code() {
    let (listener, url) = listen().await;
    tokio::spawn(refuse_subscriptions(listener));
    let (_core, client) = connected(LocalCore::builder().mqtt(url)).await;
    let denied = client.subscribe_to_iot_core().topic_name("denied").qos(Qos::AtLeastOnce);
    let error = denied.send().await.unwrap_err();
    let error = error.service_error().unwrap().decode::<ServiceError>().unwrap();
    assert_eq!(error.context.unwrap()["reasonCode"], 0x87);
}

#[tokio::test]
async fn messages_stay_in_order_when_a_connection_ends() {
    for _ in 0..5 {
        let (listener, url) = listen().await;
        let (io, (_core, client)) =
            tokio::join!(accept(&listener), connected(LocalCore::builder().mqtt(url)));
        let mut io = io;
        for index in 0..3 {
            publish(&client, "t", vec![index]).await.unwrap();
            assert_eq!(packet(&mut io).await.unwrap().0, PUBLISH);
        }
        drop(io);
        wait_for(&client, ConnectionStatus::Disconnected).await;
        for index in 3..9 {
            publish(&client, "t", vec![index]).await.unwrap();
        }
        let mut io = accept(&listener).await;
        for index in 0..9 {
            assert_eq!(acknowledge(&mut io).await, index);
        }
    }
}

/// More messages than are sent at once.
const MESSAGES: u8 = 20;

#[tokio::test]
async fn a_core_that_stops_sends_the_messages_that_wait() {
    let (listener, url) = listen().await;
    let (io, (core, client)) =
        tokio::join!(accept(&listener), connected(LocalCore::builder().mqtt(url)));
    let mut io = io;
    for index in 0..MESSAGES {
        publish(&client, "t", vec![index]).await.unwrap();
    }
    let receive = async {
        for index in 0..MESSAGES {
            assert_eq!(acknowledge(&mut io).await, index);
        }
    };
    let (stopped, ()) = tokio::join!(core.stop(), receive);
    stopped.unwrap();
}

#[tokio::test]
async fn a_core_that_stops_does_not_wait_for_a_connection() {
    let (listener, url) = listen().await;
    let (io, (core, client)) =
        tokio::join!(accept(&listener), connected(LocalCore::builder().mqtt(url)));
    publish(&client, "t", "x").await.unwrap();
    drop((io, listener));
    test_util::in_time("the core stops", core.stop()).await.unwrap();
}

/// The next line of the log that contains a text.
async fn logged(program: &mut Program, text: &str) -> String {
    let found = async {
        loop {
            let line = program.log.next_line().await.unwrap().unwrap();
            if line.contains(text) {
                return line;
            }
        }
    };
    test_util::in_time(text, found).await
}

#[tokio::test]
async fn the_log_says_which_connection_ends_and_why() {
    let (listener, url) = listen().await;
    let args = ["--component", "a", "--mqtt", &url, "--mqtt-client-id", "same"];
    let mut program = Program::start(&args.map(str::to_owned)).await;
    // The end of a connection without a reason, and with the reason "session taken over".
    for packet in [&[][..], &[0xE0, 2, 0x8E, 0]] {
        let mut io = accept(&listener).await;
        logged(&mut program, &format!("connected to {url}")).await;
        io.write_all(packet).await.unwrap();
        drop(io);
        let line = logged(&mut program, "there is no connection").await;
        assert!(line.contains(&url) && line.contains("client ID \"same\""), "{line}");
    }
    drop(listener);
    let line = logged(&mut program, "refused").await;
    assert!(line.contains(&url), "{line}");
}

#[tokio::test]
async fn what_mqtt_forbids_does_not_end_the_connection() {
    if !mosquitto::is_installed() {
        return;
    }
    let broker = Broker::start("").await;
    let (_core, client) = connected(LocalCore::builder().mqtt(broker.url())).await;
    let mut received = subscribe(&client, "t").await;
    let publish_to = |topic: &str| {
        let publish = client.publish_to_iot_core().topic_name(topic).qos(Qos::AtLeastOnce);
        publish.payload("x")
    };
    let long = "x".repeat(65_536);
    let property = UserProperty::builder().key("k").value(&*long).build();
    for refused in [
        publish_to("t\u{1}"),
        publish_to(&format!("$aws/rules/{long}/t")),
        publish_to("t").response_topic(&*long),
        publish_to("t").correlation_data(long.clone()),
        publish_to("t").user_properties(vec![property]),
    ] {
        assert_eq!(refused.send().await.unwrap_err().code(), Some("ServiceError"));
    }
    for filter in ["$share", "$share/group", &format!("$share/{long}/t")] {
        let refused = client.subscribe_to_iot_core().topic_name(filter).qos(Qos::AtLeastOnce);
        assert_eq!(refused.send().await.unwrap_err().code(), Some("ServiceError"));
    }
    publish(&client, "t", "end").await.unwrap();
    assert_eq!(text(&mut received).await, pair("t", "end"));
}

#[tokio::test]
async fn two_cores_exchange_messages() {
    if !mosquitto::is_installed() {
        return;
    }
    let broker = Broker::start("").await;
    let (_core, client) = connected(LocalCore::builder().mqtt(broker.url())).await;
    let args = ["--component", "b", "--mqtt", &broker.url(), "--mqtt-client-id", "other"];
    let program = Program::start(&args.map(str::to_owned)).await;
    let other = program.client(0).await;
    wait_for(&other, ConnectionStatus::Connected).await;
    let (mut here, mut there) =
        (subscribe(&client, "here").await, subscribe(&other, "there").await);
    publish(&client, "there", "to b").await.unwrap();
    assert_eq!(text(&mut there).await, pair("there", "to b"));
    publish(&other, "here", "to a").await.unwrap();
    assert_eq!(text(&mut here).await, pair("here", "to a"));
}

#[tokio::test]
async fn a_broker_with_tls_requires_a_certificate() {
    if !mosquitto::is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    mosquitto::certificates(folder.path());
    let file = |name: &str| folder.path().join(name);
    let option = |option: &str, name: &str| format!("{option} {}\n", file(name).display());
    let options = [("cafile", "ca.pem"), ("certfile", "server.pem"), ("keyfile", "server.key")];
    let options: String = options.into_iter().map(|(name, path)| option(name, path)).collect();
    let mut broker = Broker::start(&format!("{options}require_certificate true")).await;
    let url = format!("mqtts://localhost:{}", broker.port);
    let builder = || LocalCore::builder().mqtt(&url).mqtt_ca(file("ca.pem"));

    let core = builder().mqtt_cert(file("client.pem"), file("client.key"));
    let (_core, client) = connected(core).await;
    let mut received = subscribe(&client, "t").await;
    publish(&client, "t", "secret").await.unwrap();
    assert_eq!(text(&mut received).await, pair("t", "secret"));

    let (_without_certificate, _) = start(builder()).await;
    broker.logged("peer did not return a certificate").await;
    // The broker's certificate is not one of this authority.
    let other = LocalCore::builder().mqtt(&url).mqtt_ca(file("client.pem"));
    let (_wrong_authority, _) = start(other).await;
    broker.logged("alert unknown ca").await;

    let missing = LocalCore::builder().mqtt(&url).mqtt_ca(file("missing.pem")).start().await;
    assert!(missing.unwrap_err().to_string().contains("missing.pem"));
    let plain = LocalCore::builder().mqtt(broker.url()).mqtt_ca(file("ca.pem")).start().await;
    assert!(plain.unwrap_err().to_string().contains("mqtts://"));
}
