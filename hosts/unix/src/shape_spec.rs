//! Rates of ports and queues, as a user writes them: `PORT=RATE` and `PORT:QUEUE[:min=P%][,max=P%]`.

use std::{fmt, str::FromStr};

use datapath::QueueConfig;
use hypercall::Port;

use crate::Error;

/// The rate of a port: what it sends at most, and what its queues have shares of.
///
/// ```
/// use rumpswitch_unix::RateSpec;
///
/// let spec: RateSpec = "2=10M".parse()?;
/// assert_eq!((spec.port.0, spec.kbps), (2, 10_000));
/// # Ok::<(), rumpswitch_unix::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateSpec {
    /// The port.
    pub port: Port,
    /// Kilobits per second.
    pub kbps: u32,
}

/// A queue of a port.
///
/// ```
/// use rumpswitch_unix::QueueSpec;
///
/// let spec: QueueSpec = "2:7:min=12.5%,max=50%".parse()?;
/// assert_eq!((spec.port.0, spec.queue.id), (2, 7));
/// assert_eq!((spec.queue.min_rate, spec.queue.max_rate), (125, 500));
/// let error = "2:7:most=1%".parse::<QueueSpec>().unwrap_err();
/// assert!(error.to_string().contains("'most=1%'"));
/// # Ok::<(), rumpswitch_unix::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// The port.
    pub port: Port,
    /// The queue.
    pub queue: QueueConfig,
}

impl FromStr for RateSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<RateSpec, Error> {
        let parsed = || {
            let (number, rate) = text.split_once('=').ok_or("expected PORT=RATE")?;
            Ok(RateSpec { port: port(number)?, kbps: kbps(rate)? })
        };
        parsed().map_err(|reason: String| Error::Shape { spec: text.to_owned(), reason })
    }
}

impl FromStr for QueueSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<QueueSpec, Error> {
        let parsed = || {
            let mut parts = text.splitn(3, ':');
            let (Some(number), Some(id)) = (parts.next(), parts.next()) else {
                return Err("expected PORT:QUEUE[:min=P%][,max=P%]".to_owned());
            };
            let mut queue = QueueConfig::new(queue_id(id)?);
            for rate in parts.next().into_iter().flat_map(|rates| rates.split(',')) {
                let (place, percent) = match rate.split_once('=') {
                    Some(("min", percent)) => (&mut queue.min_rate, percent),
                    Some(("max", percent)) => (&mut queue.max_rate, percent),
                    _ => return Err(format!("'{rate}' is neither min=P% nor max=P%")),
                };
                if *place != QueueConfig::NOT_CONFIGURED {
                    return Err(format!("'{rate}' is there twice"));
                }
                *place = thousandths(percent)?;
            }
            if queue.max_rate < queue.min_rate && queue.min_rate <= QueueConfig::WHOLE {
                return Err("max is less than min".to_owned());
            }
            Ok(QueueSpec { port: port(number)?, queue })
        };
        parsed().map_err(|reason| Error::Shape { spec: text.to_owned(), reason })
    }
}

impl fmt::Display for QueueSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.port, self.queue.id)
    }
}

fn port(text: &str) -> Result<Port, String> {
    if text.eq_ignore_ascii_case("local") {
        return Ok(Port::LOCAL);
    }
    let number = text.parse().ok().filter(|number| (1..=crate::spec::MAX_NUMBER).contains(number));
    number.map(Port).ok_or_else(|| format!("'{text}' is not the number of a port"))
}

fn queue_id(text: &str) -> Result<u32, String> {
    let id = text.parse().ok().filter(|id| *id != u32::MAX);
    id.ok_or_else(|| format!("'{text}' is not a queue: 0 to {}", u32::MAX - 1))
}

/// A share in percent, with at most one place behind the point.
fn thousandths(text: &str) -> Result<u16, String> {
    let wrong = || format!("'{text}' is not a share: 0% to 100%, in steps of 0.1%");
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit()) && !text.is_empty();
    if !digits(whole) || !digits(tenth) || tenth.len() != 1 {
        return Err(wrong());
    }
    let whole: u16 = whole.parse().map_err(|_| wrong())?;
    let tenth: u16 = tenth.parse().map_err(|_| wrong())?;
    let rate = whole.checked_mul(10).and_then(|rate| rate.checked_add(tenth));
    rate.filter(|rate| *rate <= QueueConfig::WHOLE).ok_or_else(wrong)
}

/// Bits per second with k, M or G, in kilobits.
fn kbps(text: &str) -> Result<u32, String> {
    let wrong = || format!("'{text}' is not a rate: 64k, 10M, 1G bits per second");
    let factor = match text.as_bytes().last() {
        Some(b'k' | b'K') => 1,
        Some(b'M') => 1_000,
        Some(b'G') => 1_000_000,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(factor).filter(|kbps| *kbps > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(text: &str) -> Result<QueueConfig, String> {
        text.parse::<QueueSpec>().map(|spec| spec.queue).map_err(|error| error.to_string())
    }

    #[test]
    fn queues() {
        assert_eq!(queue("1:0"), Ok(QueueConfig::new(0)));
        assert_eq!(queue("1:4294967294:max=100%").unwrap().max_rate, 1000);
        assert_eq!(queue("1:5:max=0.1%,min=0%").unwrap().min_rate, 0);
        assert_eq!("LOCAL:5".parse::<QueueSpec>().unwrap().port, Port::LOCAL);
        for (text, wrong) in [
            ("5", "expected PORT:QUEUE"),
            ("0:5", "'0' is not the number of a port"),
            ("1:4294967295", "'4294967295' is not a queue"),
            ("1:x", "'x' is not a queue"),
            ("1:5:", "'' is neither"),
            ("1:5:min=5", "'5' is not a share"),
            ("1:5:min=100.1%", "'100.1%' is not a share"),
            ("1:5:min=1.25%", "'1.25%' is not a share"),
            ("1:5:min=99999999%", "is not a share"),
            ("1:5:min=5%,min=5%", "there twice"),
            ("1:5:min=5%,max=4%", "max is less than min"),
        ] {
            let said = queue(text).unwrap_err();
            assert!(said.starts_with(&format!("'{text}': ")) && said.contains(wrong), "{said}");
        }
    }

    #[test]
    fn rates() {
        let rate = |text: &str| {
            text.parse::<RateSpec>().map(|spec| spec.kbps).map_err(|error| error.to_string())
        };
        assert_eq!(["1=64k", "1=10M", "1=4G"].map(rate), [Ok(64), Ok(10_000), Ok(4_000_000)]);
        for text in ["1=10", "1=", "1=0M", "1=5000G", "1", "x=1M", "1=-1M", "1=1.5M"] {
            assert!(rate(text).unwrap_err().starts_with(&format!("'{text}': ")));
        }
    }
}
