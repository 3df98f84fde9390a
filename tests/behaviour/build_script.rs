//! The client and the server that the build script generates work together.

use behaviour::thermometer::{
    self, Client,
    client::ConnectionBuilder,
    operation::{
        read_temperature::{ReadTemperatureError, ReadTemperatureRequest, ReadTemperatureResponse},
        watch_temperature::{WatchTemperature, WatchTemperatureError, WatchTemperatureResponse},
    },
    server::{
        Config, ConnectRequest, Identity, OnFull, Rejected, RequestContext, StreamingRequest,
        StreamingResponse, ThermometerService, event_queue, serve_connection,
    },
    types::{Reading, TemperatureEvents, Unit, error::NoSuchRoomError},
};

/// A thermometer in a single room.
#[derive(Clone, Debug)]
struct OneRoom {
    room: String,
    /// The successive temperatures, in degrees Celsius.
    temperatures: Vec<f64>,
}

impl OneRoom {
    fn check(&self, room: &str) -> Result<(), NoSuchRoomError> {
        if room == self.room {
            Ok(())
        } else {
            Err(NoSuchRoomError::builder().message(format!("no room {room:?}")).build())
        }
    }

    fn reading(celsius: f64) -> Reading {
        Reading::builder()
            .temperature(celsius)
            .unit(Unit::Celsius)
            .build()
            .expect("every required member is set")
    }
}

impl thermometer::server::Thermometer for OneRoom {
    async fn read_temperature(
        &self,
        request: ReadTemperatureRequest,
        _: RequestContext,
    ) -> Result<ReadTemperatureResponse, ReadTemperatureError> {
        self.check(&request.room)?;
        let reading = self.temperatures.first().copied().map(Self::reading);
        Ok(ReadTemperatureResponse::builder().set_reading(reading).build())
    }

    async fn watch_temperature(
        &self,
        request: StreamingRequest<WatchTemperature>,
        _: RequestContext,
    ) -> Result<StreamingResponse<WatchTemperature>, WatchTemperatureError> {
        self.check(&request.request.room)?;
        let error = NoSuchRoomError::builder().message("the subscriber is too slow").build();
        let (sender, events) = event_queue(64 * 1024, OnFull::Fail(error.into()));
        for celsius in &self.temperatures {
            // Ignored: the subscriber may have disconnected.
            let _ = sender.send(&TemperatureEvents::Change(Self::reading(*celsius)));
        }
        sender.end();
        Ok(StreamingResponse::queued(WatchTemperatureResponse::default(), events))
    }
}

async fn connect() -> Client {
    let (io, server) = tokio::io::duplex(64 * 1024);
    let thermometer = OneRoom { room: "kitchen".to_owned(), temperatures: vec![20.5, 21.0] };
    let service = ThermometerService::new(thermometer);
    tokio::spawn(serve_connection(server, service, authenticate, Config::default()));
    Client::new(ConnectionBuilder::default().connect_over(io).await.unwrap())
}

fn authenticate(_: &ConnectRequest) -> Result<Identity, Rejected> {
    Ok(Identity("client".to_owned()))
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
async fn modelled_errors_have_their_types() {
    let error = connect().await.read_temperature().room("attic").send().await.unwrap_err();
    let ReadTemperatureError::NoSuchRoomError(error) = error.into_service_error().unwrap() else {
        panic!("another error")
    };
    assert_eq!(error.message.as_deref(), Some("no room \"attic\""));
}
