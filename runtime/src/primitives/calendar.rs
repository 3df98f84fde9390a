//! Timestamps as text: RFC 3339 and the dates of HTTP, without a database of time zones.

use super::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// From Thursday on, the day of the epoch.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

const SECS_PER_DAY: i64 = 86_400;

/// A time as in RFC 3339; `None` outside the years 0 to 9999.
pub(super) fn to_date_time(time: &Timestamp) -> Option<String> {
    let Fields { year, month, day, hour, minute, second, .. } = Fields::of(time)?;
    let fraction = fraction(time.subsec_nanos());
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"))
}

/// A time as in RFC 7231, section 7.1.1.1; `None` outside the years 0 to 9999.
pub(super) fn to_http_date(time: &Timestamp) -> Option<String> {
    let Fields { year, month, day, hour, minute, second, weekday } = Fields::of(time)?;
    let (weekday, month) = (DAYS[weekday], MONTHS[month as usize - 1]);
    let fraction = fraction(time.subsec_nanos());
    Some(format!(
        "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02}{fraction} GMT"
    ))
}

/// Nothing, or a point and three, six or nine digits.
fn fraction(nanos: u32) -> String {
    match nanos {
        0 => String::new(),
        _ if nanos % 1_000_000 == 0 => format!(".{:03}", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => format!(".{:06}", nanos / 1_000),
        _ => format!(".{nanos:09}"),
    }
}

/// Reads either form.
pub(super) fn from_text(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text);
    if text.starts_with(|it: char| it.is_ascii_digit()) {
        let (year, month, day) =
            (rest.number(4)?, rest.skip("-")?.number(2)?, rest.skip("-")?.number(2)?);
        rest.skip("Tt ")?;
        let (secs, nanos) = rest.time_of_day()?;
        let offset = rest.offset()?;
        rest.end()?;
        return Timestamp::at(days(year, month, day)?, secs - offset, nanos);
    }
    // The name of the day says nothing that the date does not.
    let (_, after) = rest.0.split_once(", ")?;
    rest = Rest(after);
    let day = rest.number(2)?;
    let name = rest.skip(" -")?.take(3)?;
    let month = MONTHS.iter().position(|it| it.eq_ignore_ascii_case(name))? as i64 + 1;
    let year = rest.skip(" -")?.number(4)?;
    rest.skip(" ")?;
    let (secs, nanos) = rest.time_of_day()?;
    if rest.skip(" ")?.take(3)? != "GMT" {
        return None;
    }
    rest.end()?;
    Timestamp::at(days(year, month, day)?, secs, nanos)
}

impl Timestamp {
    fn at(days: i64, secs: i64, nanos: u32) -> Option<Self> {
        Some(Self::new(days * SECS_PER_DAY + secs, nanos))
    }
}

/// What is left of a text.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn take(&mut self, len: usize) -> Option<&'t str> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of exactly so many digits.
    fn number(&mut self, len: usize) -> Option<i64> {
        let digits = self.take(len)?;
        digits.bytes().all(|it| it.is_ascii_digit()).then(|| digits.parse().ok())?
    }

    /// Passes over one of these characters.
    fn skip(&mut self, any_of: &str) -> Option<&mut Self> {
        any_of.contains(self.take(1)?).then_some(self)
    }

    /// Seconds since midnight, and the rest in nanoseconds; what is finer is cut off.
    fn time_of_day(&mut self) -> Option<(i64, u32)> {
        let (hour, minute) = (self.number(2)?, self.skip(":")?.number(2)?);
        let second = self.skip(":")?.number(2)?;
        // A leap second is the first one of the next minute.
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let mut nanos = 0;
        if let Some(rest) = self.0.strip_prefix('.') {
            let len = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
            self.0 = &rest[len..];
            let digits = rest[..len].bytes().map(|it| u32::from(it - b'0'));
            nanos = digits.chain(std::iter::repeat(0)).take(9).fold(0, |sum, it| sum * 10 + it);
            if len == 0 {
                return None;
            }
        }
        Some((hour * 3600 + minute * 60 + second, nanos))
    }

    /// The distance from UTC in seconds.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.take(1)? {
            "Z" | "z" => return Some(0),
            "+" => 1,
            "-" => -1,
            _ => return None,
        };
        let (hours, minutes) = (self.number(2)?, self.skip(":")?.number(2)?);
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }

    fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// A time as people write it, in UTC.
struct Fields {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    /// As in [`DAYS`].
    weekday: usize,
}

impl Fields {
    fn of(time: &Timestamp) -> Option<Self> {
        let days = time.secs().div_euclid(SECS_PER_DAY);
        let secs = time.secs().rem_euclid(SECS_PER_DAY);
        if !(DAYS_BEFORE_YEAR_0..DAYS_BEFORE_YEAR_10000).contains(&days) {
            return None;
        }
        // Years begin in March here, so that a leap day is the last of its year; 400 of them, an era,
        // always have the same number of days.
        let days_since_march_0 = days + 719_468;
        let era = days_since_march_0.div_euclid(146_097);
        let day_of_era = days_since_march_0.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let months_since_march = (5 * day_of_year + 2) / 153;
        let month = (months_since_march + 2) % 12 + 1;
        Some(Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * months_since_march + 2) / 5 + 1,
            hour: secs / 3600,
            minute: secs / 60 % 60,
            second: secs % 60,
            weekday: days.rem_euclid(7) as usize,
        })
    }
}

const DAYS_BEFORE_YEAR_0: i64 = -719_528;
const DAYS_BEFORE_YEAR_10000: i64 = 2_932_897;

/// The days from the epoch to a date; `None` if there is no such date.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) {
        return None;
    }
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    Some(years * 365 + leap_days + (months * 153 + 2) / 5 + day - 719_469)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_both_ways() {
        for day in (DAYS_BEFORE_YEAR_0..DAYS_BEFORE_YEAR_10000).step_by(5) {
            let time = Timestamp::from_secs(day * SECS_PER_DAY + day.rem_euclid(SECS_PER_DAY));
            let it = Fields::of(&time).unwrap();
            assert_eq!(days(it.year, it.month, it.day), Some(day));
        }
        for day in (DAYS_BEFORE_YEAR_0..DAYS_BEFORE_YEAR_10000).step_by(97) {
            let time = Timestamp::new(day * SECS_PER_DAY + 86_399, 1_000);
            assert_eq!(from_text(&to_date_time(&time).unwrap()), Some(time));
            assert_eq!(from_text(&to_http_date(&time).unwrap()), Some(time));
        }
        let end = Timestamp::from_secs(DAYS_BEFORE_YEAR_10000 * SECS_PER_DAY);
        assert_eq!((to_date_time(&end), to_http_date(&end)), (None, None));
        let start = Timestamp::from_secs(DAYS_BEFORE_YEAR_0 * SECS_PER_DAY - 1);
        assert_eq!(to_date_time(&start), None);
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
        let secs = |text: &str| from_text(text).map(|it| (it.secs(), it.subsec_nanos()));
        assert_eq!(secs("1985-04-12t23:20:50.52z"), Some((482_196_050, 520_000_000)));
        assert_eq!(secs("1996-12-19T16:39:57-08:00"), Some((851_042_397, 0)));
        assert_eq!(secs("1990-12-31T23:59:60Z"), Some((662_688_000, 0)));
        assert_eq!(secs("1970-01-01T00:00:00.0000000019Z"), Some((0, 1)));
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
            "1985-04-12T23:20:50Z ",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "äöü",
        ] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }
}
