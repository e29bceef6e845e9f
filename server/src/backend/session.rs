//! Offsets of a time zone, so that the browser needs no zone database and both renders agree.

use jiff::tz::TimeZone;
use model::{SECOND, Timestamp, Window, Zone};

/// The offsets of an IANA zone over a window; UTC when the name is not known.
pub(super) fn zone(name: &str, window: Window) -> Zone {
    let Ok(tz) = TimeZone::get(name) else { return Zone::utc() };
    let Ok(from) = jiff::Timestamp::from_second(window.from.seconds()) else { return Zone::utc() };
    let mut offsets = vec![(window.from, tz.to_offset(from).seconds())];
    // Zones change twice a year; a window of 400 days has three changes at most, and a few spare do no harm.
    for transition in tz.following(from).take(8) {
        let at = Timestamp(transition.timestamp().as_second().saturating_mul(SECOND));
        if at >= window.to {
            break;
        }
        offsets.push((at, transition.offset().seconds()));
    }
    Zone { name: name.to_owned(), offsets }
}

#[cfg(test)]
mod tests {
    use model::DAY;

    use super::*;

    #[test]
    fn summer_time_begins_inside_the_window() {
        let change = Timestamp::from_seconds(1_774_746_000); // 2026-03-29 01:00 UTC
        let zone = zone("Europe/Berlin", Window::new(change.plus(-DAY), change.plus(DAY)));
        assert_eq!((zone.offset(change.plus(-1)), zone.offset(change)), (3_600, 7_200));
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        let window = Window::new(Timestamp(0), Timestamp(DAY));
        assert_eq!(zone("../../etc/passwd", window), Zone::utc());
        assert_eq!(zone("", window), Zone::utc());
    }
}
