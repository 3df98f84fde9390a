//! Timestamps as text: RFC 3339 and HTTP dates, in the proleptic Gregorian calendar.

use std::str::FromStr;

use super::{Timestamp, TimestampTextError};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The days of the week, from that of 1970-01-01.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

const SECS_PER_DAY: i64 = 86_400;

impl Timestamp {
    /// The time as in RFC 3339, in UTC, such as `1985-04-12T23:20:50.520Z`; `None` outside the years 0 to
    /// 9999.
    pub fn to_date_time(&self) -> Option<String> {
        let (year, month, day) = date(self.days())?;
        Some(format!("{year:04}-{month:02}-{day:02}T{}Z", self.time_of_day()))
    }

    /// The time as in HTTP (RFC 7231, section 7.1.1.1), such as `Fri, 12 Apr 1985 23:20:50 GMT`, with a fraction of
    /// the second if it is not zero; `None` outside the years 0 to 9999.
    pub fn to_http_date(&self) -> Option<String> {
        let (year, month, day) = date(self.days())?;
        let weekday = WEEKDAYS[self.days().rem_euclid(7) as usize];
        let month = MONTHS[month as usize - 1];
        Some(format!("{weekday}, {day:02} {month} {year:04} {} GMT", self.time_of_day()))
    }

    /// Days since the epoch, rounded down.
    fn days(&self) -> i64 {
        self.secs().div_euclid(SECS_PER_DAY)
    }

    /// Hours, minutes and seconds, with three, six or nine digits of a fraction if it is not zero.
    fn time_of_day(&self) -> String {
        let secs = self.secs().rem_euclid(SECS_PER_DAY);
        let fraction = match self.subsec_nanos() {
            0 => String::new(),
            nanos if nanos % 1_000_000 == 0 => format!(".{:03}", nanos / 1_000_000),
            nanos if nanos % 1_000 == 0 => format!(".{:06}", nanos / 1_000),
            nanos => format!(".{nanos:09}"),
        };
        format!("{:02}:{:02}:{:02}{fraction}", secs / 3600, secs / 60 % 60, secs % 60)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampTextError;

    /// Reads a date and time as in RFC 3339 or as in HTTP.
    fn from_str(text: &str) -> Result<Self, TimestampTextError> {
        let time = if text.starts_with(|it: char| it.is_ascii_digit()) {
            from_date_time(text)
        } else {
            from_http_date(text)
        };
        time.ok_or(TimestampTextError(()))
    }
}

fn from_date_time(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = split(date, ['-'])?;
    let days = days(number(year, 4)?, number(month, 2)?, number(day, 2)?)?;
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return at(days, time, 0);
    }
    let (time, offset) = time.split_at(time.rfind(['+', '-'])?);
    let [hours, minutes] = split(&offset[1..], [':'])?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let secs = hours * 3600 + minutes * 60;
    at(days, time, if offset.starts_with('-') { -secs } else { secs })
}

fn from_http_date(text: &str) -> Option<Timestamp> {
    // The day of the week follows from the date.
    let (_, text) = text.split_once(", ")?;
    let (date, time) = text.strip_suffix(" GMT")?.rsplit_once(' ')?;
    let [day, name, year] = split(date, [' ', '-'])?;
    let month = MONTHS.iter().position(|it| it.eq_ignore_ascii_case(name))? as i64 + 1;
    at(days(number(year, 4)?, month, number(day, 2)?)?, time, 0)
}

/// The time of a day, with the offset from UTC in seconds. Digits beyond nanoseconds are cut off.
fn at(days: i64, time: &str, offset: i64) -> Option<Timestamp> {
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = split(time, [':'])?;
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    // A leap second is the first second of the next minute.
    if hour > 23 || minute > 59 || second > 60 || !is_digits(fraction) {
        return None;
    }
    let nanos = format!("{fraction:0<9.9}").parse().ok()?;
    let secs = days * SECS_PER_DAY + hour * 3600 + minute * 60 + second - offset;
    Some(Timestamp::new(secs, nanos))
}

/// The parts of a text; `None` if it has more or fewer.
fn split<const PARTS: usize, const SEPARATORS: usize>(
    text: &str,
    separators: [char; SEPARATORS],
) -> Option<[&str; PARTS]> {
    text.split(separators).collect::<Vec<_>>().try_into().ok()
}

/// A number of exactly `len` digits.
fn number(text: &str, len: usize) -> Option<i64> {
    if text.len() == len && is_digits(text) { text.parse().ok() } else { None }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

/// Year, month and day; `None` outside the years 0 to 9999.
fn date(days: i64) -> Option<(i64, i64, i64)> {
    // 400 years have 146,097 days. The estimate differs from the year by at most one.
    let estimate = 1970 + (days * 400).div_euclid(146_097);
    let year = (estimate - 1..=estimate + 1).rfind(|it| days_before(*it, 1) <= days)?;
    let month = (1..=12).rfind(|it| days_before(year, *it) <= days)?;
    let day = days - days_before(year, month) + 1;
    (0..10_000).contains(&year).then_some((year, month, day))
}

/// The days from the epoch to a date; `None` if there is no such date.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let first = days_before(year, month);
    let days_in_month = days_before(year, month + 1) - first;
    let is_valid = (1..=12).contains(&month) && (1..=days_in_month).contains(&day);
    is_valid.then_some(first + day - 1)
}

/// The days from the epoch to the first day of a month. Month 13 is the January of the next year.
fn days_before(year: i64, month: i64) -> i64 {
    // In years that begin in March, a leap day is the last day.
    let (year, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (months * 153 + 2) / 5 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS_BEFORE_YEAR_0: i64 = -719_528;
    const DAYS_BEFORE_YEAR_10000: i64 = 2_932_897;

    #[test]
    fn dates_go_both_ways() {
        for day in (DAYS_BEFORE_YEAR_0..DAYS_BEFORE_YEAR_10000).step_by(5) {
            let (year, month, day_of_month) = date(day).unwrap();
            assert_eq!(days(year, month, day_of_month), Some(day));
        }
        for day in (DAYS_BEFORE_YEAR_0..DAYS_BEFORE_YEAR_10000).step_by(97) {
            let time = Timestamp::new(day * SECS_PER_DAY + 86_399, 1_000);
            assert_eq!(time.to_date_time().unwrap().parse(), Ok(time));
            assert_eq!(time.to_http_date().unwrap().parse(), Ok(time));
        }
        let end = Timestamp::from_secs(DAYS_BEFORE_YEAR_10000 * SECS_PER_DAY);
        assert_eq!((end.to_date_time(), end.to_http_date()), (None, None));
        let start = Timestamp::from_secs(DAYS_BEFORE_YEAR_0 * SECS_PER_DAY - 1);
        assert_eq!(start.to_date_time(), None);
    }

    #[test]
    fn writes_what_the_specifications_show() {
        let time = Timestamp::new(482_196_050, 520_000_000);
        assert_eq!(time.to_date_time().unwrap(), "1985-04-12T23:20:50.520Z");
        assert_eq!(time.to_http_date().unwrap(), "Fri, 12 Apr 1985 23:20:50.520 GMT");
        let time = Timestamp::from_secs(784_111_777);
        assert_eq!(time.to_http_date().unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(time.to_date_time().unwrap(), "1994-11-06T08:49:37Z");
    }

    #[test]
    fn reads_what_others_write_and_nothing_else() {
        let read = |text: &str| text.parse::<Timestamp>().ok();
        let secs = |text: &str| read(text).map(|it| (it.secs(), it.subsec_nanos()));
        assert_eq!(secs("1985-04-12t23:20:50.52z"), Some((482_196_050, 520_000_000)));
        assert_eq!(secs("1996-12-19T16:39:57-08:00"), Some((851_042_397, 0)));
        assert_eq!(secs("1990-12-31T23:59:60Z"), Some((662_688_000, 0)));
        assert_eq!(secs("1970-01-01T00:00:00.0000000019Z"), Some((0, 1)));
        assert_eq!(
            secs(&format!("1970-01-01T00:00:00.1{}Z", "9".repeat(40))),
            Some((0, 199_999_999))
        );
        assert_eq!(secs("Sunday, 06-Nov-1994 08:49:37 GMT"), Some((784_111_777, 0)));
        for text in [
            "",
            "1985-04-12",
            "1985-04-12T23:20:50",
            "1985-04-12T23:20:50.Z",
            "1985-04-12T24:20:50Z",
            "1985-02-29T23:20:50Z",
            "1985-13-01T23:20:50Z",
            "1985-04-12T23:20:50+0800",
            "1985-04-12T23:20:50+24:00",
            "1985-04-12T23:20:50.1+1Z",
            "1985-04-12T23:20:50Z ",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 1994-08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37-GMT",
            "äöü",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
