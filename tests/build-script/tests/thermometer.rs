//! What the build script generated, as client and as server, in one process.

use build_script::{
    OneRoom,
    thermometer::{
        Client,
        client::ConnectionBuilder,
        operation::read_temperature::ReadTemperatureError,
        server::{
            Config, ConnectRequest, Identity, Rejected, ThermometerService, serve_connection,
        },
        types::{TemperatureEvents, Unit},
    },
};

async fn connect() -> Client {
    let (io, server) = tokio::io::duplex(64 * 1024);
    let thermometer = OneRoom { room: "kitchen".to_owned(), temperatures: vec![20.5, 21.0] };
    let service = ThermometerService::new(thermometer);
    tokio::spawn(serve_connection(server, service, authenticate, Config::default()));
    Client::new(ConnectionBuilder::default().connect_over(io).await.unwrap())
}

fn authenticate(_: &ConnectRequest) -> Result<Identity, Rejected> {
    Ok(Identity("somebody".to_owned()))
}

#[tokio::test]
async fn calls_and_subscriptions_work() {
    let client = connect().await;
    let response = client.read_temperature().room("kitchen").send().await.unwrap();
    let reading = response.reading.unwrap();
    assert_eq!((reading.temperature, reading.unit), (20.5, Unit::Celsius));

    let mut changes = client.watch_temperature().room("kitchen").send().await.unwrap();
    let mut temperatures = Vec::new();
    while let Some(event) = changes.next().await {
        let TemperatureEvents::Change(reading) = event.unwrap() else { panic!("another event") };
        temperatures.push(reading.temperature);
    }
    assert_eq!(temperatures, [20.5, 21.0]);
}

#[tokio::test]
async fn errors_of_the_model_have_their_types() {
    let error = connect().await.read_temperature().room("attic").send().await.unwrap_err();
    let ReadTemperatureError::NoSuchRoomError(error) = error.into_service_error().unwrap() else {
        panic!("another error")
    };
    assert_eq!(error.message.as_deref(), Some("no room \"attic\""));
}
