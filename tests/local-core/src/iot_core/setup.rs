//! The options of AWS IoT Core, and its control by a test.

use std::sync::Arc;

use greengrass_core_ipc::types::MqttMessage;

use super::{IotCore, Link, Message};
use crate::{Builder, clock::Clock, core::LocalCore, edition::Edition};

/// Where messages go.
#[derive(Clone, Debug, Default)]
pub(crate) enum Target {
    /// To the subscribers in this process.
    #[default]
    Loopback,
    /// Nowhere: the device is configured to run offline.
    Nowhere,
    #[cfg(feature = "mqtt")]
    Broker(super::broker::Options),
}

impl Target {
    /// Reads the files of the options. `thing` is the name of the thing, if it is given.
    pub(crate) fn prepare(
        self,
        edition: Edition,
        clock: Clock,
        thing: Option<&str>,
    ) -> Result<Arc<IotCore>, String> {
        #[cfg(not(feature = "mqtt"))]
        let _ = thing;
        let link = match self {
            Self::Loopback => Link::Loopback,
            Self::Nowhere => Link::Nowhere,
            #[cfg(feature = "mqtt")]
            Self::Broker(options) => Link::Broker(Box::new(options.prepare(thing)?)),
        };
        Ok(Arc::new(IotCore::new(edition, clock, link)))
    }
}

impl Builder {
    /// Configures the device to run offline: publishing to AWS IoT Core and subscribing fail. Default: what components
    /// publish reaches the subscribers of this core.
    pub fn offline(mut self) -> Self {
        self.iot_core = Target::Nowhere;
        self
    }
}

#[cfg(feature = "mqtt")]
impl Builder {
    /// Connects AWS IoT Core to a broker for MQTT 5, such as `mqtt://localhost` or, with TLS,
    /// `mqtts://USER:PASSWORD@HOST:PORT`. The default ports are 1883 and 8883.
    ///
    /// The core starts even if there is no broker, and connects when there is one.
    pub fn mqtt(mut self, url: impl Into<String>) -> Self {
        self.broker().url = url.into();
        self
    }

    /// Sets the file with the certificates that the broker's certificate is checked against, in PEM. Default: those of the
    /// operating system. Requires [`Self::mqtt`], as do the options below.
    pub fn mqtt_ca(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.broker().ca = Some(path.into());
        self
    }

    /// Sets the files with the certificate of this client and its private key, in PEM.
    pub fn mqtt_cert(
        mut self,
        certificate: impl Into<std::path::PathBuf>,
        key: impl Into<std::path::PathBuf>,
    ) -> Self {
        self.broker().certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Sets the client ID, which one client of the broker has at a time. Default: the name of the thing if it is set,
    /// or a random one.
    pub fn mqtt_client_id(mut self, id: impl Into<String>) -> Self {
        self.broker().client_id = Some(id.into());
        self
    }

    fn broker(&mut self) -> &mut super::broker::Options {
        if !matches!(self.iot_core, Target::Broker(_)) {
            self.iot_core = Target::Broker(super::broker::Options::default());
        }
        match &mut self.iot_core {
            Target::Broker(options) => options,
            _ => unreachable!("it has just been set"),
        }
    }
}

impl LocalCore {
    /// Publishes a message as another client of AWS IoT Core: each component with a matching subscription receives it.
    /// With a broker, it is sent to the broker.
    ///
    /// # Panics
    ///
    /// If the message exceeds a limit of AWS IoT Core, or the device is configured to run offline.
    pub fn publish_to_iot_core(&self, message: MqttMessage) {
        let iot_core = &self.nucleus().iot_core;
        let published = iot_core.publish(Message::new(message, iot_core.clock.instant()));
        published.unwrap_or_else(|reason| panic!("the message cannot be published: {reason}"));
    }

    /// Sets whether the core is connected to AWS IoT Core, which it is at first. Without a connection, messages with
    /// QoS 1 wait for it and others are refused. Subscriptions stay.
    ///
    /// # Panics
    ///
    /// If the core is connected to a broker, or the device is configured to run offline.
    pub fn connect_iot_core(&self, is_connected: bool) {
        let iot_core = &self.nucleus().iot_core;
        assert!(
            matches!(iot_core.link, Link::Loopback),
            "the connection is not that of this process"
        );
        iot_core.set_connected(is_connected);
    }
}
