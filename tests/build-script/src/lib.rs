//! A crate whose build script generates the bindings of a service: nothing generated is kept beside the
//! sources, and a change of the model is in the next build.

include!(concat!(env!("OUT_DIR"), "/thermometer.rs"));

use thermometer::{
    operation::{
        read_temperature::{ReadTemperatureError, ReadTemperatureRequest, ReadTemperatureResponse},
        watch_temperature::{WatchTemperature, WatchTemperatureError, WatchTemperatureResponse},
    },
    server::{OnFull, RequestContext, StreamingRequest, StreamingResponse, event_queue},
    types::{Reading, TemperatureEvents, Unit, error::NoSuchRoomError},
};

/// A thermometer that knows one room, and its temperatures one after the other.
#[derive(Clone, Debug)]
pub struct OneRoom {
    /// The name of the room.
    pub room: String,
    /// In degrees Celsius.
    pub temperatures: Vec<f64>,
}

impl OneRoom {
    fn check(&self, room: &str) -> Result<(), NoSuchRoomError> {
        match room == self.room {
            true => Ok(()),
            false => Err(NoSuchRoomError::builder().message(format!("no room {room:?}")).build()),
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
        let error = NoSuchRoomError::builder().message("nobody watches").build();
        let (sender, events) = event_queue(64 * 1024, OnFull::Fail(error.into()));
        for celsius in &self.temperatures {
            // Whoever has gone away misses nothing.
            let _ = sender.send(&TemperatureEvents::Change(Self::reading(*celsius)));
        }
        sender.end();
        Ok(StreamingResponse::queued(WatchTemperatureResponse::default(), events))
    }
}
